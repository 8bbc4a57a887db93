"""`status --watch`: looks again every two seconds, and draws what it sees in place, until somebody ends it."""
from __future__ import absolute_import, division, print_function

from kvm_graceful import preparation, rehearsal, terminal
from kvm_graceful.clock import Clock
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.errors import HypervisorError
from kvm_graceful.inbox import Inbox

EVERY_S = 2.0


def watch(options, shown, descriptor=1, clock=None):
    # type: (preparation.Options, Any, int, Any) -> dict
    """`shown(data)` gives the text of a status. Returns when interrupted, or when nobody reads any more.

    A hypervisor that goes away is told and looked for again; one that was never there raises as `status` does.
    """
    clock = clock or Clock()
    page = terminal.Page(descriptor) if terminal.fits(descriptor) else terminal.Roll(descriptor)
    hypervisors = _connected(options, clock)
    try:
        while True:
            try:
                hypervisors = hypervisors or _connected(options, clock)
                text = shown(rehearsal.look(options, hypervisors))
            except HypervisorError as error:
                hypervisors, text = None, 'kvm-graceful: %s' % error
            page.show('%s  (%s)' % (text.split('\n')[0], clock.wall().replace('T', ' ')), text.split('\n')[1:])
            clock.sleep(EVERY_S)
    except KeyboardInterrupt:
        return {'exit': 130}
    except (IOError, OSError):
        return {'exit': 0}


def _connected(options, clock):
    # type: (preparation.Options, Any) -> Any
    found = preparation.connect(options, clock, Inbox(clock))
    preparation.refuse_if_failed(found)
    return found
