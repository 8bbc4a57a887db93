"""Which guests are to be started again, and in which order: what a shutdown writes down before it asks the first one. Pure."""
from __future__ import absolute_import, division, print_function

import json
from collections import namedtuple

from kvm_graceful import graph, model
from kvm_graceful.compat import TEXTS, Any, as_native, from_json  # noqa: F401 (Any: type comments)

SCHEMA = 1
NOT_STARTED = 'not started'  # what became of a guest that ON_BOOT=ignore left off
_GUESTS = 100000       # a list with more entries is not ours
# Why a guest was paused when nobody was at work on it and it did not stop by itself: such a one comes back paused.
_PAUSED_BY_SOMEBODY = ('user', 'unknown')
# A guest that is on its way to or from another host, or was going off by itself, is not ours to start.
_NOT_OURS = ('migration', 'postcopy', 'starting')

# One guest to start again. `needs`: names; `paused`: it comes back paused; `finish`: it was saved after it had been asked to
# shut down, so that it will go off once it is restored; `outcome`: how it ended, None where the run did not come that far.
Entry = namedtuple('Entry', 'uuid name uri needs paused persistent finish outcome')


def entries_of(results, needs):
    # type: (list, dict) -> list
    """Entries for GuestResults of a run, in its order. `needs`: names by key. Left out: guests that were not to be touched, that
    were crashed or going off when the run began, or that moved to another host."""
    found = []
    for result in results:
        guest = result.guest
        moved = result.outcome == 'left' and result.off is not None
        ours = guest.state in (model.RUNNING, model.MIGRATING, model.PAUSED, model.SUSPENDED, model.UNKNOWN)
        if guest.key in needs and not moved and (ours and guest.reason not in _NOT_OURS or result.asked is not None):
            found.append(Entry(guest.uuid, guest.name, guest.uri, tuple(needs[guest.key]),
                               guest.state == model.PAUSED and guest.reason in _PAUSED_BY_SOMEBODY, guest.persistent is not False,
                               result.outcome == 'saved' and result.asked is not None, result.outcome))
    return found


def merged(entries, older):
    # type: (list, list) -> list
    """`entries`, and those of `older` that are for other guests: they were waiting to be started, and still are."""
    return entries + without(older, entries)


def without(entries, others):
    # type: (list, list) -> list
    """`entries`, but for those of guests that are among `others`."""
    known = set((entry.uri, entry.uuid) for entry in others)
    return [entry for entry in entries if (entry.uri, entry.uuid) not in known]


def order(keys, entries):
    # type: (list, list) -> tuple
    """({key: those that wait for it}, keys in an order of start). Needs inside a circle are dropped, as at the shutdown."""
    by_name = {}  # type: dict
    for key, entry in zip(keys, entries):
        by_name.setdefault(entry.name, []).append(key)
    after = dict((key, []) for key in keys)
    for key, entry in zip(keys, entries):
        for need in entry.needs:
            for needed in by_name.get(need, ()):
                if needed != key and key not in after[needed]:
                    after[needed].append(key)
    for component in graph.components(keys, after):
        for key in component:
            after[key] = [follower for follower in after[key] if follower not in component]
    return after, graph.topological(keys, after)[0]


def text_of(entries, mark='', **more):
    # type: (Any, str, **Any) -> str
    """A list's file. `mark`: which shutdown wrote it; `more`: what a start adds."""
    data = dict(more, schema=SCHEMA, mark=mark)
    data.setdefault('guests', [entry._asdict() for entry in entries])
    return json.dumps(data, sort_keys=True) + '\n'


def mark_text(mark):
    # type: (str) -> str
    """How `mark` stands in a list's file."""
    return '"mark": %s' % json.dumps(mark)


def parse(text):
    # type: (str) -> tuple
    """([Entry], the file's data) of a list's text. Raises ValueError for anything else."""
    data = from_json(text)
    guests = data.get('guests') if isinstance(data, dict) and data.get('schema') == SCHEMA else None
    if not isinstance(guests, list) or len(guests) > _GUESTS:
        raise ValueError('not a list of schema %d' % SCHEMA)
    return [_entry(guest) for guest in guests], data


def _entry(data):
    # type: (Any) -> Entry
    if not isinstance(data, dict):
        raise ValueError('a guest that is none: %.40r' % (data,))
    texts = [data.get(field) for field in ('uuid', 'name', 'uri')]
    needs = data.get('needs', [])
    if not isinstance(needs, list) or not all(isinstance(text, TEXTS) and text for text in texts + needs):
        raise ValueError('guest %.40r has fields that are no texts' % (data.get('name'),))
    outcome = data.get('outcome')
    if outcome is not None and not isinstance(outcome, TEXTS):
        raise ValueError('guest %.40r has an outcome that is none' % (data.get('name'),))
    flags = [data.get(field) is True for field in ('paused', 'persistent', 'finish')]
    return Entry(*([as_native(text) for text in texts] + [tuple(as_native(need) for need in needs)] + flags + [outcome]))
