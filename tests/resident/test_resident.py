"""Start, stop, status, double start, and the pid file that a killed process leaves behind."""

import os
import signal
import subprocess

import pytest

from tests.lab.libvirtd import wait_until
from tests.versions.roots import RootError, command, root

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Trivial:
    """The loop of trivial.py with a pid file of its own."""

    def __init__(self, python, folder):
        self.pid_file = os.path.join(folder, 'trivial.pid')
        self._words = ['/usr/bin/python3', '-BEs', os.path.join(TOP, 'tests/resident/trivial.py'), TOP]
        self._enter = lambda words: words
        if python == '2.7':
            path = root('bullseye')
            self._words[:2] = ['python2.7', '-BEs']
            self._words[2:] = ['/tmp/checkout/tests/resident/trivial.py', '/tmp/checkout']
            self._enter = lambda words: command(path, words, [(TOP, '/tmp/checkout', 'ro'), (folder, folder, 'rw')], own_pids=False)

    def run(self, verb, before=()):
        """(exit code, standard output, standard error)"""
        done = subprocess.run(self._enter(list(before) + self._words + [verb, self.pid_file]), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
        return done.returncode, done.stdout.strip(), done.stderr.strip()

    def start(self):
        code, out, err = self.run('start')
        assert (code, err) == (0, '')
        return int(out)

    def log(self):
        with open(self.pid_file + '.log') as stream:
            return stream.read().split('\n')


@pytest.fixture(params=['3', '2.7'], ids=['Python 3', 'Python 2.7'])
def trivial(request, tmp_path):
    # Below /tmp, where a root has room.
    try:
        found = Trivial(request.param, str(tmp_path))
    except RootError as error:
        pytest.skip(str(error))
    yield found
    try:
        with open(found.pid_file) as stream:
            os.kill(int(stream.read()), signal.SIGKILL)
    except (OSError, ValueError):
        pass  # it has ended, as it should


def test_start_status_stop(trivial):
    assert trivial.run('status') == (0, 'None', '')
    pid = trivial.start()
    # It is there when start has come back: detached, with hardly a descriptor, and in no folder that somebody may unmount.
    assert trivial.run('status') == (0, str(pid), '')
    wait_until(lambda: os.path.exists(trivial.pid_file + '.log') and len(trivial.log()) > 1, 10, 'it has said what it is')
    parent, descriptors, folder = trivial.log()[0].split()
    assert int(parent) != os.getpid()
    assert int(descriptors) <= 6  # three standard ones, the lock, the log, the list itself
    assert folder == '/'
    assert trivial.run('stop') == (0, '', '')
    assert trivial.log()[1:] == ['ended', '']
    assert trivial.run('status') == (0, 'None', '')
    wait_until(lambda: not os.path.exists('/proc/%d' % pid), 10, 'somebody has collected it')


def test_stop_of_what_does_not_run_is_fine(trivial):
    assert trivial.run('stop') == (0, '', '')


def test_a_second_start_is_refused_and_changes_nothing(trivial):
    pid = trivial.start()
    assert trivial.run('start') == (1, '', 'trivial: runs already (process %d); see %s' % (pid, trivial.pid_file))
    assert trivial.run('status') == (0, str(pid), '')
    assert trivial.run('stop')[0] == 0


def test_a_pid_that_a_killed_process_left_behind_counts_for_nothing(trivial):
    pid = trivial.start()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: trivial.run('status')[1] == 'None', 10, 'it is gone')
    with open(trivial.pid_file) as stream:
        assert stream.read() == '%d\n' % pid
    assert trivial.run('stop') == (0, '', '')
    assert trivial.start() != pid
    assert trivial.run('stop')[0] == 0


def test_a_pid_of_somebody_else_in_the_file_is_not_signalled(trivial):
    bystander = subprocess.Popen(['sleep', '60'])
    try:
        with open(trivial.pid_file, 'w') as stream:
            stream.write('%d\n' % bystander.pid)
        assert trivial.run('stop') == (0, '', '')
        assert trivial.run('status') == (0, 'None', '')
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_two_starts_at_once_make_one(trivial):
    words = trivial._enter(trivial._words + ['start', trivial.pid_file])
    both = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ends = [process.communicate(timeout=60) + (process.returncode,) for process in both]
    assert sorted(code for _, _, code in ends) == [0, 1], ends
    assert trivial.run('stop')[0] == 0


def test_a_pid_file_that_cannot_be_written_is_one_line(trivial):
    os.mkdir(trivial.pid_file)
    code, out, err = trivial.run('start')
    assert (code, out) == (1, '')
    assert err.startswith('trivial: %s: cannot be written' % trivial.pid_file)


def test_without_python_daemon_the_message_says_what_to_install(tmp_path):
    """Debian's own package of it out of sight."""
    trivial = Trivial('3', str(tmp_path))
    hide = 'mount -t tmpfs none /usr/lib/python3/dist-packages && exec "$@"'
    code, out, err = trivial.run('start', before=['unshare', '--mount', '--propagation', 'private', 'sh', '-c', hide, 'sh'])
    assert (code, out) == (1, '')
    assert err.startswith('trivial: python-daemon is missing') and 'install python3-daemon' in err
    assert '\n' not in err
