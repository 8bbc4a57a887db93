"""A terminal that somebody looks at: the live view of a run, redrawn in place from a thread of its own."""
from __future__ import absolute_import, division, print_function

import collections
import os
import threading

from kvm_graceful import columns, console, workers
from kvm_graceful.compat import Any, as_bytes  # noqa: F401 (Any: type comments)

REDRAW_S = 0.25


def fits(descriptor, environment=os.environ):
    # type: (int, Any) -> bool
    """True if a view can be redrawn there: a terminal that can move its cursor."""
    return os.isatty(descriptor) and environment.get('TERM', 'dumb') not in ('dumb', '', 'unknown')


class Terminal(object):
    """What Console is, with a view under the lines that were said. Only its own thread writes, so that a terminal that blocks
    (somebody pressed Ctrl-S) blocks nobody else."""

    def __init__(self, descriptor, clock, environment=os.environ):
        # type: (int, Any, Any) -> None
        self._descriptor, self._clock = descriptor, clock
        self._coloured = not environment.get('NO_COLOR')
        self._calls = collections.deque()  # type: collections.deque
        self._news = threading.Condition()
        self._progress = None  # type: Any
        self._started_at, self._drawn = 0.0, 0
        self._size = (0, 0)  # type: tuple
        workers.start(self._work)

    # -- from any thread, at once

    def say(self, line):
        # type: (str) -> None
        """A line above the view."""
        self._submit(lambda: self._write(self._erased() + as_bytes(line) + b'\n'))

    def follow(self, progress, started_at):
        # type: (Any, float) -> None
        """Draws `progress` (report.progress) from now on; its instants count from `started_at`."""
        def begin():
            # type: () -> None
            self._progress, self._started_at = progress, started_at
        self._submit(begin)

    def event(self, line, text, known):
        # type: (dict, str, list | None) -> None
        """An event of the run, as its record has it; `known`: the guests, where one has joined them."""
        def take():
            # type: () -> None
            if known is not None:
                self._progress.know(known)
            self._progress.take(line)
        self._submit(take)

    def flush(self, limit_s):
        # type: (float) -> None
        """Takes the view away: what was said stays. Waits until that is done, `limit_s` seconds at most."""
        done = threading.Event()

        def end():
            # type: () -> None
            self._progress = None
            self._write(self._erased())
            done.set()
        self._submit(end)
        done.wait(limit_s)

    def _submit(self, call):
        # type: (Any) -> None
        with self._news:
            self._calls.append(call)
            self._news.notify()

    # -- in the thread

    def _work(self):
        # type: () -> None
        while True:
            with self._news:
                if not self._calls:
                    self._news.wait(REDRAW_S if self._progress is not None else None)
                calls, self._calls = self._calls, collections.deque()
            for call in calls:
                call()
            if self._progress is not None and self._is_ours():
                self._draw()

    def _is_ours(self):
        # type: () -> bool
        """False while the shell has put us into the background: its prompt is there now."""
        try:
            return os.tcgetpgrp(self._descriptor) == os.getpgrp()
        except OSError:
            return True  # not the terminal that we were started from: nobody else writes there

    def _draw(self):
        # type: () -> None
        size = console.size(self._descriptor)
        above = _up(self._drawn)
        if self._drawn and size != self._size:  # what was drawn is wrapped by now: nobody knows how many lines it takes
            above = b'\x1b[H\x1b[J'
        self._size = size
        # One column and one line stay free: a full line would move the cursor on, and the view out of reach.
        lines = self._progress.lines(self._clock.now() - self._started_at, size[0] - 1, size[1] - 1)
        self._drawn = len(lines)
        self._write(above + b''.join(self._line(line) for line in lines) + b'\x1b[J')

    def _line(self, line):
        # type: (Any) -> bytes
        text = as_bytes(line.text)
        if line.colour and self._coloured:
            text = b'\x1b[' + as_bytes(line.colour) + b'm' + text + b'\x1b[m'
        return text + b'\x1b[K\n'

    def _erased(self):
        # type: () -> bytes
        drawn, self._drawn = self._drawn, 0
        return _up(drawn) + b'\x1b[J' if drawn else b''

    def _write(self, data):
        # type: (bytes) -> None
        console.put(self._descriptor, data)


def _up(lines):
    # type: (int) -> bytes
    """Moves the cursor to the start of the line so many lines above."""
    return as_bytes('\r\x1b[%dA' % lines) if lines else b'\r'


class Roll(object):
    """Where nothing can be redrawn: each picture under the last."""

    def __init__(self, descriptor):
        # type: (int) -> None
        self._descriptor = descriptor

    def show(self, headline, lines):
        # type: (str, list) -> None
        """Raises OSError when nobody reads any more."""
        self._write(as_bytes('\n'.join([headline] + lines)) + b'\n\n')

    def _write(self, data):
        # type: (bytes) -> None
        while data:
            data = data[os.write(self._descriptor, data):]


class Page(Roll):
    """A terminal's whole screen, drawn over in place: no flicker, nothing scrolls, and what does not fit is counted."""

    def __init__(self, descriptor):
        # type: (int) -> None
        Roll.__init__(self, descriptor)
        self._write(b'\x1b[H\x1b[2J')

    def show(self, headline, lines):
        # type: (str, list) -> None
        wide, high = console.size(self._descriptor)
        if len(lines) > high - 2:
            lines = lines[:max(0, high - 3)] + ['... and %d more lines' % (len(lines) - max(0, high - 3))]
        kept = [columns.cut(line, wide - 1) for line in [headline] + lines]
        self._write(b'\x1b[H' + b''.join(as_bytes(line) + b'\x1b[K\r\n' for line in kept[:max(1, high - 1)]) + b'\x1b[J')
