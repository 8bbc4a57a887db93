"""A run or a plan as rows over time: what happened to each guest when. Pure; `chart` draws it in characters, `svg` for a page."""
from __future__ import absolute_import, division, print_function

from collections import namedtuple

from kvm_graceful.compat import Any  # noqa: F401 (type comments)

# Instants are seconds from the start of the run, None for what did not happen. `again`: later presses; `end`: when the guest was
# off, or the run over; `saves`: (from, to) of each attempt to save it; `holders`: places of the rows that had to be off before
# this guest was asked; `begin`: when it was its turn.
Row = namedtuple('Row', 'guest asked again forced saves end outcome holders begin')

# `told`: when it became known; `at`: the deadline that held from then on; `why`: empty for the first one.
Deadline = namedtuple('Deadline', 'told at why')

# `span_s`: what the drawing covers; `battery`: (instant, seconds of battery left) as far as the record tells.
Timeline = namedtuple('Timeline', 'rows deadlines span_s battery')

_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400)


def of(data):
    # type: (dict) -> Timeline
    """The Timeline of a run (record.data_of) or a plan (rehearsal.plan), guests in the order in which they ended."""
    events = data.get('events', [])
    guests = sorted(data['guests'], key=by_end)
    over_at = data['finished'] if data['finished'] is not None else max([0.0] + [event['at'] for event in events])
    by_guest = {}  # type: dict
    for event in events:
        by_guest.setdefault(event['guest'], []).append(event)
    holders = _holders(guests)
    rows = [_row(guest, by_guest.get(guest.get('key'), []), holders[place], over_at) for place, guest in enumerate(guests)]
    deadlines = [Deadline(0.0, data['deadline'], '')]
    deadlines += [Deadline(event['at'], event['deadline'], event['text']) for event in events
                  if event['what'] == 'deadline' and 'deadline' in event]
    battery = [(event['at'], event['runtime']) for event in events
               if event['what'] == 'power' and event.get('runtime') is not None]
    return Timeline(rows, deadlines, _span(rows, deadlines, over_at), battery)


def _row(guest, events, holders, over_at):
    # type: (dict, list, list, float) -> Row
    end = over_at if guest['off'] is None else guest['off']
    saves = []  # type: list
    for event in events:
        if event['what'] == 'saving':
            saves.append((event['at'], end))
        elif event['what'] in ('save failed', 'force failed') and saves:
            saves[-1] = (saves[-1][0], min(saves[-1][1], event['at']))
    begin = min([end] + [at for at in [guest['asked'], guest['forced']] + [save[0] for save in saves] if at is not None])
    return Row(guest, guest['asked'], [event['at'] for event in events if event['what'] == 'pressed again'], guest['forced'],
               saves, end, guest['outcome'] or 'unknown', holders, begin)


def by_end(guest):
    # type: (dict) -> tuple
    return (guest['off'] is None, guest['off'] or 0, guest['asked'] is None, guest['asked'] or 0, guest['name'])


def _holders(guests):
    # type: (list) -> list
    """For each guest the places of those that need it, and so had to be off first."""
    places = {}  # type: dict
    for place, guest in enumerate(guests):
        places.setdefault((guest.get('uri'), guest['name']), []).append(place)
        places.setdefault(guest['name'], []).append(place)
    found = [[] for _ in guests]  # type: list
    for place, guest in enumerate(guests):
        for name in guest.get('needs', ()):
            # Two hypervisors may have a guest of one name: the one beside it is meant, if there is one.
            for needed in places.get((guest.get('uri'), name)) or places.get(name) or []:
                if needed != place:
                    found[needed].append(place)
    return found


def _span(rows, deadlines, over_at):
    # type: (list, list, float) -> float
    """Seconds that are drawn: all that happened, and the last deadline unless that would squeeze everything else."""
    happened = max([over_at, 0.1] + [row.end for row in rows])
    last = deadlines[-1].at  # type: float
    return last * 1.02 if happened < last <= 1.6 * happened else happened


def ticks(span_s, most):
    # type: (float, int) -> list
    """[(instant, text)] of up to `most` round instants from 0 on; the texts are short: 40 s, 5 min."""
    step = next((step for step in _STEPS_S if span_s / step < most), _STEPS_S[-1])
    if span_s / step >= most:
        step *= int(span_s / step / most) + 1
    return [(place * step, instant(place * step, step)) for place in range(int(span_s / step) + 1)]


def instant(at, step=1.0):
    # type: (float, float) -> str
    """An instant for the axis: in minutes where all of them are whole ones."""
    if not at:
        return '0'
    if step >= 3600:
        return '%g h' % (at / 3600)
    return '%g min' % (at / 60) if step >= 60 else '%g s' % round(at, 1)


def story(row):
    # type: (Row) -> str
    """What happened to the guest, in a sentence without its name."""
    parts = []
    if row.asked is not None:
        parts.append('asked at %.1f s' % row.asked)
    if row.again:
        parts.append('asked again at %s' % ', '.join('%.1f s' % at for at in row.again))
    if row.forced is not None:
        parts.append('forced at %.1f s' % row.forced)
    parts += ['save begun at %.1f s' % begin for begin, _ in row.saves]
    parts.append(ending(row))
    return ', '.join(parts)


def ending(row):
    # type: (Row) -> str
    """The outcome and its instant, short enough to stand beside a bar."""
    return row.outcome if row.guest['off'] is None else '%s %.1f s' % (row.outcome, row.guest['off'])


def moves(timeline):
    # type: (Timeline) -> list
    """Lines that tell how the deadline moved; empty where it did not."""
    return ['At %.1f s: %s' % (move.told, move.why) for move in timeline.deadlines[1:]]
