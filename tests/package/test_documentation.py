"""Every verb, option, key, variable and exit code is documented, and the documents name nothing that does not exist.

What exists is asked of the program itself: its parser, its tables of variables and keys, its error classes.
"""
import argparse
import os
import re

import pytest

from kvm_graceful import cli, errors, guestsconf, settings
from kvm_graceful.report import text
from tests.package.building import TOP

PAGES = ('kvm-graceful.8.rst', 'kvm-graceful-shutdown.8.rst', 'guests.conf.5.rst')
# Words of libvirt-guests that keep their meaning; our manual names the file, and those that mean something special here.
OF_OTHERS = {'NO_COLOR', 'TERM'}


def read(*path):
    with open(os.path.join(TOP, *path), encoding='utf-8') as stream:
        return stream.read()


MANUAL = read('man', 'kvm-graceful.8.rst')
EVERYTHING = {name: read(*name.split('/')) for name in ['man/' + page for page in PAGES] + [
    'README.md', 'docs/guests.md', 'etc/default/kvm-graceful-shutdown', 'etc/kvm-graceful-shutdown/guests.conf', 'debian/changelog',
    'debian/control']}


def parsers():
    """{verb: its parser}."""
    top = cli._parser()
    return next(action for action in top._actions if isinstance(action, argparse._SubParsersAction)).choices


def options(parser):
    return {word for action in parser._actions for word in action.option_strings if word.startswith('--')}


def section(page, title):
    """The text under a heading of an rst page."""
    return re.search(r'(?s)\n%s\n=+\n(.*?)(?=\n[A-Z0-9\' -]+\n=+\n|$)' % re.escape(title), page).group(1)


def test_the_program_has_verbs_options_keys_and_variables():
    """Without which all other tests here would pass."""
    assert {'plan', 'stop', 'status', 'report', 'host-stop', 'set', 'simulate'} <= set(parsers())
    assert {'--json', '--html', '--deadline'} <= options(parsers()['plan'])
    assert len(guestsconf.KEYS) >= 7 and len(settings.VARIABLES) >= 15


@pytest.mark.parametrize('verb', sorted(parsers()))
def test_each_verb_is_in_the_synopsis_and_explained(verb):
    assert '| **kvm-graceful** **%s**' % verb in section(MANUAL, 'SYNOPSIS')
    assert re.search(r'(?m)^\*\*%s\*\*' % verb, section(MANUAL, 'VERBS'))


def test_each_option_is_explained():
    explained = set(re.findall(r'``(--[a-z-]+)``', section(MANUAL, 'OPTIONS')))
    there = {word for parser in parsers().values() for word in options(parser)} | {'--version'}
    assert there - explained == set()


def test_each_option_that_is_only_for_some_verbs_says_so_or_is_understood():
    """An option is named with the verbs that take it, where those are not all that look at the host."""
    for word in ('--list', '--html', '--brief', '--watch', '--prometheus', '--textfile'):
        explained = re.search(r'(?ms)^``%s``.*?\n\n' % word, section(MANUAL, 'OPTIONS')).group()
        taking = {verb for verb, parser in parsers().items() if word in options(parser)}
        assert set(re.findall(r'\*\*([a-z-]+)\*\*', explained.split('\n', 1)[1])) & set(parsers()) == taking, word


def test_each_key_is_explained():
    explained = set(re.findall(r'(?m)^\*\*([a-z-]+)\*\* = ', section(read('man', 'guests.conf.5.rst'), 'KEYS')))
    assert explained == set(guestsconf.KEYS)
    for key in guestsconf.KEYS:
        assert '**%s**' % key in section(MANUAL, 'CONFIGURATION')
        assert re.search(r'(?m)^#   %s +\w' % key, EVERYTHING['etc/kvm-graceful-shutdown/guests.conf'])
        assert '`%s`' % key in EVERYTHING['README.md']


def test_each_word_that_a_key_takes_is_explained():
    keys = section(read('man', 'guests.conf.5.rst'), 'KEYS')
    for word in set(guestsconf.ON_TIMEOUT + guestsconf.ON_SHUTDOWN + guestsconf.METHODS) | {'never'}:
        assert '*%s*' % word in keys


def test_each_variable_of_our_own_is_explained():
    own = set(settings.VARIABLES) - set(settings.OF_LIBVIRT_GUESTS) - set(settings.NOT_FROM_LIBVIRT_GUESTS)
    own |= {'URIS', 'ON_BOOT', 'START_DELAY', 'SYNC_TIME'}
    assert set(re.findall(r'(?m)^\*\*([A-Z_]+)\*\* \(default', section(MANUAL, 'CONFIGURATION'))) == own
    shipped = EVERYTHING['etc/default/kvm-graceful-shutdown']
    assert set(re.findall(r'(?m)^#([A-Z_]+)=', shipped)) == own
    assert {name for name in own if name + '=' not in EVERYTHING['README.md']} == set()


def test_each_exit_code_is_explained():
    codes = {str(one.exit_code) for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.KvmGracefulError)}
    codes |= {str(code) for code in text._CODES} | {'128+n'}
    assert set(re.findall(r'(?m)^([0-9+n]+)\n    ', section(MANUAL, 'EXIT STATUS'))) == codes
    assert set(re.findall(r'(?m)^\| ([0-9+n]+) \|', EVERYTHING['README.md'])) == codes


# -- and the other way round

def test_no_document_names_a_verb_that_there_is_not():
    named = {}
    for name, page in EVERYTHING.items():
        for mark in (r'[`"]kvm-graceful ([a-z][a-z-]+)', r'\*\*kvm-graceful\*\* \*\*([a-z-]+)', r'\*\*kvm-graceful ([a-z][a-z-]+)',
                     r'(?m)^ {4}(?:# )?kvm-graceful ([a-z][a-z-]+)'):
            for verb in re.findall(mark, page):
                named.setdefault(verb, set()).add(name)
    assert len(named) >= 6
    assert {verb: where for verb, where in named.items() if verb not in parsers()} == {}


def test_no_document_names_an_option_that_there_is_not():
    there = {word for parser in parsers().values() for word in options(parser)} | {'--version'}
    assert set(re.findall(r'``(--[a-z-]+)``', MANUAL)) <= there
    for name, page in EVERYTHING.items():
        for words in re.findall(r'(?m)(?:kvm-graceful|`(?:report|plan|stop|status)) ([^`"\n]*)', page):
            assert set(re.findall(r'(?<![\w-])--[a-z][a-z-]+', words)) <= there, (name, words)


def test_no_document_names_a_variable_that_there_is_not():
    for page in PAGES:
        bold = set(re.findall(r'\*\*([A-Z][A-Z_]+)\*\*', read('man', page)))
        assert bold <= set(settings.VARIABLES) | OF_OTHERS, page


@pytest.mark.parametrize('name', sorted(EVERYTHING))
def test_each_example_of_guests_conf_is_understood(name):
    page = EVERYTHING[name]
    examples = re.findall(r'(?m)(?:^ {4}(?:\[[^\]\n]+\]|[a-z-]+ = .*|# .*)?\n)+', page) if not name.startswith('etc/') else [page]
    count = 0
    for example in examples:
        if not re.search(r'(?m)^ *\[[^\]]+\]$', example):
            continue
        _, problems = guestsconf.parse('\n'.join(line.strip() for line in example.split('\n')).encode('utf-8'), name)
        assert [str(problem) for problem in problems] == []
        count += 1
    assert count >= {'README.md': 1, 'docs/guests.md': 3, 'man/guests.conf.5.rst': 3}.get(name, 0)


def test_the_readme_s_variables_are_understood(tmp_path):
    example = re.search(r'(?m)(?:^ {4}[A-Z_]+=.*\n)+', EVERYTHING['README.md']).group()
    (tmp_path / 'config').write_text('\n'.join(line.split(' # ')[0].strip() for line in example.splitlines()))
    found = settings.load(str(tmp_path / 'config'), '/none')
    assert found.problems == [] and len(found.readings) >= 8


def test_the_plan_of_the_house_names_every_room_and_no_other():
    named = set(re.findall(r'[\w/]*\w+\.py', read('docs', 'house.md').split('## One shutdown')[0]))
    rooms = {os.path.relpath(os.path.join(where, name), os.path.join(TOP, 'kvm_graceful'))
             for where, _, names in os.walk(os.path.join(TOP, 'kvm_graceful')) for name in names
             if name.endswith('.py') and name != '__init__.py'}
    there = {os.path.basename(room) for room in rooms}
    assert {os.path.basename(name) for name in named} - there == set()
    assert there - {os.path.basename(name) for name in named} == set()


@pytest.mark.parametrize('page', PAGES)
def test_pages_refer_to_pages_that_there_are(page):
    ours = {'%s\\ (%s)' % tuple(name[:-4].rsplit('.', 1)) for name in PAGES}
    known = ours | {'virsh\\ (1)', 'libvirtd\\ (8)', 'systemd.special\\ (7)', 'molly-guard\\ (8)'}
    named = {name.replace('**', '') for name in re.findall(r'\*\*[\w.-]+\*\*\\ \(\d\)', read('man', page))}
    assert named and named <= known, named - known
