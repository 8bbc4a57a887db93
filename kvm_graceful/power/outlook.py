"""The power as it is now, for `status`: one look at each UPS, and what would be left of the battery after a shutdown."""
from __future__ import absolute_import, division, print_function

import os
from collections import namedtuple

from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.power import BATTERY, MAINS, feed, hostdown, lastmoment, sources
from kvm_graceful.power.deadline import SAMPLE_S, text
from kvm_graceful.power.meter import Meter

# `sources`: sources.Sources; `reading`: of the whole host; `notice_s`: what passes before the first guest is asked; `margin_s`:
# in how many seconds a shutdown has to begin at the latest (on mains, if the power failed now), None where the battery does
# not tell.
Seen = namedtuple('Seen', 'sources reading notice_s margin_s')


def seen(settings, clock, takes_s, system, root='/', environment=os.environ):
    # type: (Any, Any, float, Any, str, Any) -> Seen | None
    """One look at each UPS; None where none is known. `takes_s`: what a shutdown would take now."""
    found = sources.find(settings, root, environment)
    if not found.upses:
        return None
    meter = Meter(found._replace(upses=[ups._replace(login=None) for ups in found.upses]), clock, SAMPLE_S)  # who looks only
    meter.look()
    reading = meter.now()
    notice_s, margin_s = system.inhibitor_delay_s() + hostdown.notice_s(found, reading), None
    if reading.supply in (MAINS, BATTERY):
        margin_s = lastmoment.margin_s(reading._replace(supply=BATTERY), takes_s, notice_s, feed.trust(settings))
    return Seen(found, reading, notice_s, margin_s)


def look(settings, clock, takes_s, system, root='/', environment=os.environ):
    # type: (Any, Any, float, Any, str, Any) -> dict | None
    """The same as JSON has it."""
    now = seen(settings, clock, takes_s, system, root, environment)
    if now is None:
        return None
    reading = now.reading
    return {'supply': reading.supply, 'runtime': reading.runtime_s, 'charge': reading.charge, 'low': reading.low,
            'forced': reading.forced, 'text': text(reading), 'margin': None if now.margin_s is None else round(now.margin_s, 1)}


def line(power):
    # type: (dict) -> str
    """The same for people."""
    margin, what = power['margin'], 'Power: %s' % power['text']
    if margin is None:
        return what + '.'
    if power['supply'] == BATTERY:
        return what + ('; a shutdown has to begin in %.0f s.' % margin if margin > 0 else '; a shutdown has to begin NOW.')
    return what + ('; if it failed now, a shutdown would have to begin in %.0f s.' % margin if margin > 0 else
                   '; IF IT FAILED NOW, THE BATTERY WOULD NOT LAST for a shutdown.')
