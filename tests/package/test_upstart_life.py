"""The upstart package's life over dpkg itself, and release upgrades, both ways, while a guest runs."""
import pytest

WAIT = 'kvm-graceful-shutdown-wait'
OF_UPSTART = {'/etc/init/kvm-graceful-shutdown.conf', '/etc/init/kvm-graceful-shutdown-takeover.conf',
              '/etc/init/kvm-graceful-watch.conf', '/etc/init/kvm-graceful-start.conf', '/etc/init.d/' + WAIT}
LINKS = {'/etc/rc%s.d/%s01%s' % (level, kind, WAIT) for kind, level in (('K', '0'), ('K', '1'), ('K', '6'), ('S', '0'), ('S', '6'))}
OTHERS = {'/etc/init.d/kvm-graceful-shutdown', '/etc/init.d/kvm-graceful-watch'}
# A guest, as a process looks to the program and to pidof; and a program that would be heard.
WITH_GUEST = '''
for name in kvm qemu-system-x86_64; do cp /bin/sleep /tmp/$name; done
/tmp/kvm 600 & one=$!
/tmp/qemu-system-x86_64 600 & other=$!
"$@" || exit 1
for guest in $one $other; do
    grep -q '^State:.S' /proc/$guest/status || { echo "a guest is gone"; exit 1; }
done
'''


def with_guest(host, *words):
    return host.output(WITH_GUEST, *words)


def test_it_installs_and_runs_on_python_2(installed, upstart_package, package):
    version = package.fields['Version']
    assert installed.output('kvm-graceful --version 2>&1') == 'kvm-graceful %s\n' % version
    ours = set(installed.ours())
    assert OF_UPSTART | LINKS <= ours
    # Compiled beforehand, and the links made with numbers; nothing was started or stopped.
    assert '/usr/share/kvm-graceful-shutdown/kvm_graceful/cli.pyc' in ours
    assert installed.calls('update-rc.d', 'start', 'stop', 'initctl', 'status')[:1] == [
        'update-rc.d %s start 01 0 6 . stop 01 0 1 6 .' % WAIT]


def test_its_link_comes_before_sendsigs_and_killprocs(installed):
    for level, after in (('0', 'S20sendsigs'), ('6', 'S20sendsigs'), ('1', 'S30killprocs')):
        installed.write('/etc/rc%s.d/%s' % (level, after), '')
        installed.write('/etc/rc%s.d/K08drbd' % level, '')
        names = installed.output('ls /etc/rc%s.d' % level).split()
        # rc calls K scripts before S scripts, each in the order of their names; and no K script where it knows no level before.
        assert names[0] == 'K01' + WAIT
        assert after in names
        assert [name for name in names if name.startswith('S')][0] == ('S01' + WAIT if level != '1' else after)


def test_a_second_installation_and_an_upgrade_stop_nothing(installed, upstart_package):
    installed.calls()
    installed.write('/etc/default/kvm-graceful-shutdown', 'DEADLINE=77\n')
    with_guest(installed, 'dpkg', '--force-depends', '--force-confold', '-i', '/deb/' + upstart_package.path.split('/')[-1])
    assert installed.output('cat /etc/default/kvm-graceful-shutdown') == 'DEADLINE=77\n'
    assert not installed.calls('start', 'stop', 'initctl', 'runlevel')


def test_removal_stops_nothing_and_leaves_scripts_that_do_nothing(installed):
    installed.calls()
    with_guest(installed, 'dpkg', '--remove', 'kvm-graceful-shutdown')
    assert not installed.calls('start', 'stop', 'initctl')
    assert {name for name in installed.ours() if not name.startswith('/etc/')} == set()
    installed.runlevel('2 0')
    assert installed.output('/etc/init.d/%s stop' % WAIT) == ''
    # libvirt-bin's pre-stop has its place again: the job's program is gone with the package.
    assert installed.run('test -e /usr/share/kvm-graceful-shutdown/takeover')[0] == 1


def test_removal_ends_the_watcher_and_an_upgrade_does_not(installed, upstart_package):
    installed.write('/stand-ins/kvm-graceful-watch.1', 'kvm-graceful-watch start/running, process 77\n')
    installed.calls()
    installed.dpkg('-i', upstart_package.path)
    assert installed.calls('start', 'stop') == []
    installed.dpkg('--remove', 'kvm-graceful-shutdown')
    assert installed.calls('start', 'stop') == ['stop kvm-graceful-watch']


def test_purge_leaves_nothing(installed):
    installed.write('/var/lib/kvm-graceful-shutdown/history.json', '{}')
    installed.dpkg('--purge', 'kvm-graceful-shutdown')
    assert installed.ours() == []


def test_a_release_upgrade_takes_away_what_was_upstart_s_and_leaves_the_guests_alone(installed, package):
    installed.calls()
    installed.write('/etc/kvm-graceful-shutdown/guests.conf', '[web]\nneeds = db\n')
    assert OF_UPSTART | LINKS <= set(installed.ours())
    installed.dpkg('--unpack', package.path)
    with_guest(installed, 'dpkg', '--force-depends', '--force-confold', '-i', '/deb/' + package.path.split('/')[-1])
    ours = set(installed.ours())
    assert not (OF_UPSTART | LINKS) & ours
    assert not [name for name in ours if name.endswith('.pyc') and '__pycache__' not in name]
    assert OTHERS <= set(ours)
    assert installed.output('cat /etc/kvm-graceful-shutdown/guests.conf') == '[web]\nneeds = db\n'
    assert installed.output("dpkg-query -W -f '${Version}' kvm-graceful-shutdown") == package.fields['Version']
    assert not [name for name in installed.output("dpkg-query -W -f '${Conffiles}' kvm-graceful-shutdown").split('\n')
                if 'obsolete' in name]
    assert not installed.calls('start', 'stop', 'initctl')


def test_an_upgrade_keeps_what_the_administrator_has_changed_out_of_the_way(installed, package):
    installed.write('/etc/init.d/' + WAIT, '#!/bin/sh\n# mine\n', 0o755)
    installed.dpkg('-i', package.path)
    ours = set(installed.ours())
    assert '/etc/init.d/%s.dpkg-bak' % WAIT in ours
    assert not (OF_UPSTART | LINKS) & ours


def test_a_release_upgrade_that_is_taken_back(old_host, upstart_package, package):
    old_host.dpkg('-i', package.path)
    assert OTHERS <= set(old_host.ours())
    old_host.calls()
    old_host.dpkg('--unpack', upstart_package.path)
    with_guest(old_host, 'dpkg', '--force-depends', '--force-confold', '-i', '/deb/' + upstart_package.path.split('/')[-1])
    ours = set(old_host.ours())
    assert OF_UPSTART | LINKS <= ours
    assert not OTHERS & ours
    assert not [name for name in ours if name.startswith('/etc/rc') and name not in LINKS]
    assert '/usr/lib/systemd/system/kvm-graceful-shutdown.service' not in ours
    assert not old_host.calls('start', 'stop', 'initctl')
    assert not old_host.run('ls /etc/init.d')[1].count('dpkg-')
    old_host.dpkg('-i', package.path)
    assert OTHERS <= set(old_host.ours())


def test_a_release_upgrade_that_is_not_even_taken_back(old_host, upstart_package, package):
    """The .deb has lost its end, so the unpacking fails half-way: what was put aside comes back."""
    old_host.dpkg('-i', package.path)
    with open(upstart_package.path, 'rb') as whole, open(old_host.path('/deb/broken.deb'), 'wb') as broken:
        broken.write(whole.read()[:-5000])
    code, out = old_host.run('dpkg --force-depends --force-downgrade -i /deb/broken.deb')
    assert (code, 'Unpacking' in out) == (1, True), out
    assert OTHERS <= set(old_host.ours())
    assert old_host.output("dpkg-query -W -f '${Version}' kvm-graceful-shutdown") == package.fields['Version']


@pytest.mark.parametrize('words', [('postinst', 'abort-upgrade', '9'), ('postinst', 'abort-remove'), ('prerm', 'failed-upgrade', '9'),
                                   ('postrm', 'abort-install'), ('postrm', 'disappear', 'x', '1')])
def test_every_verb_of_the_maintainer_scripts_is_known(upstart_package, installed, words):
    script = '/var/lib/dpkg/info/kvm-graceful-shutdown.' + words[0]
    installed.output('exec sh "$@"', script, *words[1:])
    assert installed.run('exec sh "$@"', script, 'frobnicate')[0] == 1


def test_control_a_guest_that_is_ended_is_seen(installed):
    code, out = installed.run(WITH_GUEST, 'sh', '-c', 'kill -KILL $(pidof qemu-system-x86_64 kvm); sleep 0.2')
    assert (code, 'a guest is gone' in out) == (1, True)
