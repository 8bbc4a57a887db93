"""Load shedding, pure: which guests go off early on battery so that the others can stay on for longer."""
from __future__ import absolute_import, division, print_function


def due(guests, on_battery_s):
    # type: (list, float) -> list
    """Names of the guests to shut down by now, with all that need them. `guests`: those that are on, as dicts with `name`,
    `needs` (names), `shed` (seconds on battery, or None) and `persistent`: False for one that could not be started again, which
    is never shed, nor is what it needs."""
    needed_by = {}  # type: dict
    for guest in guests:
        for need in guest['needs']:
            needed_by.setdefault(need, []).append(guest['name'])
    transient = set(guest['name'] for guest in guests if guest.get('persistent') is False)
    chosen = set()  # type: set
    for guest in guests:
        if guest.get('shed') is not None and on_battery_s >= guest['shed']:
            with_it = _closure(guest['name'], needed_by)
            if not with_it & transient:
                chosen |= with_it
    return sorted(chosen)


def _closure(name, needed_by):
    # type: (str, dict) -> set
    """The guest, all that need it, all that need those, and so on."""
    found, waiting = set([name]), [name]
    while waiting:
        for other in needed_by.get(waiting.pop(), ()):
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found
