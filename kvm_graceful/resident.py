"""A process in the background where no supervisor keeps one, as on sysvinit: the only room that knows python-daemon."""
from __future__ import absolute_import, division, print_function

import errno
import fcntl
import os
import resource
import signal

from kvm_graceful.compat import PACKAGES, Any  # noqa: F401 (Any: type comments)
from kvm_graceful.errors import HostError

STEP_S = 0.1
# python-daemon closes every descriptor that there could be, one by one: with a limit of a thousand million that never ends.
MAX_DESCRIPTORS = 4096


def start(loop, pid_file):
    # type: (Any, str) -> int
    """Runs `loop(ended)` in a process in the background, and returns its pid once it is there.

    `ended()` is true from the moment on at which that process is told to end (SIGTERM, SIGINT); the loop looks at it and
    returns. What the loop needs, it opens and starts by itself: descriptors are closed and threads are lost on the way.
    Raises HostError where python-daemon is missing, where one runs already, and where the pid file cannot be written.
    """
    try:
        import daemon
    except ImportError as error:
        raise HostError('python-daemon is missing (%s); install %s-daemon, or run in the foreground' % (error, PACKAGES))
    lock = _opened(pid_file)
    try:
        if not _taken(lock):
            running = pid(pid_file)
            raise HostError('runs already%s; see %s' % (' (process %d)' % running if running else '', pid_file))
        there, here = os.pipe()
        child = os.fork()
        if not child:
            os.close(there)
            _in_background(daemon, loop, lock, here)
        os.close(here)
        os.waitpid(child, 0)
        is_there = os.read(there, 64)
        os.close(there)
    finally:
        os.close(lock)
    if not is_there:
        raise HostError('did not start; see the log of the system')
    return int(is_there)


def _in_background(daemon, loop, lock, here):
    # type: (Any, Any, int, int) -> None
    """In the child, which python-daemon makes a process without a parent. Never returns."""
    code = 1
    try:
        _bound_descriptors()
        told = []  # type: list

        def end(number, _frame):
            # type: (int, Any) -> None
            told.append(number)  # only noted: python-daemon's own handler would raise SystemExit at whatever line is being run
        with daemon.DaemonContext(working_directory='/', umask=0o027, files_preserve=[lock, here], detach_process=True,
                                  signal_map={signal.SIGTERM: end, signal.SIGINT: end, signal.SIGHUP: signal.SIG_IGN}):
            # The lock is held until the process is gone, however it ends. What is written only says which process that is.
            os.ftruncate(lock, 0)
            os.write(lock, ('%d\n' % os.getpid()).encode('ascii'))
            os.write(here, ('%d' % os.getpid()).encode('ascii'))
            os.close(here)
            loop(lambda: bool(told))
            os.ftruncate(lock, 0)
        code = 0
    finally:
        os._exit(code)


def pid(pid_file):
    # type: (str) -> int | None
    """The process that runs; None where none does, whatever number a process that was killed has left in the file."""
    try:
        lock = os.open(pid_file, os.O_RDWR)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return None
        raise HostError('%s: %s' % (pid_file, error.strerror))
    try:
        return None if _taken(lock) else _number_in(lock)
    finally:
        os.close(lock)  # and with it the lock, if we took it


def left_behind(pid_file):
    # type: (str) -> int | None
    """The number that a process which was killed has left in the file; None where one runs, or the last one ended by itself."""
    try:
        lock = os.open(pid_file, os.O_RDWR)
    except OSError:
        return None
    try:
        return _number_in(lock) if _taken(lock) else None
    finally:
        os.close(lock)


def stop(pid_file, clock, limit_s):
    # type: (str, Any, float) -> bool
    """Tells the process that runs to end, and waits up to `limit_s` seconds; False where it is still there. It is not killed."""
    running = pid(pid_file)
    if running is None:
        return True
    os.kill(running, signal.SIGTERM)
    until = clock.now() + limit_s
    while pid(pid_file) is not None:
        if clock.now() >= until:
            return False
        clock.sleep(STEP_S)
    return True


def _opened(pid_file):
    # type: (str) -> int
    try:
        lock = os.open(pid_file, os.O_RDWR | os.O_CREAT | getattr(os, 'O_NOFOLLOW', 0), 0o644)
    except OSError as error:
        raise HostError('%s: cannot be written: %s' % (pid_file, error.strerror))
    fcntl.fcntl(lock, fcntl.F_SETFD, fcntl.FD_CLOEXEC)  # no program that the loop starts keeps the lock
    return lock


def _number_in(lock):
    # type: (int) -> int | None
    text = os.read(lock, 64).strip()
    return int(text) if text.isdigit() else None


def _taken(lock):
    # type: (int) -> bool
    """Takes the lock; False where another process has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (IOError, OSError):
        return False
    return True


def _bound_descriptors():
    # type: () -> None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard > MAX_DESCRIPTORS:
        resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_DESCRIPTORS, MAX_DESCRIPTORS))
