"""The waiting init script and the takeover as installed, under dash, over stand-ins that answer as upstart was seen to."""
import re
import time

import pytest

WAIT = '/etc/init.d/kvm-graceful-shutdown-wait'
RUNNING, DOWN = 'libvirt-bin start/running, process 900', 'libvirt-bin stop/waiting'
PRE_STOP = 'libvirt-bin stop/pre-stop, process 900\n\tpre-stop process 901'
STOPPING, KILLED = 'libvirt-bin stop/stopping, process 900', 'libvirt-bin stop/killed, process 900'
# In place of the program: it only notes how it was called.
PROGRAM = '#!/bin/sh\necho "kvm-graceful $*" >>/stand-ins/called\nexit %d\n'
WITH_GUEST = 'cp /bin/sleep /tmp/kvm; /tmp/kvm 600 & '


@pytest.fixture
def host(installed):
    installed.write('/usr/sbin/kvm-graceful', PROGRAM % 0, 0o755)
    installed.calls()
    return installed


def stopped(host, before='', **environment):
    """(exit code, output, calls of the program and of what starts and stops) of the script's `stop`."""
    code, out = host.run(before + WAIT + ' stop', **environment)
    return code, out, host.calls('kvm-graceful', 'start', 'stop')


# -- is the host going down?

@pytest.mark.parametrize('level', ['N 2', '2 3', '1 S'])
def test_a_host_that_is_not_going_down_is_left_alone(host, level):
    host.runlevel(level)
    code, out, calls = stopped(host, RUNLEVEL='0')  # left over in the environment, whatever it says
    assert (code, calls) == (0, [])
    assert 'not going down' in out


@pytest.mark.parametrize('level', ['2 0', '2 6', '2 1'])
def test_it_waits_until_libvirt_bin_is_down_and_has_the_program_look_once_more(host, level):
    host.runlevel(level)
    host.libvirt_bin(PRE_STOP, STOPPING, KILLED, DOWN)
    code, out, calls = stopped(host, RUNLEVEL='2')
    assert (code, calls) == (0, ['kvm-graceful host-stop'])
    assert 'Waiting for KVM guests: 0 of 360 s (libvirt-bin is stop/pre-stop)' in out


def test_rc_s_own_word_counts_where_there_is_no_utmp(host):
    host.runlevel(None)
    host.libvirt_bin(DOWN)
    assert stopped(host)[2] == []
    assert stopped(host, RUNLEVEL='2', PREVLEVEL='N')[2] == []


@pytest.mark.parametrize('level', ['0', '6', '1'])
def test_rc_s_own_word_is_enough_where_runlevel_says_unknown(host, level):
    host.runlevel(None)
    host.libvirt_bin(DOWN)
    assert stopped(host, RUNLEVEL=level, PREVLEVEL='2')[2] == ['kvm-graceful host-stop']


def test_without_a_utmp_rc_calls_the_other_link_alone_and_that_does_it_all(host):
    """K scripts are for a change of runlevel, and N, as rc is told then, is none."""
    host.runlevel(None)
    host.libvirt_bin(STOPPING, DOWN)
    code, out = host.run('/etc/rc0.d/S01kvm-graceful-shutdown-wait stop', RUNLEVEL='0', PREVLEVEL='N')
    assert (code, host.calls('kvm-graceful', 'start', 'stop')) == (0, ['kvm-graceful host-stop --again'])
    assert 'Waiting for KVM guests' in out


def test_the_second_link_has_nothing_to_say_where_the_first_has_done_it_all(host):
    host.runlevel('2 0')
    host.libvirt_bin(DOWN)
    for link in ('K01', 'S01'):
        assert host.run('/etc/rc0.d/%skvm-graceful-shutdown-wait stop' % link, RUNLEVEL='0', PREVLEVEL='2') == (0, '')
    assert host.calls('kvm-graceful', 'start', 'stop') == ['kvm-graceful host-stop', 'kvm-graceful host-stop --again']


# -- how long it waits

def test_it_does_not_wait_where_libvirt_is_no_job_of_upstart(host):
    host.runlevel('2 0')
    host.libvirt_bin()
    began = time.monotonic()
    assert stopped(host)[::2] == (0, ['kvm-graceful host-stop'])
    assert time.monotonic() - began < 5


def test_it_gives_up_at_the_deadline(host):
    host.runlevel('2 0')
    host.libvirt_bin(STOPPING)
    host.write('/etc/default/kvm-graceful-shutdown', 'DEADLINE="1"\n')
    # Less than a minute for libvirtd's own end: this test waits for it.
    text = host.output('cat ' + WAIT)
    assert text.count('MARGIN_S=60') == 1
    host.write(WAIT, text.replace('MARGIN_S=60', 'MARGIN_S=2'), 0o755)
    began = time.monotonic()
    code, out, calls = stopped(host)
    assert 3 <= time.monotonic() - began < 15
    assert (code, calls) == (1, ['kvm-graceful host-stop'])
    assert 'still stop/stopping after 3 s; waiting no longer' in out


@pytest.mark.parametrize('text,limit_s', [('', 360), ('DEADLINE=600 # much\n', 660), ("DEADLINE='90'\n", 150), ('#DEADLINE=5\n', 360),
                                          ('SHUTDOWN_TIMEOUT=400\n', 460), ('DEADLINE=0\n', 86460), ('DEADLINE=0900\n', 960),
                                          ('DEADLINE=long\n', 360), (None, 360)])
def test_the_deadline_is_that_of_the_settings(host, text, limit_s):
    host.runlevel('2 0')
    host.libvirt_bin(STOPPING, DOWN)
    if text is None:
        host.output('rm /etc/default/kvm-graceful-shutdown')
    else:
        host.write('/etc/default/kvm-graceful-shutdown', text)
    assert 'Waiting for KVM guests: 0 of %d s' % limit_s in stopped(host)[1]


def test_a_libvirt_bin_that_nothing_stops_is_not_waited_for(host):
    """The administrator's own `stop on`, say: the program shuts the guests down through the libvirtd that is there."""
    host.runlevel('2 0')
    began = time.monotonic()
    assert stopped(host, WITH_GUEST)[::2] == (0, ['kvm-graceful host-stop'])
    assert time.monotonic() - began < 20


# -- libvirt-bin was stopped by hand, the guests run on

@pytest.mark.parametrize('emulator', ['kvm', 'kvm-spice', 'qemu-system-x86_64'])
def test_guests_without_libvirtd_are_shut_down_by_the_script_itself(host, emulator):
    host.runlevel('2 0')
    host.libvirt_bin(DOWN)
    code, out, calls = stopped(host, WITH_GUEST.replace('/tmp/kvm', '/tmp/' + emulator))
    assert (code, calls) == (0, ['start libvirt-bin', 'kvm-graceful host-stop', 'stop libvirt-bin'])
    assert 'guests are running without libvirt-bin' in out


def test_a_libvirt_bin_that_does_not_start_does_not_hold_the_host_for_ever(host):
    host.runlevel('2 0')
    host.libvirt_bin(DOWN)
    text = host.output('cat ' + WAIT)
    assert text.count('LIBVIRTD_S=60') == 1
    host.write(WAIT, text.replace('LIBVIRTD_S=60', 'LIBVIRTD_S=1'), 0o755)
    for name in ('start', 'stop'):
        place = host.output('command -v ' + name).strip()
        host.write(place, '#!/bin/sh\necho "%s $*" >>/stand-ins/called\nexec sleep 1000\n' % name, 0o755)
    began = time.monotonic()
    assert stopped(host, WITH_GUEST)[::2] == (0, ['start libvirt-bin', 'kvm-graceful host-stop', 'stop libvirt-bin'])
    assert time.monotonic() - began < 30


def test_the_watcher_of_the_battery_is_stopped_after_the_guests(host):
    host.runlevel('2 0')
    host.libvirt_bin(STOPPING, DOWN)
    host.write('/stand-ins/kvm-graceful-watch.1', 'kvm-graceful-watch start/running, process 77\n')
    assert stopped(host)[2] == ['kvm-graceful host-stop', 'stop kvm-graceful-watch']
    assert stopped(host)[2] == ['kvm-graceful host-stop']
    host.runlevel('N 2')
    host.write('/stand-ins/kvm-graceful-watch.1', 'kvm-graceful-watch start/running, process 77\n')
    assert stopped(host)[2] == []


def test_libvirtd_is_not_started_where_no_guest_is(host):
    host.runlevel('2 0')
    host.libvirt_bin(DOWN)
    assert stopped(host) == (0, '', ['kvm-graceful host-stop'])


@pytest.mark.parametrize('code,becomes,says', [(0, 0, ''), (3, 0, ''), (4, 1, 'still running'), (1, 1, 'code 1'), (143, 1, 'code 143')])
def test_exit_codes(host, code, becomes, says):
    host.runlevel('2 6')
    host.libvirt_bin(DOWN)
    host.write('/usr/sbin/kvm-graceful', PROGRAM % code, 0o755)
    got, out, _ = stopped(host)
    assert got == becomes
    assert says in out
    assert bool(out) == bool(says)


def test_a_program_that_is_killed_is_started_again(host):
    host.runlevel('2 0')
    host.libvirt_bin(DOWN)
    host.write('/usr/sbin/kvm-graceful', '#!/bin/sh\necho "kvm-graceful $*" >>/stand-ins/called\n[ "$2" = --again ] || kill -KILL $$\n', 0o755)
    code, _, calls = stopped(host)
    assert (code, calls) == (0, ['kvm-graceful host-stop', 'kvm-graceful host-stop --again'])


def test_the_real_program_on_python_2_finds_nothing_to_do(installed):
    installed.libvirt_bin(DOWN)
    for level, says in (('2 0', 'kvm-graceful: no guest is running'), ('N 2', 'kvm-graceful-shutdown-wait: the host is not going down')):
        installed.runlevel(level)
        code, out = installed.run(WAIT + ' stop', RUNLEVEL='2')
        assert code == 0
        assert says in out
    assert installed.run('kvm-graceful host-stop', RUNLEVEL='2') == (0, 'kvm-graceful: no guest is running\n')


# -- the other actions

@pytest.mark.parametrize('action', ['start', 'restart', 'try-restart', 'reload', 'force-reload'])
def test_no_other_action_reaches_a_guest(host, action):
    host.runlevel('2 0')
    assert host.output('%s %s' % (WAIT, action)) == ''
    assert host.calls('kvm-graceful', 'start', 'stop') == []


def test_status_usage_and_who_may(host):
    assert host.run(WAIT + ' status')[0] == 0
    host.output('rm /etc/rc6.d/K01*')
    assert host.run(WAIT + ' status')[0] == 3
    for words in ('', 'frobnicate'):
        code, out = host.run('%s %s' % (WAIT, words))
        assert (code, 'Usage' in out) == (2, True)
    host.write('/usr/sbin/id', '#!/bin/sh\necho 1000\n', 0o755)
    host.runlevel('2 0')
    assert host.run(WAIT + ' stop')[0] == 4
    assert host.calls('kvm-graceful') == []


# -- the takeover

# A pre-stop as upstart runs it: in a session of its own, with children; it says DESTROYED once it has gone on undisturbed.
# $1: what status says while it runs (PID: its process id), $2: how late upstart decides.
PRE_STOP_RUNS = r'''
setsid sh -c 'echo $$ >/tmp/pid; sleep 4; echo DESTROYED >/tmp/destroyed' &
while [ ! -s /tmp/pid ]; do sleep 0.01; done
echo "libvirt-bin start/running, process 900" >/stand-ins/libvirt-bin.1
(sleep "$2"; printf "$1\n" | sed "s/PID/$(cat /tmp/pid)/" >/tmp/x && mv /tmp/x /stand-ins/libvirt-bin.1) &
"${3:-/usr/share/kvm-graceful-shutdown/takeover}"
echo "code $?"
sleep 0.2
pidof sleep >/dev/null && echo "a child is left"
kill -0 $(cat /tmp/pid) 2>/dev/null && ! grep -q '^State:.Z' "/proc/$(cat /tmp/pid)/status" && echo "the pre-stop is left"
exit 0
'''


@pytest.mark.parametrize('late_s', ['0', '0.3'])
def test_libvirt_bin_s_pre_stop_is_ended_with_its_children(host, late_s):
    out = host.output(PRE_STOP_RUNS, r'libvirt-bin stop/pre-stop, process 900\n\tpre-stop process PID', late_s)
    assert out == "kvm-graceful-shutdown takes the place of the guest shutdown in libvirt-bin's pre-stop\ncode 0\n"


@pytest.mark.parametrize('says', [
    r'libvirt-bin stop/stopping, process 900', r'libvirt-bin stop/waiting', r'libvirt-bin start/running, process 900'])
def test_nothing_else_is_ended(host, says):
    out = host.output(PRE_STOP_RUNS, says, '0')
    assert re.sub('(?m)^a child is left\n', '', out) == 'code 0\nthe pre-stop is left\n'


def test_control_without_the_takeover_the_pre_stop_goes_on(host):
    out = host.output(PRE_STOP_RUNS, r'libvirt-bin stop/pre-stop, process 900\n\tpre-stop process PID', '0', '/bin/true')
    assert out == 'code 0\na child is left\nthe pre-stop is left\n'


def test_without_a_libvirt_bin_it_ends_at_once(host):
    host.libvirt_bin()
    assert host.output('/usr/share/kvm-graceful-shutdown/takeover') == ''
    assert host.calls('status') == ['status libvirt-bin']
