"""Reads every UPS of the host again and again, each in a thread of its own: a server that hangs keeps nobody waiting."""
from __future__ import absolute_import, division, print_function

import functools
import threading

from kvm_graceful import upsname, workers
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.power import BATTERY, Reading, apcupsd, nut, several, unknown, wire  # noqa: F401 (Reading: type comments)


class Meter(object):
    """The latest Reading of the whole host. `every_s`: seconds between two readings of one UPS; may be changed at any time."""

    def __init__(self, sources, clock, every_s):
        # type: (Any, Any, float) -> None
        self.upses, self.every_s = list(sources.upses), every_s
        self._minimum, self._clock = sources.minimum, clock
        self._ports = [_port(ups, clock) for ups in self.upses]
        self._latest = [None] * len(self.upses)  # type: list
        self._memory = [several.Remembered() for _ in self.upses]
        self._lock = threading.Lock()

    def start(self):
        # type: () -> None
        for index in range(len(self._ports)):
            workers.start(functools.partial(self._read_for_ever, index))

    def look(self):
        # type: () -> None
        """Reads each UPS once, one after the other; for who has no time to wait for threads."""
        for index in range(len(self._ports)):
            self._read(index)

    def has_all(self):
        # type: () -> bool
        """True once each UPS was read, with whatever success."""
        return None not in self._latest

    def now(self):
        # type: () -> Reading
        """The host's Reading at this instant."""
        now = self._clock.now()
        with self._lock:
            each = [memory.take(self._current(latest, now), now) for memory, latest in zip(self._memory, self._latest)]
        if len(each) > 1:
            each = [one._replace(text='%s: %s' % (upsname.shown(ups), one.text)) for ups, one in zip(self.upses, each)]
        return several.together(each, [ups.value for ups in self.upses], self._minimum)

    def _current(self, latest, now):
        # type: (Any, float) -> Reading
        if latest is None:
            return unknown('not read yet')
        reading, at = latest
        # The thread itself may hang, in a look-up of the name for one.
        if now - at > 2 * self.every_s + 2 * wire.LIMIT_S:
            return unknown('no news for %.0f s' % (now - at))
        if reading.supply == BATTERY and reading.runtime_s is not None:
            return reading._replace(runtime_s=max(0.0, reading.runtime_s - (now - at)))
        return reading

    def _read(self, index):
        # type: (int) -> None
        reading = self._ports[index].read()
        self._latest[index] = (reading, self._clock.now())

    def _read_for_ever(self, index):
        # type: (int) -> None
        while True:
            self._read(index)
            self._clock.sleep(self.every_s)


def _port(ups, clock):
    # type: (Any, Any) -> Any
    if ups.kind == 'apcupsd':
        return apcupsd.Apcupsd(ups.host, ups.port, clock)
    return nut.Nut(ups.name, ups.host, ups.port, clock, ups.role == 'primary', ups.login if ups.role == 'secondary' else None)
