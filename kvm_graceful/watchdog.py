"""Ends a process that is still there when its run must be over, whatever it hangs in."""
from __future__ import absolute_import, division, print_function

import os
import signal

from kvm_graceful import workers
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.model import DESTROY_S

MARGIN_S = 12.0  # after the deadline and one forced end: for the record, the console and the report
STEP_S = 1.0
STILL_ON = 4     # the exit code where guests may still be on


def guard(deadline_at, clock, say, once_more):
    # type: (Any, Any, Any, bool) -> None
    """Watches from a thread of its own. `deadline_at()`: the deadline that holds now; `say(line)` must not block; `once_more`: it
    ends as if killed, so that the init system's side calls again, and guests that are still on are at least told to end."""
    def watch():
        # type: () -> None
        while clock.now() <= deadline_at() + DESTROY_S + MARGIN_S:
            clock.sleep(STEP_S)
        say('this process hangs, and is ended: its deadline was %.0f s ago' % (clock.now() - deadline_at()))
        clock.sleep(STEP_S)
        if once_more:
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(STILL_ON)
    workers.start(watch)
