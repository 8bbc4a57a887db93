"""What the battery does to the deadline of a shutdown, and to the last moment to start one. Pure arithmetic over Readings."""
from __future__ import absolute_import, division, print_function

from collections import namedtuple

from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.model import DESTROY_S, FLOOR_S, DeadlineMoved, PowerSeen
from kvm_graceful.power import BATTERY, MAINS, UNKNOWN, Reading  # noqa: F401 (Reading: type comments)

SAMPLE_S = 2.0      # between two looks at the battery during a shutdown
CONFIRM_S = 1.0     # a drop is believed when it is still there after this time
TELL_S = 30.0       # how often the level goes into the record while nothing else changes
# A UPS that reports next to nothing may have minutes, and many do: all guests are asked, and have the least that a guest may
# be asked in, before they are forced for its sake.
LEAST_S = FLOOR_S + DESTROY_S

# How much of what the battery claims is trusted, and what the host itself needs once its guests are off.
Trust = namedtuple('Trust', 'share host_s')


def usable_s(runtime_s, trust):
    # type: (float, Trust) -> float
    """Seconds that guests may use of what the battery has left; below zero where the host itself would not be in time."""
    return runtime_s * trust.share - trust.host_s


class BatteryDeadline(object):
    """One shutdown. `configured_at`: its deadline without a battery. Instants are monotonic seconds."""

    def __init__(self, configured_at, trust):
        # type: (float, Trust) -> None
        self._configured_at, self._trust = configured_at, trust
        self._at = configured_at        # as it was told last
        self._since = None              # type: float | None
        self._doubted = None            # type: tuple | None
        self._halved_at = None          # type: float | None
        self._told = None               # type: tuple | None

    def take(self, reading, now):
        # type: (Reading, float) -> list
        """Facts for the engine that follow from a Reading."""
        return self._level(reading, now) + self._moved(reading, now)

    def _level(self, reading, now):
        # type: (Reading, float) -> list
        limited = reading.supply == BATTERY or reading.forced
        what = (reading.supply, reading.low, reading.forced)
        if self._told is None and not limited:  # a host on mains has no story to tell
            return []
        if self._told is not None and self._told[0] == what and (not limited or now - self._told[1] < TELL_S):
            return []
        self._told = (what, now)
        runtime_s = None if reading.runtime_s is None else round(reading.runtime_s)
        return [PowerSeen(text(reading), reading.supply, runtime_s, reading.charge)]

    def _moved(self, reading, now):
        # type: (Reading, float) -> list
        if reading.supply == UNKNOWN and not reading.forced:
            return []  # the deadline stands, and time runs towards it
        if reading.supply == MAINS and not reading.forced:
            self._since = self._doubted = self._halved_at = None
            return self._move(self._configured_at, now, 'the power is back')
        if self._since is None:
            self._since = now
        at = self._wanted(reading, now)
        if at > self._at - self._slack(now):
            self._doubted = None
            if at > self._at and not reading.fresh:
                return []  # time that passes unseen adds none
        elif not (reading.low or reading.forced):
            at = self._believed(at, now)
        return self._move(at, now, text(reading))

    def _wanted(self, reading, now):
        # type: (Reading, float) -> float
        if reading.runtime_s is not None:
            at = now + usable_s(reading.runtime_s, self._trust)
        elif reading.low:  # nothing more is known: half of the time that is left, once
            if self._halved_at is None:
                self._halved_at = now + max(0.0, self._at - now) / 2
            at = self._halved_at
        else:
            at = self._configured_at if self._halved_at is None else self._halved_at
        return min(self._configured_at, max(at, (now if self._since is None else self._since) + LEAST_S))

    def _believed(self, at, now):
        # type: (float, float) -> float
        """A UPS that just took over the load, or measures again, may say anything once: the milder of two samples holds."""
        if self._doubted is None:
            self._doubted = (now, at)
        if now - self._doubted[0] < CONFIRM_S:
            return self._at
        at = max(at, self._doubted[1])
        self._doubted = None
        return at

    def _slack(self, now):
        # type: (float) -> float
        return max(2.0, 0.05 * (self._at - now))

    def _move(self, at, now, why):
        # type: (float, float, str) -> list
        """Told only when it makes a difference, since everything is planned anew."""
        if at == self._at or (abs(at - self._at) < self._slack(now) and at != self._configured_at):
            return []
        self._at = at
        return [DeadlineMoved(at, why)]


def text(reading):
    # type: (Any) -> str
    """A Reading for people."""
    parts = [{BATTERY: 'on battery', MAINS: 'on mains'}.get(reading.supply, 'state of the power unknown')]
    if reading.runtime_s is not None:
        parts.append('%.0f s left' % reading.runtime_s)
    if reading.charge is not None:
        parts.append('%.0f %%' % reading.charge)
    if reading.low:
        parts.append('battery low')
    if reading.forced:
        parts.append('the power is going to be cut')
    return '%s (%s)' % (', '.join(parts), reading.text)
