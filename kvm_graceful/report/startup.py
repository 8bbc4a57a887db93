"""A start of guests as text for people."""
from __future__ import absolute_import, division, print_function

from kvm_graceful.columns import table
from kvm_graceful.names import shown

HEAD = ('guest', 'needs', 'on', 'ready', 'what became of it')

_ENDS = ('started', 'resumed', 'already on', 'not started', 'absent', 'failed', None)
_STARTS = {'host-start': 'Start at boot', 'start': 'Start by hand', 'drill': 'Start after the drill'}
_CODES = {0: 'as planned', 3: 'some guests could not be started'}


def text(data):
    # type: (dict) -> str
    """The record of a start (startfiles: started.json)."""
    lines = [headline(data), verdict(data)]
    if data['guests']:
        lines += [''] + table(HEAD, rows(data))
    waiting = hint(data)
    return '\n'.join(lines + ['', waiting] if waiting else lines)


def headline(data):
    # type: (dict) -> str
    what = 'Start of the guests that were shed' if data.get('shed') is True else _STARTS.get(data['verb'], 'Start')
    return '%s, begun %s' % (what, data['started'].replace('T', ' ').replace('Z', ' UTC'))


def verdict(data):
    # type: (dict) -> str
    """How a start went, in a line."""
    count = _count(data)
    tally = ', '.join('%d %s' % (count[what], what or 'not reached') for what in _ENDS if what in count) or 'no guest'
    if data['finished'] is None:
        return 'CUT OFF: the start never finished; what is known: %s.' % tally
    meaning = data['cut_off'] or _CODES.get(data['exit'], 'failed')
    return 'Over after %.1f s: %s. Exit code %d: %s.' % (data['finished'], tally, data['exit'], meaning)


def rows(data):
    # type: (dict) -> list
    """The cells of each guest under HEAD, in the order in which they came on; those that did not, last."""
    in_order = sorted(data['guests'], key=lambda guest: (guest.get('at') is None, guest.get('at') or 0.0))
    return [_row(guest) for guest in in_order]


def _row(guest):
    # type: (dict) -> tuple
    return (shown(guest['name']), ' '.join(shown(need) for need in guest['needs']) or '-', _span(guest.get('at')),
            _span(guest.get('ready')), guest.get('why') or 'not reached')


def hint(data):
    # type: (dict) -> str
    """What to do about guests that are still waiting; an empty text where none are."""
    count = _count(data)
    return 'To start the others now: kvm-graceful start' if None in count or 'not started' in count else ''


def _count(data):
    # type: (dict) -> dict
    count = {}  # type: dict
    for guest in data['guests']:
        count[guest.get('started_as')] = count.get(guest.get('started_as'), 0) + 1
    return count


def _span(value):
    # type: (float | None) -> str
    return '-' if value is None else '%.1f s' % value
