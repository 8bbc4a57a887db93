"""apt installs, upgrades, reinstalls, removes and purges the package by its name, in fresh roots, from script/apt-repo."""
import os
import shutil
import subprocess

import pytest

from tests.package.building import TOP, output, with_higher_version

HOOK = os.path.join(TOP, 'tests', 'package', 'life-by-apt.sh')
LIMIT_S = 900


@pytest.fixture(scope='module')
def repository(checkout, tmp_path_factory):
    """Folder of a repository with the package and the same with a higher version."""
    folder = str(tmp_path_factory.mktemp('apt'))
    program = os.path.join(checkout, 'script', 'apt-repo')
    line = output([program, os.path.join(folder, 'repository')]).splitlines()[-1]
    made = line.split('file:')[1].split()[0]
    assert line == 'deb [trusted=yes] file:%s ./' % made
    package, = [name for name in os.listdir(made) if name.endswith('.deb')]
    higher = with_higher_version(os.path.join(made, package), folder)
    shutil.copy(higher, os.path.join(made, package.replace('_', '_9', 1)))
    # Again over a repository that is there: what is in it stays.
    assert output([program, made]).splitlines()[-1] == line
    assert len([name for name in os.listdir(made) if name.endswith('.deb')]) == 2
    return made


@pytest.fixture(scope='module', params=['bookworm', 'trixie', 'forky'])
def notes(request, repository, tmp_path_factory):
    """{name: text} of what the steps noted, in a fresh root of this suite."""
    if os.geteuid():
        pytest.skip('needs root')
    folder = tmp_path_factory.mktemp('notes')
    words = ['unshare', '--mount', '--propagation', 'private', 'mmdebstrap', '--quiet', '--variant=minbase', '--mode=root',
             '--format=null', '--dpkgopt=force-unsafe-io', '--aptopt=APT::Install-Recommends "false"',
             # Release files of a suite that is not released yet count as expired after a week.
             '--aptopt=Acquire::Check-Valid-Until "false"', '--aptopt=Acquire::Languages "none"',
             '--customize-hook="%s" "$1" "%s" "%s"' % (HOOK, repository, folder), request.param, '-']
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                          timeout=LIMIT_S)
    noted = {path.name: path.read_text() for path in folder.iterdir()}
    if done.returncode and not noted:
        pytest.skip('no fresh root of %s can be had: %s' % (request.param, done.stderr[-300:]))
    assert done.returncode == 0, done.stderr + noted.get('apt.log', '')
    return noted


def test_installed_by_name(notes, package):
    version = package.fields['Version']
    assert notes['installed'] == '9%s installed\n' % version
    assert notes['lower'] == '%s installed\n' % version
    assert notes['says'] == notes['says-without-default-file'] == 'kvm-graceful %s\n' % version


def test_upgraded_and_reinstalled_with_the_default_file_deleted(notes, package):
    assert notes['upgraded'] == notes['reinstalled'] == '9%s installed\n' % package.fields['Version']
    assert notes['default-file'] == 'still deleted\n'


def test_removed_and_purged_nothing_is_left(notes, package):
    """Not what any step of its life may leave, and nothing of ours after the first purge either."""
    assert notes['removed'] == '9%s config-files\n' % package.fields['Version']
    assert 'installed' not in notes['purged']
    assert notes['last'] == notes['first']
    ours = {name: [path for path in notes[name].splitlines() if 'graceful' in path] for name in ('installed-files', 'first')}
    assert ours['first'] == []
    assert '/etc/init.d/kvm-graceful-shutdown' in ours['installed-files']
