"""A Plan and a deadline -> Times: when each guest is to be asked, and when to be forced, at the latest. Pure."""
from __future__ import absolute_import, division, print_function

import heapq

from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.model import DESTROY_S, FLOOR_S

_PASSES = 12  # each brings the longest paths closer to the time there is; most plans need one


class Times(object):
    """Latest instants of one moment: `ask_at[g]`, `force_at[g]`. `estimate[g]`: what the path of g leaves it, in seconds."""

    __slots__ = ('ask_at', 'force_at', 'estimate', 'shrunk', 'order_given_up')

    def __init__(self, ask_at, force_at, estimate, shrunk, order_given_up):
        # type: (dict, dict, dict, bool, bool) -> None
        self.ask_at, self.force_at = ask_at, force_at
        self.estimate = estimate
        self.shrunk = shrunk
        self.order_given_up = order_given_up


def saved_in_the_end(plan, key):
    # type: (Any, Any) -> bool
    """Is the guest saved when its time is over? Not where a save is the first thing that is tried."""
    policy = plan.policies[key]
    return key in plan.saves and policy.on_timeout == 'save' and policy.on_shutdown != 'save'


def fallback_s(plan, key):
    # type: (Any, Any) -> float
    """Seconds that the forced end of a guest takes."""
    if saved_in_the_end(plan, key):
        return plan.saves[key].seconds
    return 0.0 if plan.policies[key].on_timeout == 'leave' else DESTROY_S


def needed_s(plan, key):
    # type: (Any, Any) -> tuple
    """What a guest that was not asked yet needs, in seconds: (estimate, floor it may shrink to, fallback)."""
    estimate = plan.estimates[key]
    return estimate, min(estimate, FLOOR_S), fallback_s(plan, key)


def latest_times(plan, members, needed, now, deadline_at):
    # type: (Any, list, dict, float, float) -> Times
    """Latest instants for the guests in `needed`, all `members` of one group, so that those waiting for them keep their reserve.

    Backward pass of the critical-path method over estimates that have been made to fit. `needed`: for each guest that
    is still on (estimate, floor, fallback) of what is left, in seconds. Where even the floors of a path do not fit, order is
    given up: every guest of the group has until the deadline. Saves to one disk follow each other: always the guest with
    the latest instant is taken next, so a save takes the last place that the later ones have left free.
    """
    nodes = [key for key in members if key in needed]
    full = dict((key, needed[key][0]) for key in nodes)
    fitting, fits = _shrink(plan, nodes, full, needed, deadline_at - now)
    followers = dict((key, sum(other in full for other in plan.after[key]) if fits else 0) for key in nodes)
    latest_off = dict.fromkeys(nodes, deadline_at)
    place = dict((key, number) for number, key in enumerate(nodes))  # so that keys themselves are never compared
    heap = [(-deadline_at, place[key], key) for key in nodes if not followers[key]]
    heapq.heapify(heap)
    ask_at, force_at, free_until = {}, {}, {}  # type: dict, dict, dict
    while heap:
        key = heapq.heappop(heap)[2]
        end, (_, _, fallback), disk = latest_off[key], needed[key], None
        if key in plan.saves:
            disk = plan.saves[key].disk
        if disk is not None and plan.policies[key].on_shutdown != 'save':
            end = min(end, free_until.get(disk, end))
            free_until[disk] = end - fallback
        force_at[key] = end - fallback
        start = force_at[key]
        if disk is not None and plan.policies[key].on_shutdown == 'save':
            start = min(start, free_until.get(disk, start))
            free_until[disk] = start - fitting[key]
        ask_at[key] = start - fitting[key]
        for other in plan.before[key] if fits else ():
            if other in full:
                latest_off[other] = min(latest_off[other], ask_at[key])
                followers[other] -= 1
                if not followers[other]:
                    heapq.heappush(heap, (-latest_off[other], place[other], other))
    return Times(ask_at, force_at, fitting, fitting is not full, not fits)


def _shrink(plan, nodes, full, needed, available_s):
    # type: (Any, list, dict, dict, float) -> tuple
    """(estimates that fit into the time there is, whether they do): shrunk in proportion along each path that is too long,
    none below its floor."""
    current = full
    for _ in range(_PASSES):
        through = _longest_paths(plan, nodes, current, needed)
        too_long = [key for key in nodes if through[key][0] > available_s + 1e-6]
        if not too_long:
            return current, True
        current = dict(current)
        for key in too_long:
            length, shrinkable = through[key]
            if shrinkable > 0:
                scale = max(0.0, 1 - (length - available_s) / shrinkable)
                current[key] = max(needed[key][1], current[key] * scale)
    floors = dict((key, needed[key][1]) for key in nodes)
    through = _longest_paths(plan, nodes, floors, needed)
    return current, all(through[key][0] <= available_s + 1e-6 for key in nodes)


def _longest_paths(plan, nodes, estimates, needed):
    # type: (Any, list, dict, dict) -> dict
    """For each guest (length, part of it that may still shrink) of the longest path through it, in seconds."""
    cost = {}
    for key in nodes:
        estimate = estimates[key]
        cost[key] = (estimate + needed[key][2], estimate if estimate > needed[key][1] else 0.0)
    up = _longest_from_one_end(nodes, plan.before, cost)
    down = _longest_from_one_end(reversed(nodes), plan.after, cost)
    return dict((key, (up[key][0] + down[key][0] - cost[key][0], up[key][1] + down[key][1] - cost[key][1])) for key in nodes)


def _longest_from_one_end(nodes, neighbours, cost):
    # type: (Any, dict, dict) -> dict
    """For each guest the longest path that ends with it, walking `nodes` so that its neighbours came first."""
    longest = {}  # type: dict
    for key in nodes:
        best = (0.0, 0.0)
        for other in neighbours[key]:
            if other in longest and longest[other] > best:
                best = longest[other]
        longest[key] = (best[0] + cost[key][0], best[1] + cost[key][1])
    return longest
