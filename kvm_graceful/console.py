"""Lines for people, while things happen: never coloured, never in the way of the shutdown. terminal.py has the redrawn view."""
from __future__ import absolute_import, division, print_function

import fcntl
import os
import struct
import termios
import threading

from kvm_graceful import workers
from kvm_graceful.compat import Any, as_bytes  # noqa: F401 (Any: type comments)


def size(descriptor):
    # type: (int) -> tuple
    """(columns, lines) of the terminal behind `descriptor`; (80, 24) where there is none, or it does not know."""
    try:
        lines, columns = struct.unpack('hhhh', fcntl.ioctl(descriptor, termios.TIOCGWINSZ, b'\0' * 8))[:2]
    except (IOError, OSError):
        lines = columns = 0
    return columns if columns > 0 else 80, lines if lines > 0 else 24


def columns():
    # type: () -> int
    """How wide text on standard output may be."""
    return size(1)[0]


def show(text, descriptor=1, limit_s=None):
    # type: (str, int, float | None) -> None
    """Past Python's own streams: their encoding may refuse a guest's name, ours never does. `limit_s`: for a console that may
    block; a person's pager may take its time."""
    if limit_s is not None:
        workers.bounded(lambda: show(text, descriptor), limit_s)
        return
    put(descriptor, as_bytes(text) + b'\n')


def put(descriptor, data):
    # type: (int, bytes) -> None
    """All of `data`, as long as there is somebody who reads: a terminal that is gone is no reason to stop."""
    try:
        while data:
            data = data[os.write(descriptor, data):]
    except OSError:
        pass


class Console(object):
    """Writes lines to a descriptor, and to syslog where asked, from a thread of its own: a console that blocks (flow
    control, a dead serial line) blocks nobody else."""

    def __init__(self, descriptor, syslog=False):
        # type: (int, bool) -> None
        self._descriptor, self._syslog = descriptor, None
        if syslog:
            import syslog as module
            module.openlog('kvm-graceful', module.LOG_PID, module.LOG_DAEMON)
            self._syslog = module.syslog
        self._workers = workers.Workers(1)

    def say(self, line):
        # type: (str) -> None
        """One line; at once, from whatever thread. A console that is gone is no reason to stop."""
        self._workers.submit(lambda: self._write(line))

    def follow(self, progress, started_at):
        # type: (Any, float) -> None
        """A plain console has no view to draw: each event is a line."""

    def event(self, line, text, known):
        # type: (dict, str, list | None) -> None
        """An event of the run, in the words of `text`."""
        self.say(text)

    def _write(self, line):
        # type: (str) -> None
        put(self._descriptor, as_bytes(line) + b'\n')
        if self._syslog is not None:
            self._syslog(line)

    def flush(self, limit_s):
        # type: (float) -> None
        """Waits until all lines are out, `limit_s` seconds at most."""
        done = threading.Event()
        self._workers.submit(done.set)
        done.wait(limit_s)
