"""Commands on their way to libvirtd, in such a way that those to QEMUs that hang keep nobody else waiting. Knows no binding."""
from __future__ import absolute_import, division, print_function

import collections
import threading

from kvm_graceful import workers
from kvm_graceful.compat import Any  # noqa: F401 (type comments)

AT_ONCE = 4    # libvirtd carries out five calls of one connection at a time (max_client_requests); one is for looking at guests
MOST = 4       # 16 calls, with those for agents below libvirtd's default of 20 workers (max_workers)
PATIENCE_S = 2.0  # a call to a QEMU that works is over in a part of a second


class Lanes(object):
    """`submit(call)` leads to `call(lane)` in a thread; each lane, a number from 0, is to be a connection of its own.

    There is one lane as long as that is enough; another one when a call has waited 2 s for those before it."""

    def __init__(self, clock):
        # type: (Any) -> None
        self._clock = clock
        self._waiting = collections.deque()  # type: collections.deque
        self._there_is_work = threading.Condition()
        self._threads = self._idle = 0
        self._lanes, self._opened_at = 1, clock.now()

    def submit(self, call):
        # type: (Any) -> None
        """Never blocks and never raises."""
        with self._there_is_work:
            self._waiting.append((self._clock.now(), call))
            if self._idle >= len(self._waiting):
                self._there_is_work.notify()
            else:
                self._start()

    def waits_s(self):
        # type: () -> float
        """How long a call has waited for its turn, though nothing more can be done for it here; 0 where none does. Opens another
        lane where that helps: to be asked now and then."""
        with self._there_is_work:
            if not self._waiting:
                return 0.0
            since = self._waiting[0][0]
            if self._lanes < MOST and self._clock.now() - max(since, self._opened_at) > PATIENCE_S:
                self._lanes += 1
                self._opened_at = self._clock.now()
                for _ in range(min(AT_ONCE, len(self._waiting))):
                    self._start()
            return self._clock.now() - since if self._lanes == MOST else 0.0

    def _start(self):
        # type: () -> None
        if self._threads < self._lanes * AT_ONCE:
            lane = self._threads // AT_ONCE
            try:
                workers.start(lambda: self._work(lane))
                self._threads += 1
            except Exception:  # noqa: S110 (no memory for one more; on Python 2 it is thread.error)
                pass  # those that are there take it, or the next look tries again

    def _work(self, lane):
        # type: (int) -> None
        while True:
            with self._there_is_work:
                self._idle += 1
                while not self._waiting:
                    self._there_is_work.wait()
                self._idle -= 1
                call = self._waiting.popleft()[1]
            call(lane)
