"""Guests + policies + estimates -> Plan: who waits for whom. Pure."""
from __future__ import absolute_import, division, print_function

from kvm_graceful import graph, names
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.criticalpath import fallback_s
from kvm_graceful.model import DEFAULT_ESTIMATE_S


class Plan(object):
    """The order of one shutdown. `before[g]` must be off before g is asked; `after[g]` wait for g.

    Guests that neither a need connects, however indirectly, nor a disk that both are saved to, have nothing to do with each
    other's time: `group[g]` is the first of those that are connected with g, `members[first]` lists them in order.
    `saves[g]` (saving.Reserved): what is reserved for the save of g.
    """

    __slots__ = ('guests', 'policies', 'estimates', 'order', 'before', 'after', 'rank', 'group', 'members', 'left', 'circles',
                 'saves')

    def __init__(self):
        # type: () -> None
        self.guests = {}     # type: dict
        self.policies = {}   # type: dict
        self.estimates = {}  # type: dict
        self.order = []      # type: list
        self.before = {}     # type: dict
        self.after = {}      # type: dict
        self.rank = {}       # type: dict
        self.group = {}      # type: dict
        self.members = {}    # type: dict
        self.left = []       # type: list
        self.circles = []    # type: list
        self.saves = {}      # type: dict


def make_plan(guests, policies, estimates, saves=None):
    # type: (list, dict, dict, dict | None) -> Plan
    """The Plan for `guests` that are on. `policies` by key; `estimates` by key in seconds, where history has one; `saves`:
    what saving.settled has reserved.

    Guests to be ignored are `left`: they hold nobody up. Needs inside a circle are dropped, so that its guests are asked
    together, and the circle (a list of names) is told.
    """
    plan = Plan()
    plan.saves = dict(saves or {})
    for guest in guests:
        if policies[guest.key].on_shutdown == 'ignore':
            plan.left.append(guest)
            continue
        _add(plan, guest, policies[guest.key], estimates.get(guest.key))
    nodes = [guest.key for guest in guests if guest.key in plan.guests]
    plan.after = _needs(plan, nodes)
    plan.order, tangled = graph.topological(nodes, plan.after)
    if tangled:
        _drop_circles(plan, tangled)
        plan.order = graph.topological(nodes, plan.after)[0]
    plan.before = dict((key, []) for key in nodes)
    for key in plan.order:
        for follower in plan.after[key]:
            plan.before[follower].append(key)
    for key in reversed(plan.order):
        plan.rank[key] = _rank(plan, key)
    _make_groups(plan)
    return plan


def _make_groups(plan):
    # type: (Plan) -> None
    plan.group, plan.members = {}, {}
    at_disk = {}  # type: dict
    for key in plan.saves:
        at_disk.setdefault(plan.saves[key].disk, []).append(key)
    for first in plan.order:
        reached = [] if first in plan.group else [first]
        for key in reached:  # grows while it is walked
            if key not in plan.group:
                plan.group[key] = first
                reached += plan.before[key] + plan.after[key]
                if key in plan.saves:
                    reached += at_disk.pop(plan.saves[key].disk, [])  # once: they are all in this group now
    for key in plan.order:
        plan.members.setdefault(plan.group[key], []).append(key)


def _rank(plan, key):
    # type: (Plan, Any) -> float
    """Seconds of the longest path from this guest to the end."""
    return (plan.estimates[key] + fallback_s(plan, key)
            + max([0.0] + [plan.rank[follower] for follower in plan.after[key]]))


def join(plan, guest, policy, estimate_s, is_on, reserved=None):
    # type: (Plan, Any, Any, float | None, Any, Any) -> None
    """Takes a guest that was started during the run into `plan`, beside those for which `is_on(key)`.

    Those that need it and are still on hold it up; where that would close a circle, they do not.
    """
    key = guest.key
    if policy.on_shutdown == 'ignore':
        plan.left.append(guest)
        return
    for edges in list(plan.before.values()) + list(plan.after.values()):
        if key in edges:
            edges.remove(key)  # it was in the run before, went off, and is on again
    others = [other for other in plan.order if other != key and is_on(other)]
    plan.saves.pop(key, None)
    if reserved is not None:
        plan.saves[key] = reserved
    _add(plan, guest, policy, estimate_s)
    plan.before[key] = []
    plan.after[key] = [other for other in others if _is_needed(policy, plan, other)]
    holders = [other for other in others if _is_needed(plan.policies[other], plan, key)]
    behind = set(plan.after[key])
    for other in plan.order:  # before its followers, so one pass reaches all that stand behind
        if other in behind:
            behind.update(plan.after[other])
    plan.order = [other for other in plan.order if other != key and other not in behind] + [key] + [
        other for other in plan.order if other != key and other in behind]
    for other in plan.after[key]:
        plan.before[other].append(key)
    for other in holders:
        if other not in behind:
            plan.after[other].append(key)
            plan.before[key].append(other)
    plan.rank[key] = _rank(plan, key)
    _make_groups(plan)


def _add(plan, guest, policy, estimate_s):
    # type: (Plan, Any, Any, float | None) -> None
    key = guest.key
    plan.guests[key], plan.policies[key] = guest, policy
    if policy.on_shutdown == 'save':
        estimate_s = plan.saves[key].seconds
    grace_s = policy.grace_s
    estimate_s = estimate_s or grace_s or DEFAULT_ESTIMATE_S
    plan.estimates[key] = float(min(estimate_s, grace_s or estimate_s))


def _is_needed(policy, plan, key):
    # type: (Any, Plan, Any) -> bool
    """Does a guest with this policy need the guest `key`?"""
    return any(_fits(need, plan.guests[key].name, plan.policies[key].tags) for need in policy.needs)


def _fits(need, name, tags):
    # type: (str, str, tuple) -> bool
    """`tag:NAME` means all guests with that tag, unless a guest is really called so; anything else is a name or pattern."""
    return names.matches(need, name) or (need.startswith('tag:') and need[4:] in tags)


def _needs(plan, nodes):
    # type: (Plan, list) -> dict
    """For each guest the guests that it needs, so that wait for it; a pattern never matches its own guest."""
    by_name = {}  # type: dict
    for key in nodes:
        by_name.setdefault(plan.guests[key].name, []).append(key)
    by_pattern = {}  # type: dict
    after = {}
    for key in nodes:
        found = []
        for need in plan.policies[key].needs:
            if need not in by_pattern:
                by_pattern[need] = by_name.get(need, []) if names.is_one_name(need) else [
                    other for other in nodes if _fits(need, plan.guests[other].name, plan.policies[other].tags)]
            own = plan.guests[key].name == need  # spelt out: a circle of one, which is an error to be told
            found += [other for other in by_pattern[need] if other != key or own]
        after[key] = found if len(found) < 2 else _unique(found)
    return after


def _unique(keys):
    # type: (list) -> list
    first = dict((key, place) for place, key in reversed(list(enumerate(keys))))
    return sorted(first, key=lambda key: first[key])


def _drop_circles(plan, tangled):
    # type: (Plan, list) -> None
    for component in graph.components(tangled, plan.after):
        plan.circles.append([plan.guests[key].name for key in graph.circle(component, plan.after)])
        inside = set(component)
        for key in component:
            plan.after[key] = [other for other in plan.after[key] if other not in inside]
