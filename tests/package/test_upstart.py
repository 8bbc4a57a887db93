"""The package for Ubuntu 10.04 to 14.10: what is in it, and that the oldest dpkg, upstart and sysv-rc of them can read it."""
import os
import re
import subprocess

import pytest

from tests.package.building import TOP, output, run
from tests.package.test_contents import MODULES, modules_of

# What upstart 0.6.5 accepts, by experiment; it drops every job over one unknown stanza.
KNOWN_TO_0_6_5 = """
    task env export emits expect oom nice umask limit instance version description author respawn exec console
""".split() + ['start on', 'stop on', 'kill timeout', 'normal exit', 'pre-start', 'post-start', 'pre-stop', 'post-stop']
FILES = {
    '/etc/default/kvm-graceful-shutdown': '-rw-r--r--',
    '/etc/init/kvm-graceful-shutdown.conf': '-rw-r--r--',
    '/etc/init/kvm-graceful-shutdown-takeover.conf': '-rw-r--r--',
    '/etc/init/kvm-graceful-watch.conf': '-rw-r--r--',
    '/etc/init/kvm-graceful-start.conf': '-rw-r--r--',
    '/etc/init.d/kvm-graceful-shutdown-wait': '-rwxr-xr-x',
    '/etc/kvm-graceful-shutdown/guests.conf': '-rw-r--r--',
    '/etc/molly-guard/run.d/20-kvm-graceful-shutdown': '-rwxr-xr-x',
    '/usr/sbin/kvm-graceful': '-rwxr-xr-x',
    '/usr/share/bash-completion/completions/kvm-graceful': '-rw-r--r--',
    '/usr/share/doc/kvm-graceful-shutdown/README.md.gz': '-rw-r--r--',
    '/usr/share/doc/kvm-graceful-shutdown/changelog.gz': '-rw-r--r--',
    '/usr/share/doc/kvm-graceful-shutdown/copyright': '-rw-r--r--',
    '/usr/share/doc/kvm-graceful-shutdown/guests.md.gz': '-rw-r--r--',
    '/usr/share/doc/kvm-graceful-shutdown/speed.md.gz': '-rw-r--r--',
    '/usr/share/doc/kvm-graceful-shutdown/ups.md.gz': '-rw-r--r--',
    '/usr/share/kvm-graceful-shutdown/takeover': '-rwxr-xr-x',
    '/usr/share/man/man5/guests.conf.5.gz': '-rw-r--r--',
    '/usr/share/man/man8/kvm-graceful-shutdown.8.gz': '-rw-r--r--',
    '/usr/share/man/man8/kvm-graceful.8.gz': '-rw-r--r--',
}
JOBS = ('kvm-graceful-shutdown', 'kvm-graceful-shutdown-takeover', 'kvm-graceful-start', 'kvm-graceful-watch')
# What came after Ubuntu 10.04, or with systemd.
TOO_NEW = ('dpkg-maintscript-helper', 'deb-systemd-helper', 'deb-systemd-invoke', 'systemctl', 'py3compile', 'py3clean',
           'dh_python2', 'pycompile', 'pyclean', 'update-rc.d-insserv', 'initctl')


def read(package, name):
    with open((package.root if name.startswith('/') else package.control + '/') + name) as stream:
        return stream.read()


def stanzas(text):
    """The lines of a job that are neither blank nor comments."""
    return [line for line in text.splitlines() if line.strip() and not line.startswith('#')]


def faults(text):
    """Lines that 0.6.5 would refuse."""
    found = [line for line in stanzas(text)
             if not [known for known in KNOWN_TO_0_6_5 if re.match(re.escape(known) + r'(\s|$)', line)]]
    found += [line for line in stanzas(text) if line.startswith('console') and line.split()[1] not in ('none', 'output')]
    return found + [line for line in stanzas(text) if line.startswith('oom') and line != 'oom never']


def test_members_are_compressed_as_the_oldest_dpkg_reads_them(upstart_package):
    assert output(['ar', 't', upstart_package.path]).split() == ['debian-binary', 'control.tar.gz', 'data.tar.gz']


def test_control_the_other_package_is_not(package):
    assert 'data.tar.xz' in output(['ar', 't', package.path])


def test_files_are_these_and_no_others(upstart_package, checkout):
    found = {name: mode for name, mode in upstart_package.members.items() if not name.endswith('/')}
    assert {name: mode for name, mode in found.items() if not name.startswith(MODULES)} == FILES
    assert sorted(name[len(MODULES):] for name in found if name.startswith(MODULES)) == modules_of(checkout + '/kvm_graceful')


def test_control_data(upstart_package, package):
    fields = upstart_package.fields
    assert fields['Package'] == 'kvm-graceful-shutdown'
    assert fields['Version'] == package.fields['Version'] + '~upstart1'
    assert fields['Architecture'] == 'all'
    assert [one.strip() for one in fields['Depends'].split(',')] == [
        'python (>= 2.6)', 'python-argparse | python (>= 2.7)', 'python-libvirt', 'upstart']
    assert 'Pre-Depends' not in fields


def test_a_release_upgrade_replaces_it(upstart_package, package):
    output(['dpkg', '--compare-versions', upstart_package.fields['Version'], 'lt', package.fields['Version']])


def test_configuration_files_are_conffiles(upstart_package):
    assert sorted(read(upstart_package, 'conffiles').split()) == sorted(name for name in FILES if name.startswith('/etc/'))


def test_the_same_description_and_licence_as_the_other_package(upstart_package, package):
    first = [text.split('\n .\n')[0] for text in (read(one, 'control') for one in (upstart_package, package))]
    assert first[0].split('Description: ')[1] == first[1].split('Description: ')[1]
    assert read(upstart_package, '/usr/share/doc/kvm-graceful-shutdown/copyright') == read(
        package, '/usr/share/doc/kvm-graceful-shutdown/copyright')


def test_the_program_starts_with_the_release_s_own_python_2(upstart_package):
    assert read(upstart_package, '/usr/sbin/kvm-graceful').startswith('#!/usr/bin/python -Es\n')


@pytest.mark.parametrize('job', JOBS)
def test_upstart_0_6_5_knows_every_stanza(upstart_package, job):
    text = read(upstart_package, '/etc/init/%s.conf' % job)
    assert len(stanzas(text)) >= 5
    assert faults(text) == []
    # exec: sendsigs spares the main process of a job alone. No script, and nothing that upstart would hand to a shell.
    program = [line for line in stanzas(text) if line.startswith('exec')]
    assert len(program) == 1
    assert not re.search(r'[~`!$^&*()={}\[\]|;<>?]', program[0])
    assert program[0].split()[1] in upstart_package.members
    # What shuts guests down holds what it hangs on; the others hold nobody.
    assert ('task' in stanzas(text)) == job.startswith('kvm-graceful-shutdown')


@pytest.mark.parametrize('stanza', ['console log', 'manual', 'usage "x"', 'kill signal INT', 'setuid root', 'oom score never'])
def test_control_a_stanza_that_came_later_is_seen(upstart_package, stanza):
    assert faults(read(upstart_package, '/etc/init/kvm-graceful-shutdown.conf') + stanza + '\n') == [stanza]


def test_libvirt_bin_waits_for_the_job(upstart_package):
    lines = stanzas(read(upstart_package, '/etc/init/kvm-graceful-shutdown.conf'))
    # Alone: with `and runlevel [016]` a plain `stop libvirt-bin` would hang.
    assert [line for line in lines if line.startswith('start on')] == ['start on stopping libvirt-bin']
    assert 'exec /usr/sbin/kvm-graceful host-stop' in lines


def test_the_takeover_begins_with_the_change_of_runlevel_and_with_nothing_else(upstart_package):
    lines = stanzas(read(upstart_package, '/etc/init/kvm-graceful-shutdown-takeover.conf'))
    assert [line for line in lines if line.startswith('start on')] == ['start on runlevel [016]']
    assert not [name for name in upstart_package.members if name.endswith('.override')]


def test_nothing_starts_the_watcher_and_the_change_of_runlevel_does_not_stop_it(upstart_package):
    """It keeps the host registered with the primary of its UPS until the guests are off."""
    assert not [line for line in stanzas(read(upstart_package, '/etc/init/kvm-graceful-watch.conf'))
                if line.startswith(('start on', 'stop on'))]


def test_no_script_shares_its_name_with_a_job(upstart_package):
    """Ubuntu's lsb-base ends a script at once that rc calls and that has a job of its name."""
    scripts = [os.path.basename(name) for name in upstart_package.members if name.startswith('/etc/init.d/') and name[-1] != '/']
    assert scripts
    assert not set(scripts) & set(JOBS)
    assert 'init-functions' not in read(upstart_package, '/etc/init.d/kvm-graceful-shutdown-wait')


def test_maintainer_scripts_call_nothing_newer_than_ubuntu_10_04(upstart_package):
    scripts = [name for name in os.listdir(upstart_package.control) if name in ('preinst', 'postinst', 'prerm', 'postrm')]
    assert sorted(scripts) == ['postinst', 'postrm', 'preinst', 'prerm']
    for name in scripts:
        code = ''.join(line for line in read(upstart_package, name).splitlines(True) if not line.lstrip().startswith('#'))
        assert not [word for word in TOO_NEW if word in code], name
        # What would stop or start something; but for the watcher's end with the package's.
        assert code.count('stop kvm-graceful-watch ') == (name == 'prerm')
        assert not re.search(r'\b(invoke-rc\.d|service|start|restart|reload)\b(?!/;| 01 0 6 )', code), name
        path = os.path.join(upstart_package.control, name)
        assert run(['dash', '-n', path])[0] == 0
        assert run(['checkbashisms', path]) == (0, '', ''), name


def test_the_package_for_systemd_has_nothing_of_it(package):
    assert not [name for name in package.members if name.endswith('upstart/') or '/upstart/' in name or name.startswith('/etc/init/') or 'takeover' in name]


def test_another_profile_is_a_usage_error(checkout):
    code, out, err = run([os.path.join(checkout, 'script', 'build-deb'), '--profile', 'openrc'])
    assert (code, out) == (2, '')
    assert err.startswith('usage: ')


def test_same_bytes_again(upstart_package, checkout, tmp_path):
    printed = output([os.path.join(checkout, 'script', 'build-deb'), '--profile', 'upstart', str(tmp_path)])
    with open(upstart_package.path, 'rb') as first, open(printed.splitlines()[-1], 'rb') as second:
        assert first.read() == second.read()


def test_scripts_call_nothing_newer_than_coreutils_7_4(upstart_package):
    names = ('/etc/init.d/kvm-graceful-shutdown-wait', '/usr/share/kvm-graceful-shutdown/takeover',
             '/etc/molly-guard/run.d/20-kvm-graceful-shutdown')
    for name in names:
        lines = [line for line in read(upstart_package, name).splitlines() if not line.startswith('#')]
        assert not [line for line in lines if re.search(r'timeout -k|\b(realpath|nproc|numfmt|stdbuf)\b', line)], name


def test_shell_is_clean():
    for name in ('upstart/takeover', 'initscripts/kvm-graceful-shutdown-wait'):
        path = os.path.join(TOP, name)
        assert subprocess.call(['dash', '-n', path]) == 0
        assert run(['checkbashisms', path]) == (0, '', '')
        assert run(['shellcheck', path])[0] == 0
