"""The guests of this host through QEMU's own sockets: for when libvirtd is dead, or hangs and is about to be."""
from __future__ import absolute_import, division, print_function

import fcntl
import os
import resource
import select
import threading

from kvm_graceful import model, workers
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.errors import QemuSilent
from kvm_graceful.hypervisor import monitored, processes, qemuprocess, qmp, statusfiles
from kvm_graceful.hypervisor.monitored import Monitored

LOOK_S = 0.25        # how often processes are looked at, and monitors that are not ours yet are tried
AGENT_SYNC_S = 2.0   # as long as libvirt's own agents get for the ping
AGENT_TAKES_S = 1.0  # guest-shutdown has no answer unless it fails
AGENTS_AT_ONCE = 20
SPARE_DESCRIPTORS = 40  # of the rest of the process, libvirt's and those of twenty agents included
PROGRESS_S, PROGRESS = 4.0, 1 << 20  # the helper writes 1 MiB at a time; a QEMU that runs writes less to its eventfds


class Direct(object):
    """The port for one local hypervisor. Between `hold` and `release` the guests' monitors are ours, and facts are told."""

    def __init__(self, uri, clock, tell):
        # type: (str, Any, Any) -> None
        self.uri = uri
        self._clock, self._tell = clock, tell
        self._guests = {}  # type: dict
        self._lock = threading.Lock()
        self._commands = []  # type: list
        self._holds = 0    # number of the hold that is in force; 0 for none
        self._times_held = 0
        self._agents = workers.Workers(AGENTS_AT_ONCE)
        self._read, self._write = os.pipe()
        for end in (self._read, self._write):
            fcntl.fcntl(end, fcntl.F_SETFL, fcntl.fcntl(end, fcntl.F_GETFL) | os.O_NONBLOCK)
            fcntl.fcntl(end, fcntl.F_SETFD, fcntl.FD_CLOEXEC)

    def guests(self):
        # type: () -> tuple
        """([Guest that is on, by name], [names of all domains]), from files alone."""
        found = [known.guest for known in statusfiles.on(self.uri)]
        return found, sorted(set([guest.name for guest in found] + statusfiles.names()))

    def hold(self, watched):
        # type: (dict) -> None
        """Takes the monitors of these guests, {key: (Guest, qemuprocess.Process or None)}, as soon as libvirtd has lost them."""
        known = dict((one.guest.key, one) for one in statusfiles.on(self.uri))
        guests, facts = {}, []  # type: dict, list
        for key, (guest, process) in list(watched.items()):  # who is told of an end takes it out
            one = known.get(key)
            if one is None and process is not None and qemuprocess.is_alive(process):
                one = statusfiles.Known(guest, process, '', '', '')
            if one is not None:
                guests[key] = Monitored(one, self._clock, facts.append)
            elif process is not None or guest.uuid not in processes.by_uuid():
                self._tell(model.Off(key, 'gone', self._clock.now()))
        with self._lock:
            self._times_held += 1
            self._holds = number = self._times_held
            self._guests, self._commands = guests, []
        workers.start(lambda: self._serve(number, guests, facts))

    def holds(self):
        # type: () -> bool
        """Whether the monitors are ours, or are to become so."""
        return self._holds != 0

    def saves_progress(self, watched):
        # type: (dict) -> bool
        """Is a guest being saved, and is its QEMU, or libvirt's helper that writes the file, at work on it? Looks twice."""
        saved = [known.process for known in statusfiles.on(self.uri)
                 if known.guest.key in watched and known.job in monitored.WITHIN_HOST]
        if saved:
            saved += qemuprocess.running('libvirt_iohelper')
        before = [qemuprocess.written(process) for process in saved]
        if saved:
            self._clock.sleep(PROGRESS_S)
        return any(qemuprocess.written(process) - was >= PROGRESS for process, was in zip(saved, before))

    def release(self):
        # type: () -> None
        """Gives the monitors back, at once."""
        with self._lock:
            self._holds = 0
            for guest in self._guests.values():
                guest.close()
            self._guests = {}
        self._wake()

    def send(self, command):
        # type: (Any) -> None
        with self._lock:
            guest = self._guests.get(command.key)
            if guest is not None and getattr(command, 'method', '') != 'agent':
                self._commands.append(command)
        if guest is not None and getattr(command, 'method', '') == 'agent':
            self._agents.submit(lambda: self._ask_agent(guest))
        self._wake()

    def _wake(self):
        # type: () -> None
        try:
            os.write(self._write, b'.')
        except OSError:
            pass  # full: it is awake already

    # -- the thread that holds the monitors

    def _serve(self, number, guests, facts):
        # type: (int, dict, list) -> None
        """`facts`: where the guests put theirs. They are told outside of the lock: whoever takes them in has one too."""
        next_look_at = 0.0
        pidfds = _pidfds(guests)
        try:
            while True:
                ready = self._poll(guests, pidfds, max(0.0, next_look_at - self._clock.now()))
                with self._lock:
                    if self._holds != number:
                        return
                    commands, self._commands = self._commands, []
                    for command in commands:
                        if command.key in guests:
                            _survive(guests[command.key].want, command)
                    for key in ready:
                        _survive(guests[key].hear)
                    if self._clock.now() >= next_look_at or any(descriptor in pidfds for descriptor in ready.values()):
                        next_look_at = self._clock.now() + LOOK_S
                        for guest in guests.values():
                            if not guest.gone:
                                _survive(guest.look)
                    for descriptor, key in list(pidfds.items()):
                        if guests[key].gone:
                            os.close(descriptor)
                            del pidfds[descriptor]
                while facts:
                    self._tell(facts.pop(0))
        finally:
            for descriptor in pidfds:
                os.close(descriptor)

    def _poll(self, guests, pidfds, limit_s):
        # type: (dict, dict, float) -> dict
        """{key: descriptor} of the guests of which there is news, after at most `limit_s` seconds."""
        poll = select.poll()
        poll.register(self._read, select.POLLIN)
        by_descriptor = dict(pidfds)
        for key, guest in guests.items():
            line = guest.line
            if line is not None and line.connected:
                by_descriptor[line.fileno()] = key
        for descriptor in by_descriptor:
            if descriptor >= 0:
                poll.register(descriptor, select.POLLIN)
        try:
            found = poll.poll(int(limit_s * 1000) + 1)
            if any(descriptor == self._read for descriptor, _ in found):
                os.read(self._read, 4096)
        except (OSError, select.error):
            return {}  # a signal, or a monitor that was given back meanwhile
        return dict((by_descriptor[descriptor], descriptor) for descriptor, _ in found if descriptor in by_descriptor)

    # -- the guest agent, in worker threads

    def _ask_agent(self, guest):
        # type: (Monitored) -> None
        try:
            fact = ask_agent(guest.known.agent, self._clock)
        except Exception as error:  # whatever an agent says must not cost the guest the power button
            fact = str(error)
        if fact:
            self._tell(model.AskFailed(guest.key, fact, 'agent'))
        else:
            self._tell(model.Asked(guest.key, self._clock.now(), 'agent'))


def _pidfds(guests):
    # type: (dict) -> dict
    """{descriptor that tells of a guest's end: key}; none where that would leave too few for the monitors."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit != resource.RLIM_INFINITY and 2 * len(guests) + SPARE_DESCRIPTORS > limit:
        return {}
    found = ((qemuprocess.watch(guest.known.process), key) for key, guest in guests.items())
    return dict((descriptor, key) for descriptor, key in found if descriptor is not None)


def ask_agent(path, clock):
    # type: (str, Any) -> str
    """Shutdown through the agent behind a channel's socket. An empty text, or why not. Raises QemuSilent."""
    if not path:
        return 'its agent has no socket'
    line = qmp.Line(path)
    try:
        until = clock.now() + AGENT_SYNC_S
        # Its answers to others may still be in the channel: FF clears its half-read request, the number tells ours.
        number = os.getpid()
        line.send({'execute': 'guest-sync-delimited', 'arguments': {'id': number}}, before=b'\xff')
        while True:
            if any(answer.get('return') == number for answer in _answers(line, until, clock)):
                break
            if clock.now() >= until:
                return 'the guest agent does not answer'
        line.send({'execute': 'guest-shutdown', 'arguments': {'mode': 'powerdown'}})
        return _refused(line, clock)
    finally:
        line.close()


def _refused(line, clock):
    # type: (qmp.Line, Any) -> str
    """Why the agent does not shut down; an empty text where it says nothing."""
    until = clock.now() + AGENT_TAKES_S
    while clock.now() < until:
        try:
            answers = _answers(line, until, clock)
        except QemuSilent:
            break  # it went off at once
        for answer in answers:
            if 'error' in answer:
                return qmp.error_in(answer)
    return ''


def _answers(line, until, clock):
    # type: (qmp.Line, float, Any) -> list
    """What comes by the instant `until`, at the first news."""
    if not line.connect():
        clock.sleep(0.05)
        return []
    flushed = line.flush()
    poll = select.poll()
    poll.register(line.fileno(), select.POLLIN | (0 if flushed else select.POLLOUT))
    try:
        poll.poll(int(max(0.0, until - clock.now()) * 1000) + 1)
    except select.error:
        pass
    return line.received()


def _survive(call, *arguments):
    # type: (Any, Any) -> None
    """One guest's fault never stops another from being asked."""
    try:
        call(*arguments)
    except (QemuSilent, OSError, IOError, ValueError, TypeError, AttributeError, KeyError):
        pass  # its next look tries again
