"""Shutdowns that are not easy: slow and deaf guests, many of them, with libvirt-guests beside us, and a killed process."""

import pytest

from tests.host.host import OFF, check

BOTH = pytest.mark.on('systemd', 'sysvinit')
POWER_OFF = {'systemd': 'poweroff', 'sysvinit': 'init 0'}
CONFIGURE = 'echo %s >/etc/default/kvm-graceful-shutdown'
LIBVIRT_GUESTS = {
    'its-own-defaults': {'systemd': 'systemctl enable libvirt-guests', 'sysvinit': 'update-rc.d libvirt-guests defaults'},
    'configured': {'systemd': 'printf "ON_SHUTDOWN=shutdown\\nPARALLEL_SHUTDOWN=10\\nSHUTDOWN_TIMEOUT=120\\n"'
                              ' >/etc/default/libvirt-guests; systemctl enable --now libvirt-guests',
                   'sysvinit': 'printf "ON_SHUTDOWN=shutdown\\nPARALLEL_SHUTDOWN=10\\nSHUTDOWN_TIMEOUT=120\\n"'
                               ' >/etc/default/libvirt-guests; update-rc.d libvirt-guests defaults'},
    'masked': {'systemd': 'systemctl mask libvirt-guests', 'sysvinit': 'update-rc.d libvirt-guests disable'},
}


@BOTH
@pytest.mark.parametrize('beside', sorted(LIBVIRT_GUESTS))
def test_ten_guests_of_20_seconds_with_libvirt_guests(suite, new_host, beside):
    """All at once, whatever libvirt-guests would do, which in its own defaults would ask one after the other."""
    host = new_host({'g%d' % number: {'delay_s': 20} for number in range(10)}, installed=True, running=True)
    host.run(LIBVIRT_GUESTS[beside][suite.init])
    run = check(host, host.goes_down(POWER_OFF[suite.init]), OFF).run()
    assert len(run['guests']) == 10
    pressed, off = {}, {}  # {source: when it said so first}: a guest that was started just before is pressed again
    for line in host.machine.lines:
        for word, at in (('PRESSED', pressed), ('OFF', off)):
            if line.text.endswith(' ' + word):
                at.setdefault(line.source, line.at)
    assert (len(pressed), len(off)) == (10, 10)
    assert max(pressed.values()) < min(off.values())


@BOTH
def test_guest_that_never_reacts_holds_nobody_up_and_ends_at_the_deadline(suite, new_host):
    host = new_host({'deaf': {'never': True}, 'good': {'delay_s': 3}}, installed=True)
    host.run(CONFIGURE % 'DEADLINE=40')
    host.start_guests()
    assert host.goes_down(POWER_OFF[suite.init]) == OFF
    evidence = host.evidence()
    assert evidence.disks_say(host.guests) == {'deaf': 'DIRTY', 'good': 'CLEAN'}
    assert evidence.host_fs == 'clean'
    run = evidence.run()
    assert {guest['name']: guest['outcome'] for guest in run['guests']} == {'deaf': 'destroyed', 'good': 'off'}
    assert (run['exit'], run['deadline']) == (3, 40)
    assert run['finished'] <= 40 + 15


@BOTH
def test_guest_that_needs_longer_than_systemd_s_default_of_90_seconds(suite, new_host):
    host = new_host({'slow': {'delay_s': 120}}, installed=True)
    host.start_guests()
    run = check(host, host.goes_down(POWER_OFF[suite.init], 800), OFF).run()
    assert run['guests'][0]['off'] >= 120


@BOTH
def test_deadline_of_600_seconds_needs_no_daemon_reload(suite, new_host):
    """The guest is off after 300 s, pressed three times: after the 285 s at which the usual deadline would have forced it."""
    host = new_host({'slow': {'delay_s': 255, 'ignore': 2}}, installed=True)
    host.start_guests()
    host.run('printf "DEADLINE=600\\nPRESS_AGAIN=40\\n" >/etc/default/kvm-graceful-shutdown')
    run = check(host, host.goes_down(POWER_OFF[suite.init], 900), OFF).run()
    assert run['deadline'] == 600
    assert run['guests'][0]['off'] > 285


@BOTH
def test_guests_on_a_file_system_of_their_own(suite, new_host):
    """It is unmounted only when they are off, and clean."""
    host = new_host({'a': {'delay_s': 5}, 'b': {'delay_s': 10}}, installed=True)
    host.run('mkdir /srv/guests && truncate -s 64M /lab/guests.ext4 && mke2fs -q -t ext4 /lab/guests.ext4\n'
             'echo "/lab/guests.ext4 /srv/guests ext4 loop,nofail 0 0" >>/etc/fstab\n'
             'if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi; mount /srv/guests\n'
             'mv /lab/*.img /srv/guests/ && sed -i "s|/lab/|/srv/guests/|" /lab/*.xml')
    host.start_guests('/srv/guests')
    assert host.goes_down(POWER_OFF[suite.init]) == OFF
    evidence = host.evidence()
    assert evidence.host_fs == 'clean'
    inner = evidence.inner('/lab/guests.ext4')
    assert inner.host_fs == 'clean'
    for guest in host.guests:
        guest.inside = guest.inside.replace('/lab/', '/')
    assert inner.disks_say(host.guests) == {'a': 'CLEAN', 'b': 'CLEAN'}


@pytest.mark.on('systemd')
def test_log_and_lock_daemon_are_there_until_the_last_guest_is_off(suite, new_host):
    host = new_host({'a': {'delay_s': 3}, 'b': {'delay_s': 10}}, console_in_file=True, installed=True)
    host.run('echo \'lock_manager = "lockd"\' >>/etc/libvirt/qemu.conf\n'
             'systemctl enable --now virtlockd.socket && systemctl restart libvirtd')
    host.start_guests()
    assert host.run('systemctl is-active virtlogd virtlockd') == 'active\nactive'
    evidence = check(host, host.goes_down('poweroff'), OFF)
    for guest in host.guests:
        guest.console = evidence.path(guest.inside.replace('.img', '.log'))
        assert guest.said() == ['READY', 'PRESSED', 'OFF']
    journal = evidence.journal()
    last = max(entry.at for entry in journal if entry.who == 'kvm-graceful-shutdown.service')
    for unit in ('virtlogd.service', 'virtlockd.service'):
        assert [entry.at for entry in journal if entry.who == unit and entry.text.startswith('Stopping ')][-1] >= last - 1


@BOTH
def test_our_process_is_killed_in_the_middle(suite, new_host):
    host = new_host({'a': {'delay_s': 20}, 'b': {'delay_s': 30}}, installed=True)
    host.start_guests()
    host.machine.send(POWER_OFF[suite.init])
    host.wait_for_guest(host.guests[1], 'PRESSED')
    host.run('pkill -KILL -f "[k]vm-graceful host-stop"')
    check(host, host.machine.wait_until_off(), OFF)


# A FUSE file system whose server never answers: whoever looks at it waits until the server is gone.
HUNG_MOUNT = """
import ctypes, os, time
os.makedirs('/srv/hung')
fd = os.open('/dev/fuse', os.O_RDWR)
options = b'fd=%d,rootmode=40000,user_id=0,group_id=0' % fd
if ctypes.CDLL(None).mount(b'hung', b'/srv/hung', b'fuse', 0, options) == 0:
    open('/run/hung', 'w').close()
time.sleep(10000)
"""


@BOTH
def test_state_directory_cannot_be_made_and_a_mount_hangs(suite, new_host):
    host = new_host({'a': {'delay_s': 3}}, installed=True)
    host.run('rm -rf /var/lib/kvm-graceful-shutdown && ln -s /nowhere/at/all /var/lib/kvm-graceful-shutdown')
    host.start_guests()
    host.run("cat >/lab/hung.py <<'END'\n%s\nEND\nmodprobe fuse || test -e /dev/fuse" % HUNG_MOUNT)
    host.run({'systemd': 'systemd-run --unit=hung --property=Before=kvm-graceful-shutdown.service python3 /lab/hung.py',
              'sysvinit': 'setsid python3 /lab/hung.py </dev/null >/dev/null 2>&1 &'}[suite.init])
    host.run('until [ -e /run/hung ]; do sleep 0.2; done; ! timeout 2 stat /srv/hung')
    assert host.goes_down(POWER_OFF[suite.init]) == OFF
    assert host.evidence().disks_say(host.guests) == {'a': 'CLEAN'}


# In place of the program, while the host goes down: how long Python alone takes, and how long the program does, five times.
MEASURE = """#!/bin/sh
[ "$*" = host-stop ] || exec /usr/sbin/kvm-graceful.real "$@"
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
for i in 1 2 3 4 5; do
    a=$(date +%s%N); python3 -c pass; b=$(date +%s%N); /usr/sbin/kvm-graceful.real host-stop; code=$?; c=$(date +%s%N)
    echo "$code $((b - a)) $((c - b))" >>/lab/times
done
"""


@BOTH
def test_no_guest_at_all_takes_no_longer_than_three_times_python_itself(suite, new_host):
    host = new_host({}, installed=True)
    host.run("mkdir -p /lab; mv /usr/sbin/kvm-graceful /usr/sbin/kvm-graceful.real\n"
             "cat >/usr/sbin/kvm-graceful <<'END'\n%sEND\nchmod +x /usr/sbin/kvm-graceful" % MEASURE)
    assert host.goes_down(POWER_OFF[suite.init]) == OFF
    with open(host.evidence().path('/lab/times')) as f:
        codes, python, ours = zip(*(map(int, line.split()) for line in f))
    print('python3 -c pass: %.2f s, host-stop: %.2f s' % (sorted(python)[2] / 1e9, sorted(ours)[2] / 1e9))
    assert codes == (0,) * 5
    assert sorted(ours)[2] <= 3 * sorted(python)[2]


@pytest.mark.on('systemd')
@pytest.mark.parametrize('installed', [True, False], ids=['installed', 'control-libvirt-guests-alone'])
def test_without_machine_scopes(suite, new_host, installed):
    """As in containers: nothing but a unit's own order keeps libvirtd until the guests are off. libvirt-guests has none."""
    host = new_host({'a': {'delay_s': 3}, 'b': {'delay_s': 6}}, installed=installed)
    host.run('systemctl mask --now systemd-machined; rm /usr/share/dbus-1/system-services/org.freedesktop.machine1.service\n'
             'systemctl reload dbus; systemctl restart libvirtd')
    host.start_guests()
    assert host.attempt('systemctl list-units --no-legend "machine-qemu*.scope"').text == ''
    assert host.goes_down('poweroff') == OFF
    evidence = host.evidence()
    assert evidence.host_fs == 'clean'
    assert evidence.disks_say(host.guests) == dict.fromkeys('ab', 'CLEAN' if installed else 'DIRTY')
