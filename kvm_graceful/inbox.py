"""Where facts from threads and signal handlers meet the one loop: a queue and a wait that either can end."""
from __future__ import absolute_import, division, print_function

import collections
import errno
import fcntl
import os
import select

from kvm_graceful.compat import Any  # noqa: F401 (type comments)


class Inbox(object):
    """`put` never blocks and may be called from any thread or signal handler; only the loop calls `wait`.

    A pipe ends the wait, since Queue.get on Python 2 either sleeps in steps or hides signals.
    """

    def __init__(self, clock):
        # type: (Any) -> None
        self.clock = clock
        self._facts = collections.deque()  # type: collections.deque
        self._read, self._write = os.pipe()
        for end in (self._read, self._write):
            fcntl.fcntl(end, fcntl.F_SETFL, fcntl.fcntl(end, fcntl.F_GETFL) | os.O_NONBLOCK)
            fcntl.fcntl(end, fcntl.F_SETFD, fcntl.FD_CLOEXEC)

    def put(self, fact):
        # type: (Any) -> None
        self._facts.append(fact)
        try:
            os.write(self._write, b'.')
        except OSError:
            pass  # the pipe is full, so the loop is awake already

    def wait(self, until):
        # type: (float) -> list
        """All facts that are there, at once if there are any; an empty list when the instant `until` has come."""
        while not self._facts:
            remaining_s = until - self.clock.now()
            if remaining_s <= 0:
                break
            try:
                select.select([self._read], [], [], min(remaining_s, 3600.0))
            except (OSError, select.error) as error:
                if error.args[0] != errno.EINTR:
                    raise
            self._drain()
        taken = []
        while self._facts:
            taken.append(self._facts.popleft())
        return taken

    def _drain(self):
        # type: () -> None
        try:
            while len(os.read(self._read, 4096)) == 4096:
                pass
        except OSError:
            pass  # empty
