"""Brings the battery into a running shutdown: a thread that turns what the UPSes say into facts for the engine."""
from __future__ import absolute_import, division, print_function

import os
import pickle

from kvm_graceful import aside, workers
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.power import sources
from kvm_graceful.power.deadline import CONFIRM_S, SAMPLE_S, BatteryDeadline, Trust
from kvm_graceful.power.meter import Meter


def trust(settings):
    # type: (Any) -> Trust
    return Trust(settings.battery_share, settings.host_s)


def begin(settings, clock, root='/', environment=os.environ):
    # type: (Any, Any, str, Any) -> Any
    """A Meter that has begun to read the host's UPSes; None where there is none. In bounded time, wherever NUT's files are."""
    data, _ = aside.answer(lambda: pickle.dumps(sources.find(settings, root, environment), 2), clock)
    found = pickle.loads(data) if data else sources.NONE._replace(upses=settings.upses or ())
    if not found.upses:
        return None
    meter = Meter(found, clock, SAMPLE_S)
    meter.start()
    return meter


def into(inbox, meter, settings, clock, deadline_at):
    # type: (Any, Any, Any, Any, float) -> None
    """Lets what `meter` reads move the deadline of a shutdown, which is at `deadline_at` without a battery."""
    if meter is not None:
        core = BatteryDeadline(deadline_at, trust(settings))
        workers.start(lambda: _for_ever(inbox, meter, core, clock))


def _for_ever(inbox, meter, core, clock):
    # type: (Any, Any, BatteryDeadline, Any) -> None
    while True:
        if meter.has_all():
            for fact in core.take(meter.now(), clock.now()):
                inbox.put(fact)
        # Slower than the meter itself: each look then sees a reading that is newer than the one before.
        clock.sleep(SAMPLE_S + CONFIRM_S if meter.has_all() else 0.05)
