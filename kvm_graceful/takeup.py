"""A run whose process was killed is taken up by the next one: same record, same deadline, nobody asked twice without need."""
from __future__ import absolute_import, division, print_function

from collections import namedtuple

from kvm_graceful import diskreader, record
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.errors import NoRecord
from kvm_graceful.guestrun import ASKED, READY, WAITING
from kvm_graceful.model import OUTCOMES, UNKNOWN, Event, Guest, GuestResult

# The earlier part of a run. `number` of its record, None where that could not be read: `lines` is then empty. Instants are
# monotonic; `lines`: header and events.
Earlier = namedtuple('Earlier', 'number started_at deadline_at started lines')


def find(left, state_dir, clock):
    # type: (dict, str, Any) -> Earlier
    """The run that left a lock file with these contents, as far as the disk gives its record in bounded time."""
    earlier = Earlier(None, left['started_at'], left['deadline_at'], None, [])
    data, _ = diskreader.read(state_dir, 'last run', clock)
    if not data:
        return earlier
    number, _, text = data.partition(b'\n')
    lines = record.parsed(text.split(b'\n'))
    try:
        record.data_of(int(number), [], '', lines)
    except (NoRecord, ValueError):
        return earlier
    if lines[0].get('started_at') != left['started_at'] or lines[0].get('boot') != left['boot']:
        return earlier  # another run's: ours never reached the disk
    return earlier._replace(number=int(number), started=lines[0]['started'], lines=lines)


def finished(earlier):
    # type: (Earlier) -> dict | None
    """The last line of a run that was killed after it had been over; None for one that was not over."""
    last = earlier.lines[-1] if earlier.lines else {}
    return last if last.get('what') == 'end' else None


def told(earlier):
    # type: (Earlier) -> dict
    """{key: data of the guest} as far as the earlier part knew."""
    if not earlier.lines:
        return {}
    return dict((guest['key'], guest) for guest in record.replayed(earlier.lines[0]['guests'], earlier.lines[1:]))


def seed(engine, earlier, now):
    # type: (Any, Earlier, float) -> None
    """Guests that were asked by the earlier part count as asked then: their time runs on, and nobody is pressed twice."""
    for key, guest in told(earlier).items():
        run = engine.runs.get(key)
        if run is not None and guest['asked'] is not None and run.phase in (WAITING, READY):
            engine.busy += 1
            run.allotted_s = engine.times[engine.plan.group[key]].estimate[key]
            run.phase, run.asking, run.taken, run.turn_at, run.allotted_at = ASKED, True, True, now, now
            run.asked_at = run.sent_at = earlier.started_at + guest['asked']
            run.presses = guest['presses']
            engine.schedule(key, now)


def gone(earlier, on, now):
    # type: (Earlier, set, float) -> list
    """Events for the guests that went off while nobody watched; `on`: keys of those that are on."""
    at = round(now - earlier.started_at, 3)
    events = []
    for key, guest in sorted(told(earlier).items()):
        if guest['outcome'] == 'unknown' and key not in on:
            what = 'off' if guest['forced'] is None else 'destroyed'
            events.append(Event(at, what, key, 'went off while kvm-graceful had been killed', None))
    return events


def results(earlier, events, known):
    # type: (Earlier, list, set) -> list
    """A GuestResult for each guest of the earlier part that is not among `known`, the keys of the new one."""
    lines = [record.event_line(event) for event in events]
    found = []
    for guest in record.replayed(earlier.lines[0]['guests'], earlier.lines[1:] + lines) if earlier.lines else ():
        if guest['key'] not in known:
            known_as = Guest(guest['key'], guest['name'], guest['uuid'], guest['uri'], UNKNOWN, None, '', 0, 'none', False, None,
                             (), '')
            found.append(GuestResult(known_as, guest['asked'], guest['presses'], guest['forced'], guest['off'],
                                     guest['outcome'], guest['why'], guest.get('saving')))
    return found


def exit_code(code, earlier_results):
    # type: (int, list) -> int
    """The exit code of the whole run, from that of its last part and how guests ended before."""
    outcomes = set(result.outcome for result in earlier_results)
    assert outcomes <= set(OUTCOMES)
    if outcomes & set(['unknown']):
        return max(code, 4)
    return max(code, 3) if outcomes & set(['destroyed', 'crashed']) else code
