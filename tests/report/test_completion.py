"""Bash completion, in a real bash, against the program's own parser."""
import os
import subprocess

import pytest

from tests.package.test_documentation import options, parsers

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = r'''
. "$1"; shift
COMP_WORDS=(kvm-graceful "$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_kvm_graceful
[ ${#COMPREPLY[@]} -eq 0 ] || printf '%s\n' "${COMPREPLY[@]}"
'''


@pytest.fixture
def completed(tmp_path):
    """completed(word, ...): what is offered for the last word."""
    folder = tmp_path / 'bin'
    folder.mkdir()
    (folder / 'kvm-graceful').symlink_to(os.path.join(TOP, 'bin', 'kvm-graceful'))
    # What libvirt's own client says of running guests: only its list of names is taken.
    (folder / 'virsh').write_text('#!/bin/sh\n[ "$*" = "--quiet list --name" ] && printf "web\\nmy guest\\n\\n"\n')
    (folder / 'virsh').chmod(0o755)
    (tmp_path / 'a page.html').write_text('')
    (tmp_path / 'a folder').mkdir()

    def complete(*words):
        done = subprocess.run(['bash', '--norc', '-c', SCRIPT, 'bash', os.path.join(TOP, 'completions', 'kvm-graceful')] + list(words),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, cwd=str(tmp_path),
                              env=dict(os.environ, PATH='%s:%s' % (folder, os.environ['PATH'])))
        assert (done.returncode, done.stderr) == (0, '')
        return done.stdout.splitlines()
    return complete


def test_all_verbs_are_offered_and_nothing_else(completed):
    assert sorted(completed('')) == sorted(list(parsers()) + ['--help', '--version'])
    assert completed('pl') == ['plan']


@pytest.mark.parametrize('verb', sorted(parsers()))
def test_all_options_of_a_verb_are_offered_and_nothing_else(completed, verb):
    assert set(completed(verb, '--')) == options(parsers()[verb])


def test_what_follows_an_option_is_of_its_kind(completed):
    assert completed('report', '--html', 'a') == ['a\\ folder', 'a\\ page.html']
    assert completed('report', '--textfile', 'a') == ['a\\ folder']
    assert completed('simulate', 'a') == ['a\\ folder', 'a\\ page.html']


def test_guests_that_are_on_are_offered_quoted(completed):
    assert completed('stop', '') == ['web', 'my\\ guest']
    assert completed('plan', '--json', 'w') == ['web']


def test_a_run_is_offered_by_its_number(completed, tmp_path):
    assert completed('report', '') == [] or all(line.isdigit() for line in completed('report', ''))
    assert completed('simulate', '--js') == ['--json']


def test_an_unknown_verb_offers_nothing(completed):
    assert completed('dance', '') == []
