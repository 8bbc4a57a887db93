"""watch: stays resident, and begins the shutdown of the host when the battery has just enough left for it. Loads no libvirt."""
from __future__ import absolute_import, division, print_function

import os
import signal

from kvm_graceful import host, notice, watchstate
from kvm_graceful.children import Child
from kvm_graceful.clock import Clock  # noqa: F401 (type comments)
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.errors import HostError
from kvm_graceful.inbox import Inbox
from kvm_graceful.power import BATTERY, MAINS, advice, feed, hostdown, lastmoment, sources
from kvm_graceful.power.deadline import text
from kvm_graceful.power.meter import Meter
from kvm_graceful.shedder import Shedder

POLL_MAINS_S, POLL_BATTERY_S = 5.0, 2.0
TELL_S = 60.0        # a line in the log while on battery
PLAN_EVERY_S, PLAN_EVERY_ON_MAINS_S = 60.0, 6 * 3600.0  # what a shutdown would take is asked again this often
PLAN_LIMIT_S = 20.0
PATIENCE_S = 60.0    # a shutdown that was begun and of which nothing is seen is begun in another way


def watch(settings, program, say, state_dir, root='/', environment=os.environ, ended=lambda: False):
    # type: (Any, Any, Any, str, str, Any, Any) -> int
    """Until SIGTERM or SIGINT. `program(verb, ...)`: the command line of a child; `say(line)`; `ended()`: had it been told to end
    before it could hear? Raises HostError."""
    found = upses(settings, say, root, environment)
    clock = Clock()
    inbox = Inbox(clock)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: inbox.put(number))
    meter = Meter(found, clock, POLL_MAINS_S)
    meter.start()
    state = watchstate.State(root, clock.now())
    state.recall(state_dir, clock, say)
    said = notice.Notice(say, settings.notify)
    watcher = Watcher(settings, found, meter, clock, host.detect(root), program, said, state, root)
    while not ended() and not inbox.wait(clock.now() + (watcher.step() if meter.has_all() else 0.2)):
        pass
    watcher.end()
    return 0


def upses(settings, say, root='/', environment=os.environ):
    # type: (Any, Any, str, Any) -> sources.Sources
    """The UPSes of this host; what is wrong with their settings is said. Raises HostError where there is none."""
    found = sources.find(settings, root, environment)
    for problem in settings.problems + list(found.problems):
        say('warning: %s' % str(problem))
    if not found.upses:
        raise HostError('no UPS is known: set up NUT or apcupsd, or name it with UPS= in the configuration')
    return found


class Watcher(object):
    """What is known from one look to the next."""

    def __init__(self, settings, found, meter, clock, system, program, said, state, root='/'):
        # type: (Any, sources.Sources, Meter, Clock, Any, Any, notice.Notice, watchstate.State, str) -> None
        self._found, self._meter, self._clock, self._system = found, meter, clock, system
        self._program, self._said, self._state = program, said, state
        self._trust = feed.trust(settings)
        self._deadline_s = settings.deadline_s or 0.0
        self._advised = set()     # type: set
        # Where there is no answer, it is taken to last as long as it may.
        self._takes_s = float(min(settings.deadline_s or system.limit_s, system.limit_s))
        self._is_known = False
        self._asked_at = None     # type: float | None
        self._planner = None      # type: Child | None
        self._last = lastmoment.LastMoment()
        self._ways = hostdown.ways(found, root)
        self._tried = 0
        self._begun_at = None     # type: float | None
        self._told = (None, 0.0)  # type: tuple
        self._shedder = Shedder(self._state, program, said, settings.restart_charge, clock.now())
        self._inhibitor_s = system.inhibitor_delay_s()

    def step(self):
        # type: () -> float
        """One look. Returns the seconds until the next."""
        now, reading = self._clock.now(), self._meter.now()
        margin = None
        self._advise(reading)
        if reading.supply == BATTERY:
            margin = self._on_battery(reading, now)
        elif reading.supply == MAINS:
            self._on_mains(reading, now)
        self._tell(reading, margin, now)
        self._meter.every_s = POLL_BATTERY_S if reading.supply == BATTERY else POLL_MAINS_S
        return self._meter.every_s

    def _advise(self, reading):
        # type: (Any) -> None
        """Each piece of advice once, when there is reason for it: other hosts come up after this one."""
        for one in advice.of(self._found, self._deadline_s, True, reading.logins or 0):
            if one.id not in self._advised:
                self._advised.add(one.id)
                self._said.log('warning: %s; %s' % (one.what, one.todo))

    def end(self):
        # type: () -> None
        """It is ended: whatever it has begun with guests asks nobody else, and starts nobody; the next one goes on."""
        self._shedder.stop()

    def _on_battery(self, reading, now):
        # type: (Any, float) -> float | None
        if self._state.since is None:
            self._state.went_on_battery(now)
            self._inhibitor_s = self._system.inhibitor_delay_s()
            self._asked_at = None
        self._ask(now, PLAN_EVERY_S)
        notice_s = self._inhibitor_s + hostdown.notice_s(self._found, reading)
        margin = lastmoment.margin_s(reading, self._takes_s, notice_s, self._trust) if self._is_known else None
        why = self._last.come(reading, margin, POLL_BATTERY_S)
        if why or reading.forced:
            self._shedder.stop()
        if why:
            self._begin(why, now, PATIENCE_S + notice_s)
        elif self._begun_at is None and not reading.forced and self._shedder.step(now - (self._state.since or now), now):
            self._asked_at = None  # fewer guests are on now
        return margin

    def _on_mains(self, reading, now):
        # type: (Any, float) -> None
        if self._state.since is not None:
            self._said.people('the power is back after %.0f s on battery' % (now - self._state.since))
            self._state.went_off_battery(now)
            self._last = lastmoment.LastMoment()
            self._begun_at = None
            self._tried = 0
        self._ask(now, PLAN_EVERY_ON_MAINS_S)
        if not reading.forced:
            self._shedder.recover(reading.charge, now)

    def _tell(self, reading, margin, now):
        # type: (Any, float | None, float) -> None
        what = (reading.supply, reading.low, reading.forced)
        if self._told[0] == what and (reading.supply != BATTERY or now - self._told[1] < TELL_S):
            return
        first = self._told[0] != what and reading.supply == BATTERY
        self._told = (what, now)
        self._state.write(now)
        line = text(reading)
        if margin is not None and not reading.forced:
            line += '; a shutdown takes %.0f s, and has to begin in %.0f s' % (self._takes_s, max(0.0, margin))
        (self._said.people if first else self._said.log)(line)

    # -- what a shutdown would take

    def _ask(self, now, every_s):
        # type: (float, float) -> None
        """In a child process, now and then. What it said last holds until it says something else."""
        if self._planner is not None and self._planner.is_over(now):
            data, problem = self._planner.result()
            self._planner, self._is_known = None, True
            try:
                self._takes_s = float(data['finished'])
                self._shedder.guests = data['guests']
            except (TypeError, KeyError, ValueError):
                self._said.log('warning: what a shutdown would take is not known: %s; it is taken to be %.0f s'
                          % (problem, self._takes_s))
        if self._planner is None and (self._asked_at is None or now - self._asked_at >= every_s):
            self._asked_at = now
            self._planner = Child(self._program('plan', '--json'), now, PLAN_LIMIT_S)

    # -- the shutdown

    def _begin(self, why, now, patience_s):
        # type: (str, float, float) -> None
        if self._begun_at is not None:
            if now - self._begun_at < patience_s:
                return
            if host.going_down(self._system, {}).down:
                self._begun_at = now
                return
            self._said.log('warning: nothing is seen of the shutdown that was begun')
        for _ in self._ways:
            name, begin = self._ways[self._tried % len(self._ways)]
            self._tried += 1
            self._said.people('the host is shut down now, with "%s": %s' % (name, why))
            if begin():
                self._begun_at = now
                return
            self._said.log('warning: "%s" failed' % name)
