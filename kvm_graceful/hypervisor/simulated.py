"""Guests that exist only in virtual time: for `plan` and `simulate`, and for the tests of planner and engine."""
from __future__ import absolute_import, division, print_function

import heapq
from collections import namedtuple

from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.model import (
    MIGRATING,
    PAUSED,
    RUNNING,
    SUSPENDED,
    AbortJob,
    Appeared,
    Ask,
    Asked,
    AskFailed,
    Destroy,
    Off,
    Rebooted,
    Save,
    SaveFailed,
    StateChanged,
)

AGENT_DEAD_S = 3.0  # until the ping of a dead agent is given up
PAST_IT_S = 1.0     # after so long without libvirtd the guests' QEMUs are asked themselves (hypervisor.either)

# How a simulated guest behaves. `takes_s`: from the press that it accepts to off; `ignores`: presses before that one;
# `never`: accepts none; `destroy_s`: from SIGTERM to off, None where QEMU does not end; `agent`: works or dead; `reboots`: comes
# up again instead of going off; `save_s`: what a save takes, None where it fails at once.
Behaviour = namedtuple('Behaviour', 'takes_s ignores never destroy_s agent reboots save_s')
Behaviour.__new__.__defaults__ = (0, False, 1.0, 'works', False, 1.0)


class VirtualClock(object):
    """A clock that stands still until it is moved."""

    def __init__(self):
        # type: () -> None
        self.at = 0.0

    def now(self):
        # type: () -> float
        return self.at


class Simulated(object):
    """The port over simulated guests, by key. Its own future is a heap of (instant, number, fact)."""

    def __init__(self, clock, guests, behaviours):
        # type: (VirtualClock, list, dict) -> None
        self._clock = clock
        self._behaviours = behaviours
        self._states = dict((guest.key, guest.state) for guest in guests)
        self._presses = {}  # type: dict
        self._off = set()   # type: set
        self._saving = set()  # type: set
        self._past_at = None  # type: float | None  # libvirtd is dead, and from then on the guests are asked past it
        self._future = []   # type: list
        self._sequence = 0  # facts of one instant come in the order in which they were caused

    def at(self, instant, fact):
        # type: (float, Any) -> None
        """Lets `fact` happen at `instant`. A callable is called then, and gives facts."""
        self._sequence += 1
        heapq.heappush(self._future, (instant, self._sequence, fact))

    def send(self, command):
        # type: (Any) -> None
        key = command.key
        if key in self._off:
            return
        if self._past_at is not None and self._clock.now() < self._past_at:
            self.at(self._past_at, lambda: self._send_again(command))
        elif self._past_at is not None and isinstance(command, Save):
            self._soon(SaveFailed(key, 'only libvirtd can do that, and it is dead'))
        elif isinstance(command, Ask):
            self._ask(key, command.method)
        elif isinstance(command, Destroy):
            if self._behaviours[key].destroy_s is not None:
                self._later(self._behaviours[key].destroy_s, Off(key, 'destroyed', 0))
        elif isinstance(command, Save) and self._behaviours[key].save_s is None:
            self._soon(SaveFailed(key, 'no space left on device'))
        elif isinstance(command, Save):
            self._saving.add(key)
            self._later(self._behaviours[key].save_s, Off(key, 'saved', 0))
        elif isinstance(command, AbortJob) and self._states.get(key) not in (PAUSED, MIGRATING):
            self._soon(AskFailed(key, 'no job is active', 'abort'))
        else:
            self._states[key] = RUNNING
            self._soon(StateChanged(key, RUNNING, ''))

    def _ask(self, key, method):
        # type: (Any, str) -> None
        guest = self._behaviours[key]
        if self._states.get(key, RUNNING) in (PAUSED, SUSPENDED, MIGRATING):
            self._soon(AskFailed(key, 'domain is not running', method))
        elif method == 'agent' and guest.agent != 'works':
            self._later(AGENT_DEAD_S, AskFailed(key, 'the guest agent does not answer', 'agent'))
        else:
            self._soon(Asked(key, self._clock.now(), method))
            presses = self._presses[key] = self._presses.get(key, 0) + 1
            if not guest.never and presses == guest.ignores + 1:
                self._later(guest.takes_s, Rebooted(key) if guest.reboots else Off(key, 'shutdown', 0))

    def _soon(self, fact):
        # type: (Any) -> None
        self.at(self._clock.now(), fact)

    def _later(self, span_s, fact):
        # type: (float, Any) -> None
        at = self._clock.now() + span_s
        self.at(at, fact._replace(at=at) if isinstance(fact, Off) else fact)

    def die(self):
        # type: () -> list
        """libvirtd dies: guests go on, a save that is under way does not. Their QEMUs are watched and asked without it."""
        self._past_at = self._clock.now() + PAST_IT_S
        for key in sorted(self._saving):
            self.at(self._past_at, SaveFailed(key, 'libvirtd died meanwhile'))
        self._saving.clear()
        return []

    def come_back(self):
        # type: () -> list
        """libvirtd is there again."""
        self._past_at = None
        return []

    def _send_again(self, command):
        # type: (Any) -> list
        self.send(command)
        return []

    def wait(self, until):
        # type: (float) -> list
        """The facts of the next instant at which there are any, up to `until`; the clock moves there."""
        if not self._future or self._future[0][0] > until:
            self._clock.at = max(self._clock.at, until)
            return []
        self._clock.at = max(self._clock.at, self._future[0][0])
        facts = []  # type: list
        while self._future and self._future[0][0] <= self._clock.at:
            fact = heapq.heappop(self._future)[2]
            for one in fact() if callable(fact) else [fact]:
                facts += self._happens(one)
        return facts

    def _happens(self, fact):
        # type: (Any) -> list
        """What is told of a fact: each guest goes off once, and stands still while it is saved."""
        if isinstance(fact, Appeared):
            self._off.discard(fact.guest.key)
            self._presses.pop(fact.guest.key, None)
            self._saving.discard(fact.guest.key)
        if isinstance(fact, StateChanged):
            self._states[fact.key] = fact.state
        if isinstance(fact, Off):
            if fact.key in self._off or (fact.how == ('shutdown' if fact.key in self._saving else 'saved')):
                return []
            self._off.add(fact.key)
        elif isinstance(fact, Rebooted) and fact.key in self._saving:
            return []
        return [fact]
