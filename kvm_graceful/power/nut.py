"""NUT: a UPS behind upsd, asked through its TCP protocol (RFC 9271).

Not through PyNUT: it blocks on a silent server, needs telnetlib (gone in Python 3.13), and Debian has it only since 2022.
"""
from __future__ import absolute_import, division, print_function

import re

from kvm_graceful.compat import Any, as_bytes, native  # noqa: F401 (Any: type comments)
from kvm_graceful.power import BATTERY, MAINS, UNKNOWN, Reading, unknown, wire

PORT = 3493
_VARIABLE = re.compile(r'^VAR \S+ (\S+) "((?:[^"\\]|\\.)*)"$')
_NUMBER = re.compile(r'^[0-9]{1,7}(\.[0-9]*)?$')  # a runtime of more than 115 days is none


class Refused(ValueError):
    """upsd answered with an error: DATA-STALE, DRIVER-NOT-CONNECTED, UNKNOWN-UPS, ACCESS-DENIED."""


class Nut(object):
    """One UPS of one upsd. `counts_hosts`: ask also how many hosts are logged in; only a primary has to know.

    `login`: user and password of a secondary. Its upsmon logs off as soon as it has called its SHUTDOWNCMD (unless NUT is newer
    than 2.8.0 and SHUTDOWNEXIT says otherwise), and the primary then waits no longer, although guests still shut down. It does
    wait for this connection.
    """

    def __init__(self, name, host, port, clock, counts_hosts=False, login=None):
        # type: (str, str, int, Any, bool, tuple | None) -> None
        self._name, self._counts_hosts, self._login = name, counts_hosts, login
        self._wire = wire.Wire(host, port, clock)

    def read(self):
        # type: () -> Reading
        for _again in (True, False):
            old = False
            try:
                old = self._wire.begin()
                if not old and self._login is not None:
                    self._log_in(*self._login)
                return self._ask()
            except Refused as error:
                return unknown('upsd says %s' % error)  # the connection is as good as before
            except wire.FAILURES as error:
                self.close()
                reason = wire.why(error)
                if not old or isinstance(error, wire.Silent):
                    break
            # An old connection may be dead although upsd lives: it was restarted.
        return unknown('upsd does not answer: %s' % reason)

    def close(self):
        # type: () -> None
        self._wire.close()

    def _log_in(self, user, password):
        # type: (str, str) -> None
        for words in (['USERNAME', user], ['PASSWORD', password], ['LOGIN', self._name]):
            quoted = re.sub(r'(["\\\\])', r'\\\1', words[1])
            self._wire.send(as_bytes('%s "%s"\n' % (words[0], quoted)))
            if self._wire.line()[:2] != b'OK':
                return  # then it only reads

    def _ask(self):
        # type: () -> Reading
        self._wire.send(('LIST VAR %s\n' % self._name).encode('ascii'))
        found = {}  # type: dict
        for line in iter(self._line, 'END LIST VAR %s' % self._name):
            match = _VARIABLE.match(line)
            if match:
                found[match.group(1)] = re.sub(r'\\(.)', r'\1', match.group(2))
        logins = None
        if self._counts_hosts:
            self._wire.send(('GET NUMLOGINS %s\n' % self._name).encode('ascii'))
            words = self._line().split()
            logins = int(words[-1]) if words[:1] == ['NUMLOGINS'] else None
        return reading(found)._replace(logins=logins)

    def _line(self):
        # type: () -> str
        line = native(self._wire.line())
        if line.startswith('ERR '):
            raise Refused(line[4:].strip())
        return line


def reading(variables):
    # type: (dict) -> Reading
    """What {name of a NUT variable: value} means for us."""
    status = variables.get('ups.status', '')
    words = status.split()
    low, forced = 'LB' in words, 'FSD' in words
    supply = MAINS if 'OL' in words else BATTERY if 'OB' in words else UNKNOWN
    if 'WAIT' in words:  # the driver has not heard of the UPS yet
        supply = UNKNOWN
    elif supply == BATTERY and ('CAL' in words or (_tests(words, variables) and not low)):
        # upsmon does not believe a low battery in a calibration either. In a self-test it does.
        supply = MAINS
    return Reading(supply, number(variables.get('battery.runtime')), number(variables.get('battery.charge')),
                   low and supply == BATTERY, forced, None, status or 'no status', True)


def _tests(words, variables):
    # type: (list, dict) -> bool
    return 'TEST' in words or 'progress' in variables.get('ups.test.result', '').lower()


def number(text):
    # type: (str | None) -> float | None
    return float(text) if text is not None and _NUMBER.match(text) else None
