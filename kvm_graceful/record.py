"""The journal of a run: what is written as it happens, and how it is read again after a reboot."""
from __future__ import absolute_import, division, print_function

import os

from kvm_graceful import places, plainfile, soundness
from kvm_graceful.compat import Any, from_json  # noqa: F401 (Any: type comments)
from kvm_graceful.diskwriter import run_numbers
from kvm_graceful.errors import NoRecord
from kvm_graceful.model import OUTCOMES

SCHEMA = 1
STATE_DIR = places.STATE_DIR
_MAX_BYTES = 64 << 20  # a record of more is not ours


def header(verb, started, deadline_s, why, problems, results, needs, started_at=0.0, boot=''):
    # type: (str, str, float, str, list, list, dict, float, str) -> dict
    """The first line: everything that was known before the first guest was asked. `needs`: names by key; `started_at`: monotonic
    seconds of the boot with the id `boot`, by which a second process knows the run as the one that it has to take up."""
    return {'schema': SCHEMA, 'what': 'run', 'verb': verb, 'started': started, 'deadline': deadline_s, 'why': why,
            'started_at': started_at, 'boot': boot,
            'problems': [str(problem) for problem in problems],
            'guests': [dict(result_data(result), key=result.guest.key, needs=needs.get(result.guest.key, []))
                       for result in results]}


def event_line(event, deadline_s=None):
    # type: (Any, float | None) -> dict
    """One event. `deadline_s`: the deadline that holds now, in seconds from the start of the run; kept where it moved."""
    line = dict(event.more or {}, what=event.what, at=event.at, guest=event.key, text=event.text)
    return line if deadline_s is None or event.what != 'deadline' else dict(line, deadline=round(deadline_s, 3))


def end_line(at_s, exit_code, results):
    # type: (float, int, list) -> dict
    """The last line: a run that has it is finished."""
    return {'what': 'end', 'at': at_s, 'exit': exit_code,
            'guests': [dict(result_data(result), key=result.guest.key) for result in results]}


def result_data(result):
    # type: (Any) -> dict
    """One guest as in the JSON of every verb; times in seconds from the start of the run."""
    guest = result.guest
    return {'name': guest.name, 'uuid': guest.uuid, 'uri': guest.uri, 'asked': result.asked,
            'presses': result.presses, 'forced': result.forced, 'off': result.off,
            'outcome': result.outcome, 'why': result.why}


def load(state_dir, number=None):
    # type: (str, int | None) -> dict
    """The run of that number (default: the last) as data: see `data_of`. Raises NoRecord."""
    try:
        numbers = run_numbers(state_dir)
    except (IOError, OSError) as error:
        if error.errno == 2:
            raise NoRecord('no shutdown is recorded in %s yet' % state_dir)
        raise NoRecord('%s cannot be read: %s' % (state_dir, error.strerror))
    if not numbers:
        raise NoRecord('no shutdown is recorded in %s yet' % state_dir)
    if number is not None and number not in numbers:
        raise NoRecord('no run %d in %s; there are %s' % (number, state_dir, ', '.join(str(known) for known in numbers)))
    number = numbers[-1] if number is None else number
    path = os.path.join(state_dir, 'run-%d.jsonl' % number)
    try:
        lines = plainfile.read(path, _MAX_BYTES).split(b'\n')
    except (IOError, OSError, ValueError) as error:
        raise NoRecord('%s cannot be read: %s' % (path, getattr(error, 'strerror', None) or error))
    return data_of(number, lines, path)


def parsed(lines):
    # type: (list) -> list
    """The lines that are sound: a torn one, as a crash leaves it, is passed over, and so is what no run of ours writes."""
    found = []  # type: list
    for line in lines:
        try:
            data = from_json(line.decode('utf-8'))
        except (ValueError, RuntimeError):  # RuntimeError: nested too deeply
            continue
        if soundness.is_sound(data, not found):
            found.append(data)
    return found


def listing(state_dir):
    # type: (str) -> dict
    """Every run in short, oldest first: {schema, verb, runs, warnings}. A record that cannot be read is a warning."""
    runs, warnings = [], []
    for number in run_numbers(state_dir) if os.path.isdir(state_dir) else []:
        try:
            data = load(state_dir, number)
        except NoRecord as error:
            warnings.append(str(error))
            continue
        short = dict((key, data[key]) for key in ('run', 'verb', 'started', 'finished', 'deadline', 'exit', 'why'))
        runs.append(dict(short, outcomes=outcomes(data['guests'])))
    return {'schema': SCHEMA, 'verb': 'report', 'runs': runs, 'warnings': warnings}


def last_before(state_dir, stamp):
    # type: (str, str) -> int | None
    """Number of the last run that had begun at `stamp` (as in `started`); None where there is none."""
    for number in reversed(run_numbers(state_dir)):
        try:
            if load(state_dir, number)['started'] <= stamp:
                return number
        except NoRecord:
            pass
    return None


def outcomes(guests):
    # type: (list) -> dict
    """How many of a run's guests ended in which way."""
    count = {}  # type: dict
    for guest in guests:
        count[guest['outcome']] = count.get(guest['outcome'], 0) + 1
    return count


def data_of(number, lines, path, known=()):
    # type: (int | None, list, str, Any) -> dict
    """A record's lines as one run: {schema, verb, run, started, finished, deadline, exit, guests, warnings, events}.

    `finished` and `exit` are None for a run that was cut off; its guests are then told from the events, and those that
    were not seen off are `unknown`. A torn last line, as a crash leaves it, is passed over. Raises NoRecord for a file
    that is no record.
    """
    all_lines = list(known) + parsed(lines)
    if not all_lines or all_lines[0].get('what') != 'run' or all_lines[0].get('schema') != SCHEMA:
        raise NoRecord('%s is not a record of schema %d' % (path, SCHEMA))
    head, rest = all_lines[0], all_lines[1:]
    end = rest.pop() if rest and rest[-1].get('what') == 'end' else None
    run = {'schema': SCHEMA, 'verb': head['verb'], 'run': number, 'started': head['started'], 'deadline': head['deadline'],
           'why': head['why'], 'finished': end and end['at'], 'exit': end and end['exit'], 'events': rest,
           'warnings': head['problems'] + [event['text'] for event in rest if event['what'] in ('order', 'notice')],
           'guests': end['guests'] if end else replayed(head['guests'], rest)}
    needs = dict((guest['key'], guest.get('needs', [])) for guest in head['guests'])
    run['guests'] = [dict(guest, needs=needs.get(guest['key'], [])) for guest in run['guests']]
    return run


def replayed(guests, events):
    # type: (list, list) -> list
    """The guests of a run that was cut off, as far as its events tell."""
    by_key = dict((guest['key'], dict(guest, outcome=guest['outcome'] or 'unknown',
                                      why=guest['why'] or 'the record ends before the guest did')) for guest in guests)
    for event in events:
        guest = by_key.get(event.get('guest'))
        if guest is None:
            continue
        if event['what'] == 'asked':
            guest.update(asked=event['at'], presses=1)
        elif event['what'] == 'pressed again':
            guest['presses'] += 1
        elif event['what'] == 'forced':
            guest['forced'] = event['at']
        elif event['what'] in OUTCOMES:
            guest.update(outcome=event['what'], why=event['text'])
            if event['what'] not in ('left', 'unknown'):
                guest['off'] = event['at']
    return [by_key[guest['key']] for guest in guests]
