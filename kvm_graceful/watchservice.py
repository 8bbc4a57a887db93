"""watch as a service: under a supervisor, or in the background, started, stopped and looked at by an init script."""
from __future__ import absolute_import, division, print_function

import os

from kvm_graceful import resident, watch
from kvm_graceful.clock import Clock
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.console import Console
from kvm_graceful.errors import HostError, KvmGracefulError

STOP_S = 15.0  # as kvm-graceful-watch.service has it
SAY_S = 3.0
DEAD, NOT_RUNNING = 1, 3  # what LSB has a script's status end with


def act(action, pid_file, settings, program, state_dir):
    # type: (str | None, str, Any, Any, str) -> tuple
    """(exit code, a line for people). `action`: start, stop or status of a watcher in the background; None: stays. The rest is as
    for watch.watch.

    Raises HostError where it cannot be started or stopped. To start what runs, or stop what does not, is no fault.
    """
    if action is None:
        # upstart before 1.4 keeps no log of its jobs.
        return _watch(settings, program, state_dir, Console(1, syslog='UPSTART_JOB' in os.environ), lambda: False), ''
    return {'start': _start, 'stop': _stop, 'status': _status}[action](pid_file, settings, program, state_dir)


def _watch(settings, program, state_dir, console, ended):
    # type: (Any, Any, str, Console, Any) -> int
    try:
        return watch.watch(settings, program, console.say, state_dir, ended=ended)
    finally:
        console.flush(SAY_S)


def _start(pid_file, settings, program, state_dir):
    # type: (str, Any, Any, str) -> tuple
    running = resident.pid(pid_file)
    if running is not None:
        return 0, 'the watcher runs already (process %d)' % running
    warnings = []  # type: list
    watch.upses(settings, warnings.append)  # what is wrong is said where somebody reads it, and keeps it from starting

    def loop(ended):
        # type: (Any) -> None
        console = Console(1, syslog=True)  # standard output leads nowhere by now
        try:
            _watch(settings, program, state_dir, console, ended)
            console.say('the watcher was told to end')
        except Exception as error:  # nobody starts it again: the log has to tell
            what = str(error) if isinstance(error, KvmGracefulError) else '%s: %s' % (type(error).__name__, error)
            console.say('error: the watcher has ended, and nobody watches the battery: %s' % what)
        console.flush(SAY_S)
    pid = resident.start(loop, pid_file)
    return 0, '\n'.join(warnings + ['the watcher runs (process %d)' % pid])


def _stop(pid_file, _settings, _program, _state_dir):
    # type: (str, Any, Any, str) -> tuple
    if resident.stop(pid_file, Clock(), STOP_S):
        return 0, 'the watcher does not run'
    raise HostError('the watcher (process %s) has not ended after %.0f s' % (resident.pid(pid_file), STOP_S))


def _status(pid_file, _settings, _program, _state_dir):
    # type: (str, Any, Any, str) -> tuple
    running = resident.pid(pid_file)
    if running is not None:
        return 0, 'the watcher runs (process %d)' % running
    left = resident.left_behind(pid_file)
    if left is not None:
        return DEAD, 'the watcher is dead: it was killed, or the host was (it was process %d)' % left
    return NOT_RUNNING, 'the watcher does not run'
