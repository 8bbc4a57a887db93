"""apcupsd: a UPS behind its network information server (NIS): frames of two bytes of length, big-endian, and that many bytes."""
from __future__ import absolute_import, division, print_function

import struct

from kvm_graceful.compat import Any, native  # noqa: F401 (Any: type comments)
from kvm_graceful.power import BATTERY, MAINS, UNKNOWN, Reading, nut, unknown, wire

PORT = 3551


class Apcupsd(object):
    """One apcupsd, which has one UPS. Its NIS closes connections when it likes, so each reading has one of its own."""

    def __init__(self, host, port, clock):
        # type: (str, int, Any) -> None
        self._wire = wire.Wire(host, port, clock)

    def read(self):
        # type: () -> Reading
        try:
            self._wire.begin()
            return reading(self._ask())
        except wire.FAILURES as error:
            return unknown('apcupsd does not answer: %s' % wire.why(error))
        finally:
            self.close()

    def close(self):
        # type: () -> None
        self._wire.close()

    def _ask(self):
        # type: () -> dict
        request = b'status'
        self._wire.send(struct.pack('>H', len(request)) + request)
        found = {}  # type: dict
        while True:
            length = struct.unpack('>H', self._wire.exactly(2))[0]
            if not length:
                return found
            name, _, value = native(self._wire.exactly(length)).partition(':')
            found[name.strip()] = value.strip()


def reading(fields):
    # type: (dict) -> Reading
    """What {name of a field of apcupsd's status: value} means for us."""
    status = fields.get('STATUS', '')
    words = status.split()
    low = 'LOWBATT' in words
    supply = MAINS if 'ONLINE' in words else BATTERY if 'ONBATT' in words else UNKNOWN
    if 'COMMLOST' in words:  # it goes on telling the last values that it knew
        supply = UNKNOWN
    elif supply == BATTERY and ('CAL' in words or (fields.get('SELFTEST') == 'IP' and not low)):
        supply = MAINS
    minutes = nut.number(fields.get('TIMELEFT', '').split(' ')[0])
    return Reading(supply, None if minutes is None or supply == UNKNOWN else minutes * 60,
                   None if supply == UNKNOWN else nut.number(fields.get('BCHARGE', '').split(' ')[0]),
                   low and supply == BATTERY, 'SHUTTING' in words, None, status or 'no status', True)
