"""Runs a Plan: facts in, commands out. A state machine without a clock, and the one loop that drives it."""
from __future__ import absolute_import, division, print_function

import heapq

from kvm_graceful import criticalpath, forcing, guestrun, names, news, planner, saving
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.guestrun import ASKED, DONE, FORCED, READY, WAITING, GuestRun
from kvm_graceful.model import DESTROY_S, AbortJob, Ask, Destroy, Event, GuestResult, Save


class Engine(object):
    """One shutdown. Instants are monotonic seconds of whatever clock the caller has, a virtual one included."""

    def __init__(self, plan, deadline_at, now, parallel=None, newcomer=None):
        # type: (planner.Plan, float, float, int | None, Any) -> None
        """`newcomer(guest)` gives (Policy, estimate in seconds or None, saving.Reserved or None) for a guest that is started
        during the run; without it such guests are none of ours."""
        self.plan, self.deadline_at, self.started_at = plan, deadline_at, now
        self.interrupted = None  # type: int | None
        self.events = []  # type: list
        self._parallel, self._newcomer = parallel, newcomer
        self.runs = dict((key, GuestRun(plan.guests[key], plan.policies[key], len(plan.before[key]))) for key in plan.order)
        self._on = len(self.runs)
        self.busy = self._made_ready = 0
        self._ready, self._timers, self._commands = [], [], []  # type: list, list, list
        self.times, self._timer_of = {}, {}  # type: dict, dict
        self.stale = set()  # type: set
        self.saves, self.hurries = saving.Queue(), 0
        for key in plan.order:
            if not self.runs[key].holding:
                self._make_ready(key)
        self.replan_all(now)

    # -- what the loop calls

    def step(self, facts, now):
        # type: (list, float) -> list
        """Takes in facts, does what is due, returns the commands to send. Events for the record gather in `events`."""
        for fact in facts:
            news.take(self, fact, now)
        due = []  # a guest that makes itself due again waits for the next step, and cannot hold up this one
        while self._timers and self._timers[0][0] <= now:
            at, key = heapq.heappop(self._timers)
            if self._timer_of.get(key) == at:  # else it was put off, or is over
                del self._timer_of[key]
                due.append(key)
        for key in due:
            self._due(key, now)
        self._ask_ready(now)
        commands, self._commands = self._commands, []
        # Agents last: however many of them are dead, libvirt has the presses before it is busy waiting for them.
        return sorted(commands, key=lambda command: getattr(command, 'method', '') == 'agent')

    def wake_at(self):
        # type: () -> float
        """The next instant at which something is due without a fact."""
        end = self.deadline_at + DESTROY_S
        return min(self._timers[0][0], end) if self._timers else end

    def is_over(self, now):
        # type: (float) -> bool
        """True when nothing is left to do: all ended, interrupted, or one forced end after the deadline."""
        return not self._on or self.interrupted is not None or now >= self.deadline_at + DESTROY_S

    def close(self, now):
        # type: (float) -> None
        """Gives an outcome to each guest that has none."""
        self.saves = saving.Queue()  # nobody's turn comes any more
        for key in self.plan.order:
            if self.runs[key].outcome is None:
                self.end(key, guestrun.cut_off(self.runs[key], self.interrupted), now)

    def results(self):
        # type: () -> list
        """A GuestResult for each guest of the plan, in its order, then those that were left out of it."""
        return ([guestrun.result(self.runs[key], self.started_at) for key in self.plan.order]
                + [GuestResult(guest, None, 0, None, None, 'left', 'on-shutdown = ignore', None) for guest in self.plan.left])

    def exit_code(self):
        # type: () -> int
        """0 fine, 3 somebody had to be forced, 4 somebody is still on or unknown, 128+n interrupted. DESIGN section 7."""
        return 128 + self.interrupted if self.interrupted is not None else guestrun.exit_code(self.runs.values())

    # -- what facts do, called by news

    def move_deadline(self, at, now):
        # type: (float, float) -> None
        self.deadline_at = max(at, now)  # one in the past would end the run before everybody was told to end
        self.replan_all(now)

    def interrupt(self, signal):
        # type: (int) -> None
        """Nothing more is sent."""
        self.interrupted = signal
        self._commands, self._ready = [], []

    def join(self, guest, now):
        # type: (Any, float) -> None
        """Takes in a guest that was started during the run: it is asked as soon as nobody who needs it is on."""
        key = guest.key
        if self._newcomer is None or (key in self.runs and self.runs[key].phase != DONE):
            return
        policy, estimate_s, reserved = self._newcomer(guest)
        planner.join(self.plan, guest, policy, estimate_s, lambda other: self.runs[other].phase != DONE, reserved)
        if key in self.plan.guests:
            self.runs[key] = GuestRun(guest, policy, sum(not self.runs[other].released for other in self.plan.before[key]))
            self._on += 1
            self.tell(now, 'joined', key, 'started during the run, and joins it')
            for follower in self.plan.after[key]:
                if self.runs[follower].phase in (WAITING, READY):
                    self.runs[follower].phase = WAITING
                    self.runs[follower].holding += 1
            self.replan_all(now)
            if self.runs[key].phase == WAITING and not self.runs[key].holding:
                self._make_ready(key)
                self.schedule(key, now)

    # -- what is due

    def _due(self, key, now):
        # type: (Any, float) -> None
        run = self.runs[key]
        if run.phase in (DONE, WAITING) or self.interrupted is not None:
            return  # WAITING: it was to be asked, and somebody who needs it came
        if self.plan.group[key] in self.stale and run.phase != FORCED and now >= self._latest_at(key):
            self.replan(self.plan.group[key], now)  # the latest instants matter only now, when one of them has come
        if now < self._due_at(key):
            pass  # put off meanwhile
        elif run.phase == READY:
            self.ask(key, now)  # its latest time: the parallel limit yields
        elif run.phase == FORCED:
            forcing.is_over(self, key, now)
        elif run.queued and run.policy.on_shutdown == 'save':
            forcing.give_up_save(self, key, 'there is no time left for it', now)
        elif now >= self.force_at(key):
            forcing.force(self, key, now)
        elif guestrun.may_abort(run) and now >= self._ask_at(key):
            run.aborted = True
            self.tell(now, 'aborted', key, 'its migration is aborted: it is time to shut it down')
            self.send(AbortJob(key))
        else:
            if run.asking:
                guestrun.step_on(run)
            self.ask(key, now)
        self.schedule(key, now)

    def _due_at(self, key):
        # type: (Any) -> float
        run = self.runs[key]
        if run.phase == FORCED:
            return run.off_by if not run.saving else self.deadline_at if run.released else min(run.off_by, self.deadline_at)
        again = guestrun.again_at(run) if run.phase == ASKED else None
        return self._latest_at(key) if again is None else min(self._latest_at(key), again)

    def _latest_at(self, key):
        # type: (Any) -> float
        """When the guest's time is over; for one that was not asked yet, or waits to be saved, its latest time for that."""
        run = self.runs[key]
        if run.queued and run.policy.on_shutdown != 'save':
            return max(forcing.queued_until(self, key), self.force_at(key))
        return self.force_at(key) if run.phase == ASKED and not run.queued else self._ask_at(key)

    def _ask_at(self, key):
        # type: (Any) -> float
        return self.times[self.plan.group[key]].ask_at[key]

    def force_at(self, key):
        # type: (Any) -> float
        """When the guest's time is over: a written grace, or its latest time to be off less what a forced end takes."""
        run = self.runs[key]
        at = self.times[self.plan.group[key]].force_at[key]
        if run.policy.grace_s is not None and run.asked_at is not None:
            at = min(at, run.asked_at + run.policy.grace_s)
        return at

    def schedule(self, key, now):
        # type: (Any, float) -> None
        if self.runs[key].phase in (READY, ASKED, FORCED):
            at = max(now, self._due_at(key))
            if self._timer_of.get(key) != at:
                self._timer_of[key] = at
                heapq.heappush(self._timers, (at, key))

    def replan_all(self, now):
        # type: (float) -> None
        for group in self.plan.members:
            self.replan(group, now)

    def replan(self, group, now):
        # type: (Any, float) -> None
        """The latest instants of the guests that are connected by needs. Not done when one of them ends, which leaves the
        others more time and never less, but when one of the instants has come: then `stale` says that it may be put off."""
        members = self.plan.members[group]
        told = group in self.times and self.times[group].order_given_up
        needed = dict((key, guestrun.left_s(self.runs[key], criticalpath.needed_s(self.plan, key), now))
                      for key in members if self.runs[key].phase != DONE)
        times = self.times[group] = criticalpath.latest_times(self.plan, members, needed, now, self.deadline_at)
        self.stale.discard(group)
        if times.order_given_up and not told:
            self.tell(now, 'order', None, 'not enough time for any order: everyone connected with %s is asked at once'
                      % names.shown(self.plan.guests[members[0]].name))
        for key in members:
            if times.order_given_up and self.runs[key].phase == WAITING:
                self._make_ready(key)
            self.schedule(key, now)

    # -- commands

    def _make_ready(self, key):
        # type: (Any) -> None
        self.runs[key].phase = READY
        self._made_ready += 1  # equals are asked in the order in which they could be
        heapq.heappush(self._ready, (-self.plan.rank[key], self._made_ready, key))

    def _ask_ready(self, now):
        # type: (float) -> None
        while self._ready and self.interrupted is None and (self._parallel is None or self.busy < self._parallel):
            key = heapq.heappop(self._ready)[2]
            if self.runs[key].phase == READY:
                self.ask(key, now)
                self.schedule(key, now)

    def ask(self, key, now):
        # type: (Any, float) -> None
        run = self.runs[key]
        if run.phase == READY:
            self.busy += 1
            run.phase, run.turn_at, run.allotted_at = ASKED, now, now
            run.allotted_s = self.times[self.plan.group[key]].estimate[key]
        run.sent_at = now
        command = guestrun.next_command(run)
        run.asking = isinstance(command, Ask)
        if isinstance(command, Destroy):
            forcing.switch_off(self, key, now)
        elif isinstance(command, Save):
            forcing.save(self, key, now)
        elif isinstance(command, tuple):
            self.send(command)
        elif run.told != command:  # why nothing may be sent: told once
            run.told = command
            self.tell(now, 'waits', key, command)

    def end(self, key, ending, now):
        # type: (Any, tuple, float) -> None
        """The guest is done with. `ending`: its outcome, and the text for people."""
        run = self.runs[key]
        outcome, text = ending
        run.outcome, run.why = outcome, text
        self.tell(now, outcome, key, text)
        if run.phase == DONE:
            return  # it had been given up, and did go off after all
        self.busy -= run.phase in (ASKED, FORCED)
        if self.times[self.plan.group[key]].shrunk or run.phase in (WAITING, READY):
            self.stale.add(self.plan.group[key])
        run.phase = DONE
        self._on -= 1
        forcing.next_save(self, key, now)
        self.release(key, now)

    def release(self, key, now):
        # type: (Any, float) -> None
        """Those that wait for this guest wait no longer."""
        if self.runs[key].released:
            return
        self.runs[key].released = True
        for follower in self.plan.after[key]:
            waiting = self.runs[follower]
            waiting.holding -= 1
            if waiting.phase == WAITING and not waiting.holding:
                self._make_ready(follower)
                self.schedule(follower, now)

    def send(self, command):
        # type: (Any) -> None
        self._commands.append(command)

    def tell(self, now, what, key, text, more=None):
        # type: (float, str, Any, str, dict | None) -> None
        self.events.append(Event(round(now - self.started_at, 3), what, key, text, more))


def run(engine, hypervisor, clock, tell):
    # type: (Engine, Any, Any, Any) -> None
    """Drives `engine` to its end. `hypervisor.send` never blocks, `hypervisor.wait(until)` gives facts; `tell(event)` is
    called for each event, and must not block either."""
    facts = hypervisor.wait(clock.now())
    while True:
        now = clock.now()
        for command in engine.step(facts, now):
            hypervisor.send(command)
        if engine.is_over(now):
            engine.close(now)
        events, engine.events = engine.events, []
        for event in events:
            tell(event)
        if engine.is_over(now):
            return
        facts = hypervisor.wait(engine.wake_at())
