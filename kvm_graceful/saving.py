"""Saves: which guests' memory can be saved in the time and on the disk that there is, and whose turn it is. Pure."""
from __future__ import absolute_import, division, print_function

from collections import namedtuple

from kvm_graceful import names
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.model import SAVE_EXTRA_S, SAVE_MIB_S, Problem

# Saves to one disk slow each other down, so they are done one after the other; more than this part of the whole time is
# never reserved for them, or nobody would have time left to shut down.
SHARE = 0.5
SPARE_MIB = 256  # stays free on the disk
_SLOWEST, _FASTEST = 5.0, 2000.0  # MiB/s; what was measured beyond is not believed

# Where saves of one hypervisor go. `disk`: the same for all that share one; `free_mib` None: unknown, DEAD: it does not answer.
Room = namedtuple('Room', 'disk free_mib')
DEAD = -1

# What is reserved for one guest's save. `seconds`: how long it is expected to take.
Reserved = namedtuple('Reserved', 'disk seconds')


def wanted(policy):
    # type: (Any) -> bool
    """May this policy lead to a save?"""
    return policy.on_shutdown == 'save' or (policy.on_timeout == 'save' and policy.on_shutdown == 'shutdown')


def estimate_s(memory_mib, rates):
    # type: (int, list) -> float
    """Seconds for a save of that much memory. `rates`: MiB/s of the last saves, of which the slowest counts."""
    rate = max(_SLOWEST, min([_FASTEST] + list(rates))) if rates else SAVE_MIB_S
    return SAVE_EXTRA_S + memory_mib / rate


def settled(guests, policies, rooms, rates, deadline_s, known_s=None):
    # type: (list, dict, dict, list, float, dict | None) -> tuple
    """(policies, {key: Reserved}, [Problem]): each guest that is to be saved has its save reserved, or a policy without it.

    `rooms`: {uri: Room}; `known_s`: what a save of a guest takes, by key, where that is known. A guest that cannot be saved,
    or whose save does not fit on the disk or into the time beside those of smaller guests, is asked to shut down instead, and
    switched off at the end of its time.
    """
    found, reserved, problems = dict(policies), {}, []  # type: dict, dict, list
    taken_mib, taken_s = {}, {}  # type: dict, dict
    for guest in sorted(guests, key=lambda guest: (guest.memory_mib, guest.name)):
        if not wanted(policies[guest.key]):
            continue
        room = rooms.get(guest.uri) or Room(guest.uri, None)
        needs_s = (known_s or {}).get(guest.key) or estimate_s(guest.memory_mib, rates)
        free_mib = None if room.free_mib is None else room.free_mib - SPARE_MIB - taken_mib.get(room.disk, 0)
        why = guest.unsavable or (guest.persistent is False and 'it is transient')
        if not why and room.free_mib == DEAD:
            why = 'the disk for it does not answer'
        if not why and free_mib is not None and guest.memory_mib > free_mib:
            why = 'it needs %d MiB, and %d are free' % (guest.memory_mib, max(0, free_mib))
        if not why and taken_s.get(room.disk, 0) + needs_s > deadline_s * SHARE:
            why = 'it would take about %d s, and for all saves to that disk %d are there' % (needs_s, deadline_s * SHARE)
        if why:
            found[guest.key] = without_save(found[guest.key])
            problems.append(Problem('warning', '', None, '%s cannot be saved: %s; %s' % (
                names.shown(guest.name), why, 'shut down instead, and switched off at the end of its time')))
        else:
            reserved[guest.key] = Reserved(room.disk, needs_s)
            taken_mib[room.disk] = taken_mib.get(room.disk, 0) + guest.memory_mib
            taken_s[room.disk] = taken_s.get(room.disk, 0) + needs_s
    return found, reserved, problems


def without_save(policy):
    # type: (Any) -> Any
    """The policy of a guest that cannot be saved."""
    return policy._replace(on_shutdown='shutdown' if policy.on_shutdown == 'save' else policy.on_shutdown,
                           on_timeout='destroy' if policy.on_timeout == 'save' else policy.on_timeout)


class Queue(object):
    """Whose turn it is to be saved: one guest at a time for each disk, in the order in which they came."""

    def __init__(self):
        # type: () -> None
        self._lines = {}  # type: dict
        self._disk_of = {}  # type: dict

    def enter(self, key, disk):
        # type: (Any, Any) -> bool
        """True if it is this guest's turn at once."""
        line = self._lines.setdefault(disk, [])
        if key not in line:
            line.append(key)
            self._disk_of[key] = disk
        return line[0] == key

    def waits(self, key):
        # type: (Any) -> bool
        return key in self._disk_of and self._lines[self._disk_of[key]][0] != key

    def leave(self, key):
        # type: (Any) -> Any
        """Whose turn it is now that this guest is saved, off or given up; None for nobody new."""
        if key not in self._disk_of:
            return None
        line = self._lines[self._disk_of.pop(key)]
        was_first = line[0] == key
        line.remove(key)
        return line[0] if line and was_first else None
