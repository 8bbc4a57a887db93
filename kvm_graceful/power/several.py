"""Several UPSes as one, pure: the host lives while enough of them do."""
from __future__ import absolute_import, division, print_function

from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.power import BATTERY, MAINS, UNKNOWN, Reading, unknown


def together(readings, values, minimum):
    # type: (list, list, int) -> Reading
    """One Reading for the host. `values`: how many of its supplies each UPS feeds; `minimum`: how many supplies it needs.

    A UPS that does not tell how long it lasts is taken to last as long as the shortest of those that do: never plenty, and not
    the end either.
    """
    minimum = min(minimum, sum(values)) or 1
    if not readings:
        return unknown('no UPS is known')

    def lives(keep):
        # type: (Any) -> bool
        return sum(value for one, value in zip(readings, values) if keep(one)) >= minimum
    text = '; '.join(reading.text for reading in readings)
    logins = max([-1] + [one.logins for one in readings if one.logins is not None])
    whole = Reading(MAINS, None, _least('charge', readings), not lives(lambda one: not one.low),
                    not lives(lambda one: not one.forced), logins if logins >= 0 else None, text, True)
    if lives(lambda one: one.supply == MAINS):
        return whole._replace(runtime_s=_least('runtime_s', [one for one in readings if one.supply == MAINS]))
    on_battery = [one for one in readings if one.supply == BATTERY]
    if not on_battery:
        return whole._replace(supply=UNKNOWN)
    return whole._replace(supply=BATTERY, runtime_s=_runtime_s(readings, values, minimum, _least('runtime_s', on_battery)),
                          charge=_least('charge', on_battery), fresh=all(one.fresh for one in on_battery))


def _runtime_s(readings, values, minimum, shortest_s):
    # type: (list, list, int, float | None) -> float | None
    """How long at least `minimum` supplies have power: those that last longest are counted first."""
    if shortest_s is None:
        return None

    def lasts_s(one):
        # type: (Reading) -> float
        if one.supply == MAINS:
            return float('inf')
        return shortest_s if one.supply == UNKNOWN or one.runtime_s is None else one.runtime_s
    fed = 0
    for lasts, value in sorted(((lasts_s(one), value) for one, value in zip(readings, values)), reverse=True):
        fed += value
        if fed >= minimum:
            return lasts
    return shortest_s


def _least(field, readings):
    # type: (str, list) -> float | None
    told = [getattr(one, field) for one in readings if getattr(one, field) is not None]
    return min(told) if told else None


class Remembered(object):
    """One UPS over time: while it does not answer, what it said last on battery keeps counting down."""

    def __init__(self):
        # type: () -> None
        self._last = None  # type: Reading | None
        self._at = 0.0

    def take(self, reading, now):
        # type: (Reading, float) -> Reading
        """What holds at the instant `now`."""
        last = self._last
        if reading.supply != UNKNOWN or last is None:
            self._last, self._at = (None if reading.supply == UNKNOWN else reading), now
            return reading
        forced = reading.forced or last.forced
        if last.supply != BATTERY:
            return reading._replace(forced=forced)
        left_s = None if last.runtime_s is None else max(0.0, last.runtime_s - (now - self._at))
        return last._replace(runtime_s=left_s, charge=None, forced=forced, fresh=False,
                             text='%s; it was on battery %.0f s ago' % (reading.text, now - self._at))
