"""Load shedding: shuts down the guests that are to go early on battery, and starts exactly those again when it has recovered."""
from __future__ import absolute_import, division, print_function

from kvm_graceful import names
from kvm_graceful.children import Child
from kvm_graceful.compat import Any, as_native  # noqa: F401 (Any: type comments)
from kvm_graceful.power import shedding

# A UPS that does not tell its charge is given this long to recover.
RECOVERY_S = 900.0
AGAIN_S = 60.0
SETTLE_S = 30.0  # whoever was asked by a watcher that has ended may still be on its way off
_ON = ('started', 'resumed', 'already on')


class Shedder(object):
    """One child at a time, a `stop --shed` or a `start --shed`, which keep the list, on disk. `guests`: of the last `plan`."""

    def __init__(self, state, program, said, charge, now):
        # type: (Any, Any, Any, int, float) -> None
        """`said`: notice.Notice; `charge`: percent that the battery must have before guests are started again."""
        self.guests = []  # type: list
        self._state, self._program, self._said, self._charge = state, program, said, charge
        self._child = None      # type: Child | None
        self._starts = False
        self._chosen = []       # type: list
        self._tried = set()     # type: set
        self._again_at = now + SETTLE_S if state.shed else now  # nothing is begun before

    def step(self, on_battery_s, now):
        # type: (float, float) -> bool
        """On battery. True when guests have gone off, or the last plan was wrong."""
        ended = self._collect(now)
        if self._child is not None:
            if self._starts:  # the power has failed again
                self._child.hurry_away()
        elif now >= self._again_at:
            chosen = [name for name in shedding.due(self.guests, on_battery_s) if name not in self._tried]
            if chosen:
                self._tried.update(chosen)
                self._remember(set(self._state.shed) | set(as_native(name) for name in chosen), now)
                self._said.people('load shedding: %s shut down after %.0f s on battery' % (_shown(chosen), on_battery_s))
                self._run('stop', chosen, now)
        return ended

    def stop(self):
        # type: () -> None
        """The whole host goes down: what is under way asks nobody else, and starts nobody."""
        if self._child is not None:
            self._child.hurry_away()

    def recover(self, charge, now):
        # type: (float | None, float) -> None
        """On mains."""
        self._collect(now)
        self._tried = set()
        if self._state.mains_since is None:
            self._state.mains_since = now
        if self._child is not None or not self._state.shed or now < self._again_at:
            return
        if charge >= self._charge if charge is not None else now - self._state.mains_since >= RECOVERY_S:
            self._said.people('load shedding: %s started again' % _shown(self._state.shed))
            self._run('start', [], now)

    def _run(self, verb, chosen, now):
        # type: (str, list, float) -> None
        self._starts, self._chosen = verb == 'start', chosen
        self._child = Child(self._program(verb, '--shed', '--json', '--', *[as_native(name) for name in chosen]), now, None)

    def _collect(self, now):
        # type: (float) -> bool
        """True when a stop has ended."""
        if self._child is None or not self._child.is_over(now):
            return False
        (data, problem), self._child = self._child.result(), None
        if data is None:
            self._said.log('warning: load shedding: %s' % problem)
            self._again_at = now + AGAIN_S
            self._tried.difference_update(self._chosen)
        elif self._starts:
            self._started(data.get('guests', []), now)
        else:
            left = [guest['name'] for guest in data['guests'] if guest['outcome'] in ('left', 'unknown')]
            if left:
                self._said.log('warning: load shedding: %s did not go off, and is not forced for that' % _shown(left))
        return not self._starts

    def _started(self, guests, now):
        # type: (list, float) -> None
        """What became of a start. Who was not reached, because it was cut off, is still on the list."""
        failed = [guest['name'] for guest in guests if guest['started_as'] not in _ON and guest['started_as'] is not None]
        if failed:
            self._said.log('warning: load shedding: %s could not be started again; see: kvm-graceful report' % _shown(failed))
        self._remember([as_native(guest['name']) for guest in guests if guest['started_as'] is None], now)

    def _remember(self, shed, now):
        # type: (Any, float) -> None
        self._state.shed = sorted(shed)
        self._state.write(now)


def _shown(guests):
    # type: (Any) -> str
    return ', '.join(names.shown(as_native(name)) for name in guests)
