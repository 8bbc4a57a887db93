"""The init script run under dash with a stand-in for the program: every LSB action, what each exit code becomes."""
import os
import time

import pytest

from tests.package.building import run

NAME = 'kvm-graceful-shutdown'


class Host(object):
    """A folder with the script in it; its program only notes how it was called, and ends with `code`."""

    def __init__(self, package, folder):
        self.folder = folder
        self.script = os.path.join(folder, NAME)
        self.called = os.path.join(folder, 'called')
        self.program = os.path.join(folder, 'kvm-graceful')
        with open(package.root + '/etc/init.d/' + NAME) as stream:
            text = stream.read()
        for old, new in (('PATH=/sbin:', 'PATH=%s:/sbin:' % folder),
                         ('PROGRAM=/usr/sbin/kvm-graceful', 'PROGRAM=' + self.program),
                         ('"/etc/rc$level.d/', '"%s/rc$level.d/' % folder)):
            assert text.count(old) == 1
            text = text.replace(old, new)
        self.write(self.script, text)
        self.program_ends_with(0)

    def write(self, path, text):
        with open(path, 'w') as stream:
            stream.write(text)
        os.chmod(path, 0o755)

    def program_ends_with(self, code):
        self.write(self.program, '#!/bin/sh\necho "$*" >>%s\nexit %d\n' % (self.called, code))

    def link(self, name):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.symlink(self.script, path)

    def run(self, *words):
        """(exit code, all output, words of each call of the program)."""
        if os.path.exists(self.called):
            os.remove(self.called)
        code, out, err = run(['dash', self.script] + list(words))
        called = []
        if os.path.exists(self.called):
            with open(self.called) as stream:
                called = stream.read().splitlines()
        return code, out + err, called


@pytest.fixture
def host(package, tmp_path):
    return Host(package, str(tmp_path))


def test_stop_runs_the_program(host):
    assert host.run('stop') == (0, '', ['host-stop'])


def test_start_runs_host_start_and_does_not_wait_for_it(host):
    host.write(host.program, '#!/bin/sh\nsleep 2\necho "$*" >>%s\n' % host.called)
    code, out, called = host.run('start')
    assert (code, called) == (0, [])
    assert 'when this host goes down' in out
    end = time.monotonic() + 30
    while not os.path.exists(host.called):
        assert time.monotonic() < end
        time.sleep(0.05)
    with open(host.called) as stream:
        assert stream.read() == 'host-start\n'


@pytest.mark.parametrize('action', ['restart', 'try-restart', 'reload', 'force-reload'])
def test_no_other_action_reaches_a_guest(host, action):
    code, out, called = host.run(action)
    assert (code, called) == (0, [])
    assert 'when this host goes down' in out


@pytest.mark.parametrize('code,becomes,says', [
    (0, 0, ''), (3, 0, 'forced off'), (4, 1, 'still running'), (1, 1, 'code 1'), (2, 1, 'code 2'),
    (143, 1, 'code 143')])
def test_exit_codes_become_those_of_lsb(host, code, becomes, says):
    host.program_ends_with(code)
    result, out, _ = host.run('stop')
    assert result == becomes
    assert says in out
    assert bool(out) == bool(code)


def test_a_program_that_is_killed_is_called_again(host):
    host.write(host.program, '#!/bin/sh\necho "$*" >>%s\n[ $(wc -l <%s) -ge 3 ] || kill -KILL $$\n' % (host.called, host.called))
    code, _, called = host.run('stop')
    assert (code, called) == (0, ['host-stop', 'host-stop --again', 'host-stop --again'])


def test_a_program_that_is_killed_each_time_is_not_called_for_ever(host):
    host.program_ends_with(137)
    code, out, called = host.run('stop')
    assert code == 1
    assert 'code 137' in out
    assert len(called) == 10


def test_status_tells_whether_rc_will_call_it(host):
    assert host.run('status')[0] == 3
    host.link('rc0.d/K01' + NAME)
    assert host.run('status')[0] == 3
    host.link('rc6.d/K12' + NAME)
    code, out, called = host.run('status')
    assert (code, called) == (0, [])
    assert out == '%s shuts the guests down when this host goes down\n' % NAME


def test_removed_package_leaves_a_silent_script(host):
    os.remove(host.program)
    for action in ('start', 'stop', 'restart', 'force-reload'):
        assert host.run(action) == (0, '', [])
    assert host.run('status')[0] == 3


@pytest.mark.parametrize('words', [(), ('frobnicate',), ('',)])
def test_unknown_action_is_a_usage_error(host, words):
    code, out, called = host.run(*words)
    assert (code, called) == (2, [])
    assert 'start|stop|restart|try-restart|reload|force-reload|status' in out


def test_only_root_may_stop(host):
    host.write(os.path.join(host.folder, 'id'), '#!/bin/sh\necho 1000\n')
    code, out, called = host.run('stop')
    assert (code, called) == (4, [])
    assert 'only root' in out


def test_failure_of_a_command_does_not_end_it_early(package):
    """lsb-base's functions do not bear set -e."""
    with open(package.root + '/etc/init.d/' + NAME) as stream:
        lines = [line.split('#')[0].strip() for line in stream]
    assert not [line for line in lines if line.startswith('set -') and 'e' in line.split()[1]]
