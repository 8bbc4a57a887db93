"""How a UPS is written in the configuration: NAME@HOST:PORT as in NUT, or apcupsd:HOST:PORT; =N behind it is its power value."""
from __future__ import absolute_import, division, print_function

import re
from collections import namedtuple

# `kind`: nut or apcupsd; `value`: how many of the host's supplies it feeds, 0 for one that is only looked at; `role`: what
# this host is for its server: primary, secondary, or an empty text where it is not registered there; `login`: user and password
# with which its upsmon is registered, or None.
Ups = namedtuple('Ups', 'kind name host port value role login')

NUT_PORT, APCUPSD_PORT = 3493, 3551
_WORD = re.compile(r'^(?:(?P<name>[A-Za-z0-9_.-]+)@|(?P<apc>apcupsd):)(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)'
                   r'(?::(?P<port>[0-9]{1,5}))?(?:=(?P<value>[0-9]{1,2}))?$')


def parse(word):
    # type: (str) -> Ups
    """One UPS. Raises ValueError with a message for the user."""
    match = _WORD.match(word if '@' in word or word.startswith('apcupsd:') else word + '@localhost')
    if not match or not 0 < int(match.group('port') or 1) < 65536:
        raise ValueError('"%s" is no UPS; write NAME@HOST, NAME@HOST:PORT or apcupsd:HOST:PORT, and =2 behind it where '
                         'it feeds two of the supplies' % word[:80])
    kind = 'apcupsd' if match.group('apc') else 'nut'
    port = int(match.group('port') or (NUT_PORT if kind == 'nut' else APCUPSD_PORT))
    return Ups(kind, match.group('name') or '', match.group('host').strip('[]'), port, int(match.group('value') or 1), '', None)


def shown(ups):
    # type: (Ups) -> str
    """As the administrator would write it."""
    host = '[%s]' % ups.host if ':' in ups.host else ups.host
    usual = ups.port == (NUT_PORT if ups.kind == 'nut' else APCUPSD_PORT)
    return (ups.name + '@' if ups.kind == 'nut' else 'apcupsd:') + host + ('' if usual else ':%d' % ups.port)
