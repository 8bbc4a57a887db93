"""What is in the package: control data, files, modes, configuration files, and that the manual tells all of it."""
import ast
import configparser
import os
import re

import pytest

from kvm_graceful import __version__, settings
from tests.package.building import TOP, output, run

FILES = {
    '/etc/default/kvm-graceful-shutdown': '-rw-r--r--',
    '/etc/init.d/kvm-graceful-shutdown': '-rwxr-xr-x',
    '/etc/init.d/kvm-graceful-watch': '-rwxr-xr-x',
    '/etc/kvm-graceful-shutdown/guests.conf': '-rw-r--r--',
    '/etc/molly-guard/run.d/20-kvm-graceful-shutdown': '-rwxr-xr-x',
    '/usr/lib/systemd/system/kvm-graceful-shutdown.service': '-rw-r--r--',
    '/usr/lib/systemd/system/kvm-graceful-shutdown-arm.service': '-rw-r--r--',
    '/usr/lib/systemd/system/kvm-graceful-watch.service': '-rw-r--r--',
    '/usr/lib/systemd/system/kvm-graceful-start.service': '-rw-r--r--',
    '/usr/sbin/kvm-graceful': '-rwxr-xr-x',
    '/usr/share/bash-completion/completions/kvm-graceful': '-rw-r--r--',
    '/usr/share/doc/kvm-graceful-shutdown/changelog.gz': '-rw-r--r--',
    '/usr/share/doc/kvm-graceful-shutdown/copyright': '-rw-r--r--',
    '/usr/share/man/man5/guests.conf.5.gz': '-rw-r--r--',
    '/usr/share/man/man8/kvm-graceful-shutdown.8.gz': '-rw-r--r--',
    '/usr/share/man/man8/kvm-graceful.8.gz': '-rw-r--r--',
    '/usr/share/python3/runtime.d/kvm-graceful-shutdown.rtupdate': '-rwxr-xr-x',
}
MODULES = '/usr/share/kvm-graceful-shutdown/kvm_graceful/'


def modules_of(folder):
    """Paths of the Python files below `folder`, from there."""
    return sorted(os.path.relpath(os.path.join(where, name), folder)
                  for where, _, names in os.walk(folder) for name in names if name.endswith('.py'))


def test_files_are_these_and_no_others(package):
    found = {name: mode for name, mode in package.members.items() if not name.endswith('/')}
    found = {name: mode for name, mode in found.items() if not name.startswith(MODULES)}
    documents = {name for name in found if re.match('/usr/share/doc/kvm-graceful-shutdown/(README|guests|speed|ups)[.]md', name)}
    assert {name: mode for name, mode in found.items() if name not in documents} == FILES


def test_every_module_is_there_and_nothing_else_beside_them(package, checkout):
    expected = modules_of(os.path.join(checkout, 'kvm_graceful'))
    assert 'model.py' in expected
    found = sorted(name[len(MODULES):] for name in package.members
                   if name.startswith(MODULES) and not name.endswith('/'))
    assert found == expected
    assert {package.members[MODULES + name] for name in found} == {'-rw-r--r--'}


def test_nothing_is_installed_in_lib(package):
    assert not [name for name in package.members if re.match('/(lib|bin|sbin)/', name)]


def test_folders_are_open_to_read_and_closed_to_write(package):
    assert {mode for name, mode in package.members.items() if name.endswith('/')} == {'drwxr-xr-x'}


def test_control_data(package):
    fields = package.fields
    assert fields['Package'] == 'kvm-graceful-shutdown'
    assert fields['Architecture'] == 'all'
    assert fields['Section'] == 'admin'
    depends = [one.strip() for one in fields['Depends'].split(',')]
    assert 'python3-libvirt' in depends
    assert [one for one in depends if one.startswith('python3:any')]
    # At run time nothing but Python, its libvirt binding, and the functions that the init script sources.
    assert len(depends) == 3, depends


def test_version_is_the_same_everywhere(package, checkout):
    code, out, _ = run([os.path.join(checkout, 'bin', 'kvm-graceful'), '--version'])
    assert (code, out) == (0, 'kvm-graceful %s\n' % __version__)
    assert package.fields['Version'] == __version__
    with open(os.path.join(checkout, 'setup.py')) as stream:
        assert "version='%s'" % __version__ in stream.read()
    for page in os.listdir(os.path.join(checkout, 'man')):
        with open(os.path.join(checkout, 'man', page)) as stream:
            assert ':Version: kvm-graceful-shutdown %s\n' % __version__ in stream.read()


def test_setup_py_names_every_package(checkout):
    with open(os.path.join(checkout, 'setup.py')) as stream:
        tree = ast.parse(stream.read())
    named = next(ast.literal_eval(keyword.value) for node in ast.walk(tree) if isinstance(node, ast.Call)
                 for keyword in node.keywords if keyword.arg == 'packages')
    folders = {os.path.dirname(name) for name in modules_of(os.path.join(checkout, 'kvm_graceful'))}
    assert sorted(named) == sorted('.'.join(['kvm_graceful'] + folder.split('/')).rstrip('.') for folder in folders)


def test_configuration_files_are_conffiles(package):
    with open(os.path.join(package.control, 'conffiles')) as stream:
        assert sorted(stream.read().split()) == sorted(name for name in FILES if name.startswith('/etc/'))


@pytest.mark.parametrize('examples', [False, True])
def test_shipped_configuration_is_understood(package, tmp_path, examples):
    """As it is, and with every example in force."""
    paths, variables = [], 0
    for name in ('/etc/default/kvm-graceful-shutdown', '/etc/kvm-graceful-shutdown/guests.conf'):
        with open(package.root + name) as stream:
            text = stream.read()
        if examples:
            text = re.sub(r'(?m)^#(?=[A-Z_]+=|\[|[a-z-]+ = )', '', text)
        variables += len(re.findall(r'(?m)^[A-Z_]+=', text))
        path = tmp_path / os.path.basename(name)
        path.write_text(text)
        paths.append(str(path))
    found = settings.load(*paths)
    assert not found.problems
    assert (len(found.readings), variables > 15) == (variables, examples)
    assert len(found.sections) == (3 if examples else 0)
    if not examples:
        # An example that is not the default says what the default is by being commented out; nothing is in force.
        assert (found.deadline_s, found.parallel, found.policy) == (300, None, settings.DEFAULT_POLICY)


def test_every_variable_that_the_shipped_file_names_is_known(package):
    with open(package.root + '/etc/default/kvm-graceful-shutdown') as stream:
        named = re.findall(r'\b[A-Z]+(?:_[A-Z]+)+\b|(?m:^#[A-Z]+(?==))', stream.read())
    assert len(named) >= 8
    assert {name.lstrip('#') for name in named} <= set(settings.VARIABLES)


def test_program_runs_from_the_unpacked_package(package, tmp_path):
    """With the package's own modules: moved to where the program looks for them in a tree of its own."""
    tree = tmp_path / 'tree'
    output(['cp', '-r', package.root + '/usr/share/kvm-graceful-shutdown', str(tree)])
    os.mkdir(str(tree / 'bin'))
    output(['cp', package.root + '/usr/sbin/kvm-graceful', str(tree / 'bin' / 'kvm-graceful')])
    code, out, err = run([str(tree / 'bin' / 'kvm-graceful'), '--version'], cwd='/')
    assert (code, out) == (0, 'kvm-graceful %s\n' % package.fields['Version']), err


def test_program_starts_with_the_distribution_s_own_python(package):
    with open(package.root + '/usr/sbin/kvm-graceful') as stream:
        assert stream.readline() == '#!/usr/bin/python3 -Es\n'


def test_copyright_is_machine_readable(package):
    with open(package.root + '/usr/share/doc/kvm-graceful-shutdown/copyright') as stream:
        text = stream.read()
    assert text.startswith('Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n')
    with open(os.path.join(TOP, 'LICENSE')) as stream:
        licence = stream.read()
    # The licence is the same text in both places.
    words = ' '.join(line.strip() for line in text.split('License: Expat\n')[-1].splitlines() if line.strip() != '.')
    assert ' '.join(licence.split('\n\n', 2)[2].split()) == ' '.join(words.split())


def test_source_is_native_and_asks_for_no_root(checkout):
    with open(os.path.join(checkout, 'debian', 'source', 'format')) as stream:
        assert stream.read() == '3.0 (native)\n'
    source = configparser.ConfigParser()
    with open(os.path.join(checkout, 'debian', 'control')) as stream:
        source.read_string('[source]\n' + stream.read().split('\n\n')[0])
    assert source['source']['Rules-Requires-Root'] == 'no'
    assert 'debhelper-compat (= 13)' in source['source']['Build-Depends']
