"""Starts guests again in the order of their needs: facts in, commands out. A state machine that engine.run drives. Pure."""
from __future__ import absolute_import, division, print_function

from collections import namedtuple

from kvm_graceful import startlist
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.model import Event, StopAsking

READY_S = 30.0          # what a guest without an agent gets to come up before those that need it start; START_DELAY replaces it
AGENT_READY_S = 90.0    # how long a guest's agent is waited for: many have its channel and nobody at the other end
PING_EVERY_S = 2.0
LOOK_EVERY_S = 1.0
FINISH_S = 300.0        # for a restored guest to finish the shutdown that it was in when it was saved
AGAIN_S = (5.0, 10.0, 20.0)  # after each failed try
CALL_S = 1800.0         # a start that is not back by then never comes back: a large saved guest is read for minutes
LEAVE_S = 5.0           # for starts under way when no more are wanted: whoever shuts down then has to see their guests

# Commands. Sending one never blocks.
Look = namedtuple('Look', 'key')
Start = namedtuple('Start', 'key paused')
Ping = namedtuple('Ping', 'key')
SetTime = namedtuple('SetTime', 'key')
# Facts. `state`: on, off, saved (off, and a start restores it) or absent.
Looked = namedtuple('Looked', 'key state agent autostart')
Started = namedtuple('Started', 'key')
StartFailed = namedtuple('StartFailed', 'key why')
Answered = namedtuple('Answered', 'key')  # the guest's agent did
GoingDown = namedtuple('GoingDown', 'why')

# What is wanted of all. `start`: False leaves off what nobody else would have started; `delay_s`: between two starts; `ready`:
# guests with an agent are waited for even where nobody needs them.
Wanted = namedtuple('Wanted', 'start delay_s sync_time ready')

WAITING, LOOKING, AGAIN, QUEUED, STARTING, FINISHING, BOOTING, DONE = range(8)


class _Guest(object):
    """One guest. `due_at`: when something is due without a fact; `holding`: how many it waits for; `until`: end of a phase."""

    __slots__ = ('key', 'entry', 'phase', 'holding', 'due_at', 'until', 'tries', 'saved', 'agent', 'finish', 'started_as',
                 'at', 'ready_at', 'why')

    def __init__(self, key, entry, holding):
        # type: (str, Any, int) -> None
        self.key, self.entry, self.phase, self.holding, self.finish = key, entry, WAITING, holding, entry.finish
        self.due_at = self.until = self.started_as = self.at = self.ready_at = None  # type: Any
        self.tries, self.saved, self.agent, self.why = 0, False, False, ''


class Starter(object):
    """One start of the guests of a list. Instants are monotonic seconds."""

    def __init__(self, entries, wanted, now):
        # type: (list, Wanted, float) -> None
        self.events = []  # type: list
        self.interrupted = None  # type: int | None
        self.cut_off = ''   # why nothing more is started, if so
        self.started_at = now
        self._wanted, self._next_start_at, self._leave_at = wanted, now, None  # type: Any, float, float | None
        self._commands, self._queue = [], []  # type: list, list
        keys = ['%s#%s' % (entry.uri, entry.uuid) for entry in entries]
        self._followers, self.order = startlist.order(keys, entries)
        holding = dict((key, 0) for key in keys)
        for key in keys:
            for follower in self._followers[key]:
                holding[follower] += 1
        by_key = dict(zip(keys, entries))
        self.guests = dict((key, _Guest(key, by_key[key], holding[key])) for key in keys)
        for key in self.order:
            self._go_on(self.guests[key], now)

    # -- what the loop calls (as engine.Engine's)

    def step(self, facts, now):
        # type: (list, float) -> list
        for fact in facts:
            if not hasattr(fact, 'key'):
                self._end_all(fact, now)
            elif fact.key in self.guests and self.guests[fact.key].phase != DONE:
                _TAKE[type(fact)](self, self.guests[fact.key], fact, now)
        for key in self.order:
            guest = self.guests[key]
            if guest.due_at is not None and guest.due_at <= now:
                guest.due_at = None
                self._due(guest, now)
        self._start_queued(now)
        commands, self._commands = self._commands, []
        return commands

    def wake_at(self):
        # type: () -> float
        times = [guest.due_at for guest in self.guests.values() if guest.due_at is not None]
        if self._queue:
            times.append(self._next_start_at)
        if self._leave_at is not None:
            times.append(self._leave_at)
        return min(times) if times else self.started_at + CALL_S

    def is_over(self, now):
        # type: (float) -> bool
        if self._leave_at is not None:
            return now >= self._leave_at or not [1 for guest in self.guests.values() if guest.phase == STARTING]
        return all(guest.phase == DONE for guest in self.guests.values())

    def close(self, now):
        # type: (float) -> None
        """Nothing is left to say: a guest that was not reached keeps None, and can be started later."""

    def exit_code(self):
        # type: () -> int
        """0 all are on, or left as they are on purpose; 3 somebody could not be started; 128+n interrupted."""
        if self.interrupted is not None:
            return 128 + self.interrupted
        return 3 if [1 for guest in self.guests.values() if guest.started_as == 'failed'] else 0

    def results(self):
        # type: () -> list
        """One dict a guest, in the order of the start: the entry, and what became of it; seconds from the beginning."""
        def since(at):
            # type: (float | None) -> float | None
            return None if at is None else round(at - self.started_at, 3)
        return [dict(guest.entry._asdict(), started_as=guest.started_as, at=since(guest.at), ready=since(guest.ready_at),
                     tries=guest.tries, why=guest.why) for guest in (self.guests[key] for key in self.order)]

    # -- facts

    def _end_all(self, fact, now):
        # type: (Any, float) -> None
        if self._leave_at is not None:
            return
        if isinstance(fact, StopAsking):
            self.interrupted = fact.signal
            self.cut_off = 'ended by signal %d' % fact.signal
        else:
            self.cut_off = fact.why
        self._leave_at = now + LEAVE_S
        self._queue = []
        for guest in self.guests.values():
            guest.due_at = None
        self._tell(now, 'cut off', None, self.cut_off + ': no more guests are started')

    def _looked(self, guest, fact, now):
        # type: (_Guest, Looked, float) -> None
        if guest.phase == FINISHING:
            if fact.state == 'off':
                self._tell(now, 'finished', guest.key, 'has finished its shutdown')
                guest.finish = False
                self._enqueue(guest, False)
            else:
                guest.due_at = min(guest.until, now + LOOK_EVERY_S)
            return
        if guest.phase != LOOKING:
            return
        guest.agent = fact.agent
        if fact.state == 'absent':
            self._done(guest, 'absent', 'there is no such guest' if guest.entry.persistent else
                       'transient: the hypervisor forgot it when it went off', now)
        elif fact.state == 'on' and not guest.finish:
            self._up(guest, 'already on', 'is on already', now)
        elif not self._wanted.start and not (guest.finish and fact.autostart):
            self._done(guest, startlist.NOT_STARTED, 'left %s, as ON_BOOT=ignore says' % fact.state, now)
        elif fact.state == 'on':
            self._restored(guest, now)
        else:
            self._enqueue(guest, fact.state == 'saved')

    def _started(self, guest, _fact, now):
        # type: (_Guest, Started, float) -> None
        guest.tries += 1
        if guest.saved and guest.finish:
            self._restored(guest, now)
        else:
            how = 'resumed' if guest.saved else 'started'
            self._up(guest, how, how + (', paused as it was' if guest.entry.paused else ''), now,
                     guest.saved or guest.entry.paused)

    def _failed(self, guest, fact, now):
        # type: (_Guest, StartFailed, float) -> None
        guest.tries += 1
        if self._leave_at is not None:
            guest.phase = WAITING
        elif guest.phase == FINISHING:
            guest.due_at = min(guest.until, now + LOOK_EVERY_S)
        elif guest.tries > len(AGAIN_S):
            self._done(guest, 'failed', 'could not be started, tried %d times: %s' % (guest.tries, fact.why), now)
        else:
            guest.phase, guest.due_at = AGAIN, now + AGAIN_S[guest.tries - 1]
            self._tell(now, 'start failed', guest.key, 'not started: %s; tried again in %.0f s'
                       % (fact.why, AGAIN_S[guest.tries - 1]))

    def _answered(self, guest, _fact, now):
        # type: (_Guest, Answered, float) -> None
        if guest.phase == BOOTING:
            self._ready(guest, 'its agent answers', now)

    # -- what is due

    def _due(self, guest, now):
        # type: (_Guest, float) -> None
        if guest.phase == AGAIN:
            self._look(guest, now)
        elif guest.phase == FINISHING:
            if now >= guest.until:
                self._up(guest, 'resumed', 'restored, and stayed on: it did not finish the shutdown that it was in', now, True)
            else:
                self._commands.append(Look(guest.key))
                guest.due_at = guest.until
        elif guest.phase in (LOOKING, STARTING):
            self._done(guest, 'failed', 'the hypervisor has not answered for %.0f s' % CALL_S, now)
        elif guest.phase == BOOTING:
            if now >= guest.until:
                self._ready(guest, 'its agent does not answer' if guest.agent else 'has had time to come up', now)
            else:
                self._commands.append(Ping(guest.key))
                guest.due_at = min(guest.until, now + PING_EVERY_S)

    def _go_on(self, guest, now):
        # type: (_Guest, float) -> None
        if guest.phase == WAITING and not guest.holding:
            self._look(guest, now)

    def _look(self, guest, now):
        # type: (_Guest, float) -> None
        """What state is it in? Each try begins so: somebody else may have started it meanwhile, libvirt's autostart above all."""
        guest.phase, guest.due_at = LOOKING, now + CALL_S
        self._commands.append(Look(guest.key))

    def _enqueue(self, guest, saved):
        # type: (_Guest, bool) -> None
        guest.phase, guest.saved = QUEUED, saved
        self._queue.append(guest.key)

    def _start_queued(self, now):
        # type: (float) -> None
        while self._queue and self._leave_at is None and now >= self._next_start_at:
            guest = self.guests[self._queue.pop(0)]
            guest.phase, guest.due_at = STARTING, now + CALL_S
            self._commands.append(Start(guest.key, guest.entry.paused))
            self._next_start_at = now + self._wanted.delay_s

    # -- ends

    def _restored(self, guest, now):
        # type: (_Guest, float) -> None
        """It is on in the middle of its shutdown, and is left to finish it."""
        guest.phase, guest.until, guest.due_at = FINISHING, now + FINISH_S, now + LOOK_EVERY_S
        self._tell(now, 'finishing', guest.key, 'restored; it was saved while it shut down, and now finishes that')

    def _up(self, guest, started_as, text, now, at_once=False):
        # type: (_Guest, str, str, float, bool) -> None
        """It is on. Those that need it wait until it is ready; `at_once`: it came back as it was, or does not run at all."""
        guest.started_as, guest.why, guest.at, guest.due_at = started_as, text, now, None
        self._tell(now, started_as, guest.key, text)
        if guest.saved and self._wanted.sync_time:
            self._commands.append(SetTime(guest.key))
        if at_once or not (self._followers[guest.key] or self._wanted.ready and guest.agent):
            return self._ready(guest, '', now)
        guest.phase, guest.due_at = BOOTING, now
        guest.until = now + (AGENT_READY_S if guest.agent else self._wanted.delay_s or READY_S)
        if not guest.agent:
            guest.due_at = guest.until

    def _ready(self, guest, text, now):
        # type: (_Guest, str, float) -> None
        guest.ready_at = now
        if text:
            self._tell(now, 'ready', guest.key, text)
        self._release(guest, now)

    def _done(self, guest, started_as, text, now):
        # type: (_Guest, str, str, float) -> None
        guest.started_as, guest.why = started_as, text
        self._tell(now, started_as, guest.key, text)
        self._release(guest, now)

    def _release(self, guest, now):
        # type: (_Guest, float) -> None
        guest.phase, guest.due_at = DONE, None
        for follower in self._followers[guest.key]:
            self.guests[follower].holding -= 1
            if self._leave_at is None:
                self._go_on(self.guests[follower], now)

    def _tell(self, now, what, key, text):
        # type: (float, str, Any, str) -> None
        self.events.append(Event(round(now - self.started_at, 3), what, key, text, None))


_TAKE = {Looked: Starter._looked, Started: Starter._started, StartFailed: Starter._failed, Answered: Starter._answered}  # type: dict
