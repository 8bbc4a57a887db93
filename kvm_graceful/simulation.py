"""`simulate FILE`: a what-if. Guests that exist only in virtual time, described in JSON, through the real planner and engine."""
from __future__ import absolute_import, division, print_function

from kvm_graceful import engine, guestsconf, names, planner, saving
from kvm_graceful.compat import TEXTS, Any, as_native, from_json  # noqa: F401 (Any: type comments)
from kvm_graceful.errors import UsageError
from kvm_graceful.hypervisor.simulated import Behaviour, Simulated, VirtualClock
from kvm_graceful.model import (
    CRASHED,
    DEFAULT_DEADLINE_S,
    DEFAULT_POLICY,
    GOING_OFF,
    PAUSED,
    RUNNING,
    SUSPENDED,
    Appeared,
    DeadlineMoved,
    Guest,
    Hurry,
    Off,
)

MAX_S = 1000000000
STATES = (RUNNING, PAUSED, SUSPENDED, CRASHED, GOING_OFF)


class _Bad(ValueError):
    """Something in the file that cannot be simulated; the text says where and what is wanted."""


def load(path):
    # type: (str) -> dict
    """The simulation of a file, checked through. Raises UsageError with path, place, what and what is wanted."""
    try:
        with open(path, 'rb') as stream:
            data = from_json(stream.read().decode('utf-8'))
        return _simulation(data)
    except (IOError, OSError) as error:
        raise UsageError('%s: cannot be read: %s' % (path, error.strerror))
    except _Bad as error:
        raise UsageError('%s: %s' % (path, error))
    except (ValueError, RuntimeError) as error:  # RuntimeError: nested deeper than Python goes
        raise UsageError('%s: not JSON: %s' % (path, error))


def run(simulation):
    # type: (dict) -> dict
    """What happens: {schema, finished, deadline, exit, guests, warnings}, times in seconds from the start."""
    clock = VirtualClock()
    start = [guest for guest in simulation['guests'] if simulation['starts'][guest.key] is None]
    policies, saves, not_saved = _with_saves(simulation, start)
    plan = planner.make_plan(start, policies, simulation['estimates'], saves)
    world = Simulated(clock, simulation['guests'], simulation['behaviours'])
    core = engine.Engine(plan, simulation['deadline'], 0.0, simulation['parallel'],
                         lambda guest: _newcomer(simulation, guest))
    for guest in simulation['guests']:
        if simulation['starts'][guest.key] is not None:
            world.at(simulation['starts'][guest.key], Appeared(guest))
        if simulation['crashes'][guest.key] is not None:
            world.at(simulation['crashes'][guest.key], Off(guest.key, 'crashed', simulation['crashes'][guest.key]))
    for event in simulation['events']:
        world.at(event['at'], _fact(event, world))
    events = []  # type: list
    engine.run(core, world, clock, events.append)
    by_key = dict((result.guest.key, result) for result in core.results())
    return {'schema': 1, 'finished': round(clock.at, 3), 'deadline': simulation['deadline'], 'exit': core.exit_code(),
            'guests': [_result(guest, by_key.get(guest.key)) for guest in simulation['guests']],
            'warnings': _warnings(plan, simulation['guests']) + [str(problem) for problem in not_saved]
                        + [event.text for event in events if event.what == 'order']}


def _with_saves(simulation, guests):
    # type: (dict, list) -> tuple
    """saving.settled over these guests, all of them saved to one disk of endless size."""
    return saving.settled(guests, simulation['policies'], {}, [], simulation['deadline'], simulation['save_takes'])


def _newcomer(simulation, guest):
    # type: (dict, Guest) -> tuple
    policies, saves, _ = _with_saves(simulation, [guest])
    return policies[guest.key], simulation['estimates'].get(guest.key), saves.get(guest.key)


def _fact(event, world):
    # type: (dict, Simulated) -> Any
    return {'deadline': lambda: DeadlineMoved(event['value'], 'simulated'), 'hurry': lambda: Hurry('simulated'),
            'libvirtd-dies': lambda: world.die, 'libvirtd-returns': lambda: world.come_back}[event['what']]()


def _result(guest, result):
    # type: (Guest, Any) -> dict
    if result is None:  # it would have been started after the end
        return {'name': guest.name, 'asked': None, 'presses': 0, 'forced': None, 'off': None, 'outcome': None}
    return {'name': guest.name, 'asked': result.asked, 'presses': result.presses, 'forced': result.forced,
            'off': result.off, 'outcome': result.outcome}


def _warnings(plan, guests):
    # type: (planner.Plan, list) -> list
    known = set(guest.name for guest in guests)
    found = ['needs form a circle: %s' % ' -> '.join(names.shown(name) for name in way) for way in plan.circles]
    for key in plan.order:
        for need in plan.policies[key].needs:
            if need not in known and names.is_one_name(need):
                nearest = names.nearest(need, sorted(known))
                found.append('%s needs %s: no such guest%s' % (names.shown(key), names.shown(need), nearest))
    return found


# -- the file

def _simulation(data):
    # type: (Any) -> dict
    top = _object(data, 'the file', ('deadline', 'parallel', 'defaults', 'history', 'guests', 'events'))
    defaults = _object(top.get('defaults', {}), 'defaults', sorted(guestsconf.KEYS))
    base = DEFAULT_POLICY._replace(**_policy(defaults, 'defaults'))
    found = {'deadline': _number(top, 'deadline', 'the file', DEFAULT_DEADLINE_S), 'guests': [], 'save_takes': {},
             'parallel': int(_number(top, 'parallel', 'the file', 0, whole=True)) or None,
             'policies': {}, 'behaviours': {}, 'estimates': {}, 'starts': {}, 'crashes': {}}  # type: dict
    guests = _array(top.get('guests', []), 'guests')
    for place, one in enumerate(guests):
        _guest(found, one, 'guests[%d]' % place, base)
    history = top.get('history', {})
    if not isinstance(history, dict):
        raise _Bad('history: an object of seconds by guest is wanted')
    for name in history:
        found['estimates'][name] = _number(history, name, 'history', None) or 1.0
    found['events'] = [_event(one, 'events[%d]' % place) for place, one in enumerate(_array(top.get('events', []), 'events'))]
    return found


def _guest(found, one, where, base):
    # type: (dict, Any, str, Any) -> None
    guest = _object(one, where, ['name', 'takes', 'ignores', 'never', 'state', 'agent', 'save-takes', 'can-save', 'reboots',
                                 'crashes-at', 'starts-at', 'memory-mib'] + sorted(guestsconf.KEYS))
    name = guest.get('name')
    if not isinstance(name, TEXTS) or not name:
        raise _Bad('%s: a name is wanted, a text that is not empty' % where)
    name = as_native(name)
    if name in found['policies']:
        raise _Bad('%s: the name %s is there already' % (where, names.shown(name)))
    save_s, memory_mib = _number(guest, 'save-takes', where, None), _number(guest, 'memory-mib', where, 0)
    agent = _word(guest, 'agent', where, 'none', ('none', 'works', 'dead'))
    found['policies'][name] = base._replace(**_policy(guest, where))
    found['behaviours'][name] = Behaviour(
        _number(guest, 'takes', where, 5), int(_number(guest, 'ignores', where, 0, whole=True)),
        _bool(guest, 'never', where), 1.0, agent, _bool(guest, 'reboots', where),
        saving.estimate_s(int(memory_mib), []) if save_s is None else save_s)
    found['save_takes'][name] = save_s
    for times, key in ((found['starts'], 'starts-at'), (found['crashes'], 'crashes-at')):
        times[name] = _number(guest, key, where, None)
    state = _word(guest, 'state', where, RUNNING, STATES)
    found['guests'].append(Guest(name, name, name, 'simulated', state, True, 'user' if state == PAUSED else '',
                                 int(memory_mib), 'none' if agent == 'none' else 'connected', False, None, (),
                                 '' if _bool(guest, 'can-save', where, True) else 'it says so'))


def _policy(fields, where):
    # type: (dict, str) -> dict
    """Policy fields of an object, by the very parsers of guests.conf: lists and numbers are what they read there as text."""
    found = {}
    for key in sorted(guestsconf.KEYS):
        value = fields.get(key)
        if value is None:
            continue
        if isinstance(value, list):
            if not all(isinstance(part, TEXTS) for part in value):
                raise _Bad('%s: %s: a list of texts is wanted' % (where, key))
            if key == 'needs':  # a name may hold a comma here
                found['needs'] = tuple(as_native(part) for part in value)
                continue
            value = ', '.join(value)
        if isinstance(value, bool) or not isinstance(value, (int,) + TEXTS):
            raise _Bad('%s: %s: %s is wanted' % (where, key, 'a whole number or a text'))
        try:
            field, parsed = guestsconf.key_value(key, as_native('%s' % value))
        except ValueError as error:
            raise _Bad('%s: %s' % (where, error))
        found[field] = parsed
    return found


def _event(one, where):
    # type: (Any, str) -> dict
    event = _object(one, where, ('at', 'what', 'value'))
    what = _word(event, 'what', where, None, ('deadline', 'hurry', 'libvirtd-dies', 'libvirtd-returns'))
    return {'at': _number(event, 'at', where, 0), 'what': what,
            'value': _number(event, 'value', where, None if what == 'deadline' else 0, wanted=what == 'deadline')}


def _object(value, where, keys):
    # type: (Any, str, Any) -> dict
    if not isinstance(value, dict):
        raise _Bad('%s: an object is wanted' % where)
    for key in value:
        if key not in keys:
            raise _Bad('%s: unknown key "%s"%s' % (where, names.shown_bare(key), names.nearest(key, list(keys))))
    return value


def _array(value, where):
    # type: (Any, str) -> list
    if not isinstance(value, list):
        raise _Bad('%s: an array is wanted' % where)
    return value


def _number(fields, key, where, default, whole=False, wanted=False):
    # type: (dict, str, str, float | None, bool, bool) -> Any
    value = fields.get(key, default)
    if value is None and not wanted:
        return None
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= MAX_S
    if not good or (whole and value != int(value)):
        raise _Bad('%s: %s: a %snumber from 0 to %d is wanted' % (where, names.shown_bare(key), 'whole ' if whole else '', MAX_S))
    return float(value)


def _bool(fields, key, where, default=False):
    # type: (dict, str, str, bool) -> bool
    value = fields.get(key, default)
    if not isinstance(value, bool):
        raise _Bad('%s: %s: true or false is wanted' % (where, key))
    return value


def _word(fields, key, where, default, known):
    # type: (dict, str, str, str | None, tuple) -> str
    value = fields.get(key, default)
    if value not in known:
        raise _Bad('%s: %s: one of %s is wanted' % (where, key, ', '.join(known)))
    return as_native(value)
