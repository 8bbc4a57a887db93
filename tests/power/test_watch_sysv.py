"""The watcher on a host without a supervisor: its init script, python-daemon and upsd are the real ones."""

import contextlib
import os
import signal
import stat

import pytest

from tests.lab.libvirtd import wait_until

from .sysvhost import SysvHost

NOBODY = 9  # a port on which nobody listens
SETTINGS = 'UPS=ups@127.0.0.1:%d\nURIS=test:///default\nHOST_TIME=1\nBATTERY_SHARE=100\n'


@pytest.fixture
def hosts(tmp_path):
    """hosts(settings): a host with these; it ends with the test."""
    with contextlib.ExitStack() as stack:
        def make(settings):
            return stack.enter_context(contextlib.closing(SysvHost(str(tmp_path / 'host'), settings)))
        yield make


def test_start_status_stop_and_each_again(nuts, hosts):
    host = hosts(SETTINGS % nuts('ups').port)
    assert host.script('status') == (3, 'the watcher does not run\n')
    code, out = host.script('start')
    assert (code, 'fail' in out) == (0, False), out
    pid = host.pid()
    assert pid
    wait_until(lambda: 'on mains' in host.log(), 30, 'it watches: %s' % host.log())
    assert stat.S_IMODE(os.stat(host.pid_file).st_mode) == 0o644
    # LSB: to start what runs is no fault, and changes nothing.
    assert host.script('start')[0] == 0
    assert host.pid() == pid
    assert host.script('restart')[0] == 0
    assert host.pid() not in (None, pid)
    for action in ('try-restart', 'force-reload'):
        before = host.pid()
        assert host.script(action)[0] == 0
        assert host.pid() not in (None, before)
    assert host.script('stop')[0] == 0
    assert host.script('status') == (3, 'the watcher does not run\n')
    assert host.log().count('was told to end') == 4
    assert host.script('stop')[0] == 0
    for action in ('try-restart', 'force-reload'):
        assert host.script(action)[0] == 0
        assert host.pid() is None
    assert host.shut_down() == ''


def test_a_pid_that_a_killed_watcher_left_behind_is_told_and_counts_for_nothing(hosts):
    host = hosts(SETTINGS % NOBODY)
    assert host.script('start')[0] == 0
    pid = host.pid()
    host.kill(signal.SIGKILL)
    code, out = host.script('status')
    assert (code, out) == (1, 'the watcher is dead: it was killed, or the host was (it was process %d)\n' % pid)
    assert host.script('stop')[0] == 0
    assert host.script('start')[0] == 0
    assert host.pid() not in (None, pid)


def test_it_begins_the_shutdown_when_the_margin_is_used_up(nuts, hosts):
    nut = nuts('ups')
    host = hosts(SETTINGS % nut.port)
    assert host.script('start')[0] == 0
    wait_until(lambda: 'on mains' in host.log(), 30, 'it watches')
    nut.says('ups', 'OB DISCHRG', 600, 90)
    wait_until(lambda: 'on battery' in host.log(), 30, 'it sees the battery')
    assert host.shut_down() == ''  # the control: there is time enough
    nut.says('ups', 'OB DISCHRG', 2, 10)
    wait_until(host.shut_down, 60, 'it shuts the host down: %s' % host.log())
    assert host.shut_down() == 'shutdown -h -P now the battery runs out\n'
    assert 'the host is shut down now, with "shutdown -h -P now"' in host.log()


def test_without_a_ups_it_does_not_start_and_says_why(hosts):
    host = hosts('URIS=test:///default\n')
    code, out = host.script('start')
    assert code == 1
    assert 'kvm-graceful: no UPS is known: set up NUT or apcupsd' in out
    assert host.script('status')[0] == 3


def test_without_python_daemon_it_says_what_to_install(hosts):
    host = hosts(SETTINGS % NOBODY)
    code, out = host.run('sh', '-c', 'mount -t tmpfs none /usr/lib/python3/dist-packages')
    assert (code, out) == (0, '')
    code, out = host.script('start')
    assert code == 1
    assert out.endswith('install python3-daemon, or run in the foreground\n')
    assert 'Traceback' not in out
    assert host.script('status')[0] == 3


@pytest.mark.parametrize('words', [(), ('reload',), ('frobnicate',)])
def test_another_action_is_a_usage_error(hosts, words):
    code, out = hosts('').script(*words)
    assert code == 2
    assert out.endswith('{start|stop|restart|try-restart|force-reload|status}\n')


def test_only_root_may_use_it_and_a_removed_package_leaves_a_silent_script(hosts):
    host = hosts('')
    host.write('bin/id', '#!/bin/sh\necho 1000\n', 0o755)
    for action in ('start', 'stop', 'status'):
        assert host.script(action) == (4, 'kvm-graceful-watch: only root may do that\n')
    os.remove(os.path.join(host.folder, 'bin/kvm-graceful'))
    for action in ('start', 'stop', 'restart', 'force-reload'):
        assert host.script(action) == (0, '')
    assert host.script('status')[0] == 3
