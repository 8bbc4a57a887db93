"""One shutdown put together: opens the ports, hands them to the core, carries its events to record and console."""
from __future__ import absolute_import, division, print_function

import os
import signal

from kvm_graceful import (
    engine,
    forcing,
    history,
    host,
    hoststart,
    limits,
    listkeeper,
    names,
    preparation,
    record,
    runlock,
    takeup,
    terminal,
    watchdog,
)
from kvm_graceful.clock import Clock
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.console import Console
from kvm_graceful.diskwriter import DiskWriter
from kvm_graceful.errors import ConfigurationError, HostError
from kvm_graceful.host import command
from kvm_graceful.hypervisor import processes
from kvm_graceful.hypervisor.several import Hypervisors
from kvm_graceful.inbox import Inbox
from kvm_graceful.model import Event, Hurry, StopAsking
from kvm_graceful.power import feed
from kvm_graceful.preparation import Options  # noqa: F401 (type comments)
from kvm_graceful.report import progress, prometheus
from kvm_graceful.splash import Splash

CONNECT_AGAIN_S = 30.0  # how long host-stop tries to reach a hypervisor whose guests are there
LEAVE_S = 3.0           # for the record and the console, once the guests are off


def host_stop(options, system=None, environment=os.environ, root='/'):
    # type: (Options, Any, Any, str) -> dict
    """The init system's call: acts only when the host is going down and guests are there. Returns the run's data, or
    {'acted': False, 'why': ...}. A second call waits for the first; it goes on with a run whose process was killed."""
    limits.widen()
    system = system or host.detect(root)
    verdict = host.going_down(system, environment)
    if verdict.down is False:
        return _nothing('the host is not going down (%s); no guest was touched' % verdict.why)
    hoststart.end(root, Clock(), options.state_dir)  # or guests would be started while others are shut down
    lock = runlock.RunLock(options.run_dir, root)
    if not lock.is_there() and not processes.qemu_pids(root):
        return _no_guest(options, environment, root)
    if verdict.down is None:
        raise HostError('%s; no guest was touched' % verdict.why)
    clock = Clock()
    inbox = Inbox(clock)
    _take_signals('host-stop', inbox)
    left, earlier = lock.take(clock), None
    invocation = environment.get('INVOCATION_ID', '')
    if runlock.same_shutdown(left, invocation, clock.now(), processes.youngest_s(root)):
        if 'finished_at' not in left:
            earlier = takeup.find(left, options.state_dir, clock)
        end = {'exit': left['exit']} if earlier is None else takeup.finished(earlier)
        if end is not None:
            return _nothing('this shutdown is over already, with exit code %d; no guest was touched' % end['exit'], end['exit'])
    elif not processes.qemu_pids(root):
        return _no_guest(options, environment, root)
    run = _Run('host-stop', options, verdict.why, system.limit_s, clock, inbox, lock, earlier)
    lock.tell(invocation=invocation, started_at=run.started_at, deadline_at=run.deadline_at)
    return dict(run.to_its_end(verdict.proved), acted=True)


def _no_guest(options, environment, root):
    # type: (Options, Any, str) -> dict
    listkeeper.without_guests(options.state_dir, environment, root, Clock())
    return _nothing('no guest is running')


def _nothing(why, code=0):
    # type: (str, int) -> dict
    return {'schema': 1, 'verb': 'host-stop', 'acted': False, 'exit': code, 'why': why}


def stop(options):
    # type: (Options) -> dict
    """A manual shutdown of all guests, or of those named. Raises ConfigurationError, UsageError, HypervisorError."""
    return _by_hand('stop', options, 'asked for by hand')


def shed(options):
    # type: (Options) -> dict
    """As `stop`, for the watcher, on a list of its own: the named guests go off so that the others can stay on for longer. That
    is no reason to force any of them."""
    options.settings.force_nobody(options.guests)
    return _by_hand('shed', options, 'load shedding: the host is on battery')


def drill(options):
    # type: (Options) -> dict
    """As `stop`, on record as a drill."""
    return _by_hand('drill', options, 'a drill')


def _by_hand(verb, options, why):
    # type: (str, Options, str) -> dict
    if options.settings.errors():
        raise ConfigurationError(options.settings.errors())
    limits.widen()
    clock = Clock()
    inbox = Inbox(clock)
    _take_signals(verb, inbox)
    return _Run(verb, options, why, host.detect().limit_s, clock, inbox, None, None).to_its_end(False)


def _console(verb, descriptor, clock):
    # type: (str, int, Clock) -> Any
    """A view for somebody who looks at a terminal; lines for everybody else, and for a host that goes down."""
    if verb != 'host-stop' and terminal.fits(descriptor):
        return terminal.Terminal(descriptor, clock)
    return Console(descriptor, verb == 'host-stop' and 'JOURNAL_STREAM' not in os.environ)


class _Run(object):
    """One real run, or the last part of one whose earlier process was killed (`earlier`: takeup.Earlier)."""

    def __init__(self, verb, options, why, limit_s, clock, inbox, lock, earlier):
        # type: (str, Options, str, float, Clock, Inbox, runlock.RunLock | None, takeup.Earlier | None) -> None
        self._verb, self._options, self._why = verb, options, why
        self._clock, self._inbox, self._lock, self._earlier = clock, inbox, lock, earlier
        self.started_at, self._started = clock.now(), clock.wall()
        self._limit_s = limit_s
        if earlier is not None:
            self.started_at, self._started = earlier.started_at, earlier.started or self._started
            self._limit_s = min(limit_s, earlier.deadline_at - earlier.started_at)
        # One that is past by the time a killed run is taken up is now: those that are still on are told to end.
        self.deadline_at = max(clock.now(), self.started_at + preparation.deadline_s(options, self._limit_s))

    def to_its_end(self, proved):
        # type: (bool) -> dict
        """The run's data. `proved`: the host itself says that it is going down."""
        options, clock, earlier = self._options, self._clock, self._earlier
        # Both fork: before threads, before libvirt.
        self._writer = DiskWriter(options.state_dir, earlier and earlier.number)
        measured, problems = preparation.history_in(options.state_dir, clock)
        if any(isinstance(problem, preparation.Damaged) for problem in problems):
            self._writer.set_aside(preparation.HISTORY)
        keeper = listkeeper.Keeper(self._writer, self._verb, options.state_dir, os.environ, clock)
        problems += keeper.problems
        self._console = _console(self._verb, options.descriptor, clock)
        if self._verb == 'host-stop':
            watchdog.guard(lambda: self.deadline_at, clock, self._console.say, earlier is None)
        meter = feed.begin(options.settings, clock)
        hypervisors = self._hypervisors(proved)
        prepared = preparation.prepare(self._verb, options, hypervisors, self._limit_s, measured, problems)
        core = engine.Engine(prepared.plan, self.deadline_at, self.started_at if earlier is None else clock.now(),
                             options.settings.parallel,
                             lambda guest: preparation.newcomer(options.settings, prepared.history, hypervisors.save_rooms,
                                                                prepared.deadline_s, guest))
        core.started_at = self.started_at
        keeper.write(core.results(), preparation.needs_of(prepared.plan))
        lines = self._begin(core, prepared)
        if earlier is not None:
            takeup.seed(core, earlier, clock.now())
        hypervisors.first_ask_by = lambda: forcing.first_ask_by(core)
        hypervisors.watch(list(prepared.plan.guests.values()), not options.guests)

        def tell(event):
            # type: (Any) -> None
            lines.tell(event)
            keeper.told(event, core.results, lambda: preparation.needs_of(prepared.plan))
            self.deadline_at = core.deadline_at
            if event.what == 'deadline' and self._lock is not None:
                self._lock.tell(deadline_at=core.deadline_at)  # a process that takes this run up keeps to it
        feed.into(self._inbox, meter, options.settings, clock, self.deadline_at)
        engine.run(core, hypervisors, clock, tell)
        keeper.write(core.results(), preparation.needs_of(prepared.plan))
        return self._finish(core, lines, prepared)

    def _hypervisors(self, proved):
        # type: (bool) -> Any
        if self._earlier is not None and not processes.qemu_pids():
            return Hypervisors([], None, self._inbox)  # all that is left to do is to say so
        return preparation.connect(self._options, self._clock, self._inbox, self._verb, proved,
                                   CONNECT_AGAIN_S if self._verb == 'host-stop' else 0)

    def _begin(self, core, prepared):
        # type: (Any, Any) -> _Teller
        """The first lines of the record and on the console."""
        console, earlier = self._console, self._earlier
        console.follow(progress.Progress(self._verb, prepared.deadline_s, progress.known_of(prepared.plan)), self.started_at)
        lines = _Teller(self._writer, console, core, Splash(command.status) if self._verb == 'host-stop' else None)
        if earlier is None or not earlier.lines:
            lines.header(record.header(self._verb, self._started, prepared.deadline_s, self._why, prepared.problems,
                                       core.results(), preparation.needs_of(prepared.plan), self.started_at,
                                       runlock.boot_id()))
        else:
            lines.written = list(earlier.lines)
        for problem in prepared.problems:
            console.say('%s: %s' % ('warning', problem))
        count = len(prepared.plan.order)
        console.say('%s: %d guest%s, %.0f s for everything (%s)' % (self._verb, count, '' if count == 1 else 's',
                                                                    prepared.deadline_s, self._why))
        self._gone = []  # type: list
        if earlier is not None:
            now = self._clock.now()
            lines.tell(Event(round(now - self.started_at, 3), 'notice', None,
                             'the process that shut the guests down was killed; this one takes its run up', None))
            if not prepared.failed:
                self._gone = takeup.gone(earlier, set(prepared.plan.guests), now)
            for event in self._gone:
                lines.tell(event)
        return lines

    def _finish(self, core, lines, prepared):
        # type: (Any, _Teller, Any) -> dict
        results = core.results()
        code = core.exit_code()
        if prepared.failed and code in (0, 3):
            code = 4  # guests of a hypervisor that could not be reached: nobody knows
        if self._earlier is not None:
            before = takeup.results(self._earlier, self._gone, set(result.guest.key for result in results))
            results, code = before + results, takeup.exit_code(code, before)
        end = record.end_line(round(self._clock.now() - core.started_at, 3), code, results)
        self._writer.append(end)
        self._writer.replace(preparation.HISTORY, history.text_of(history.with_run(prepared.history, results)))
        folder = self._options.settings.textfile_dir
        if folder:
            metrics = prometheus.textfile(record.data_of(None, [], '', lines.written + [end]))
            self._writer.replace(prometheus.FILE_NAME, metrics, folder)
        number, problems = self._writer.close(LEAVE_S, self._clock)
        if self._lock is not None:
            self._lock.tell(finished_at=self._clock.now(), exit=code)
        data = record.data_of(number, [], '', lines.written + [end])
        for problem in problems:
            self._console.say('warning: %s' % problem)
        data['warnings'] += problems
        self._console.flush(LEAVE_S)
        return data


class _Teller(object):
    """Carries each event to the record and, for people, to the console."""

    def __init__(self, writer, console, core, splash):
        # type: (DiskWriter, Any, engine.Engine, Any) -> None
        self.written = []  # type: list
        self._writer, self._console, self._core, self._plan = writer, console, core, core.plan
        self._splash = splash
        self._ended = set()  # type: set

    def header(self, line):
        # type: (dict) -> None
        self.written.append(line)
        self._writer.append(line)

    def tell(self, event):
        # type: (Any) -> None
        line = record.event_line(event, self._core.deadline_at - self._core.started_at)
        self.written.append(line)
        self._writer.append(line)
        key, who, tally = event.key, '', ''
        if key in self._plan.guests:
            who = names.shown(self._plan.guests[key].name) + ': '
        if event.what in record.OUTCOMES and key in self._plan.guests:
            self._ended.add(key)
            tally = ' (%d of %d)' % (len(self._ended), len(self._plan.order))
        known = progress.known_of(self._plan) if event.what == 'joined' else None
        self._console.event(line, '%6.1f s  %s%s%s' % (event.at, who, event.text, tally), known)
        if self._splash is not None:
            count = len(self._plan.order)
            self._splash.say('%d of %d guest%s off, %.0f s left' % (len(self._ended), count, '' if count == 1 else 's',
                                                                  self._core.deadline_at - self._core.started_at - event.at))


def _take_signals(verb, inbox):
    # type: (str, Inbox) -> None
    """DESIGN section 6: a host's stop hurries and never ends; a manual one asks no more."""
    def hurry(number, _frame):
        # type: (int, Any) -> None
        inbox.put(Hurry('signal %d' % number))

    def end(number, _frame):
        # type: (int, Any) -> None
        inbox.put(StopAsking(number))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if verb != 'host-stop':
            signal.signal(number, end)
        else:
            signal.signal(number, signal.SIG_IGN if number == signal.SIGHUP else hurry)
