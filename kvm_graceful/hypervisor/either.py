"""One hypervisor of this host by two ways, as one port: through libvirtd while it answers, past it while it does not."""
from __future__ import absolute_import, division, print_function

import threading

from kvm_graceful import model, workers
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.errors import HypervisorError, HypervisorSilent
from kvm_graceful.hypervisor import daemon, qemuprocess, signals, statusfiles
from kvm_graceful.hypervisor.direct import Direct
from kvm_graceful.hypervisor.link import CONNECT_S, SLOW_CONNECT_S
from kvm_graceful.hypervisor.unanswered import Unanswered

FIRST_CONNECT_S = 3.0  # host-stop does not wait longer for a first connection: the guests are known without it
RESTART_S = 1.0        # a libvirtd that is gone no longer than this is being restarted, and its monitors are left alone
DOUBT_S = 3.0          # a call that is out so long is reason to look whether libvirtd answers at all
HUNG_S = 15.0          # DESIGN section 6: a fresh connection that is silent so long
PROBE_S = 5.0          # at most this often
TICK_S = 0.2
STRANGER = 'what listens in the place of libvirtd hangs, and is not ours to end'
LATE_S = 2.0           # libvirt sends SIGTERM at once; QEMU then has the rest of the 15 s that a forced end may take
LIVES_ON_S = 0.1       # how often a QEMU is looked at that libvirtd reported off


class Either(object):
    """`link_of(inbox, keeper)` gives libvirt's port, not connected. `verb`: only a host-stop goes on without any libvirtd from
    the start; `may_end`: the host is proved to be going down, so that a libvirtd that hangs may be ended.

    Facts of both ways go to `inbox`. A request that no answer has come to is sent again when the way changes.
    """

    def __init__(self, uri, clock, inbox, link_of, verb, may_end):
        # type: (str, Any, Any, Any, str, bool) -> None
        self.uri, self.in_doubt, self.urgent_at = uri, False, None  # type: str, bool, float | None
        self._clock, self._inbox, self._may_end = clock, inbox, may_end and verb == 'host-stop'
        self._host_stop = verb == 'host-stop'
        self._lock = threading.RLock()
        self._outbox = workers.Workers(1)
        self._watched = {}      # type: dict
        self._unanswered, self._ends = Unanswered(), signals.Ends()
        self._direct = Direct(uri, clock, self._forward)
        self._daemon = daemon.Daemon(daemon.sockets_of(uri) or ())
        self._libvirt = link_of(self, self)  # its facts come to `put`
        self._libvirt.link.reachable = self._reachable
        self._is_direct = self._is_over_hung = False
        self._lost_at = None    # type: float | None
        self._probed_at = self._looked_at = 0.0
        self._open()

    def _open(self):
        # type: () -> None
        """The first connection. Raises HypervisorError where the guests can be had in no way."""
        limit_s = FIRST_CONNECT_S if self._host_stop else CONNECT_S
        if not self._host_stop:
            self._libvirt.link.reachable = None  # a manual stop may have its libvirtd started
        back, answer = workers.bounded(lambda: self._libvirt.link.connect(SLOW_CONNECT_S), limit_s)
        self._libvirt.link.reachable = self._reachable
        if back and answer is None:
            return
        error = answer if back else HypervisorSilent('%s does not answer: no connection after %.0f s' % (self.uri, limit_s))
        if not isinstance(error, HypervisorError):
            raise error
        if not self._host_stop or not self._direct.guests()[0]:
            raise error
        self._is_direct, self._is_over_hung = True, not back
        self._inbox.put(model.Noticed('%s: libvirtd %s; guests are asked past it'
                                      % (self.uri, 'is there no more' if back else 'does not answer')))

    def _reachable(self):
        # type: () -> bool
        """Never through systemd's own socket: the daemon that it would start waits for our own end."""
        return not (self._host_stop and self._daemon.would_be_started()) and self._daemon.answers(PROBE_S)

    # -- the port

    def guests(self):
        # type: () -> tuple
        """As libvirt_.Hypervisor.guests; in host-stop from the status files, where libvirtd does not tell."""
        if not self._is_direct:
            try:
                return self._libvirt.guests()
            except HypervisorError:
                if not self._host_stop:
                    raise
        found = self._direct.guests()
        if not found[0]:
            raise HypervisorError('%s: libvirtd does not answer, and it has no status file of any guest' % self.uri)
        return found

    def save_room(self):
        # type: () -> Any
        return self._libvirt.save_room()

    def watch(self, guests, newcomers):
        # type: (list, bool) -> None
        found = statusfiles.processes_by_uuid(self.uri)
        with self._lock:
            self._watched = dict((guest.key, (guest, found.get(guest.uuid))) for guest in guests if guest.uri == self.uri)
            if self._is_direct:
                self._direct.hold(self._watched)
        self._libvirt.watch(guests, newcomers)
        if self._watched:
            workers.start(self._keep)

    def send(self, command):
        # type: (Any) -> None
        self._outbox.submit(lambda: self._send(command))  # the lock may be held by whoever changes the way

    def _send(self, command):
        # type: (Any) -> None
        with self._lock:
            self._unanswered.add(command, self._clock.now())
            (self._direct if self._is_direct else self._libvirt).send(command)

    # -- facts

    def put(self, fact):
        # type: (Any) -> None
        """A fact of libvirt's."""
        if isinstance(fact, (model.AskFailed, model.ForceFailed, model.SaveFailed)) and not self._libvirt.link.is_alive():
            return  # the connection failed, not the request: it is sent again
        if isinstance(fact, model.Off):
            self._off_once_it_is(fact)
        elif not self._is_direct or isinstance(fact, model.Asked):
            self._forward(fact)

    def _forward(self, fact):
        # type: (Any) -> None
        newcomer = fact.guest if isinstance(fact, model.Appeared) else None
        process = statusfiles.processes_by_uuid(self.uri).get(newcomer.uuid) if newcomer is not None else None
        with self._lock:
            key = getattr(fact, 'key', None)
            self._unanswered.answered(fact, key)
            if isinstance(fact, model.Off):
                self._watched.pop(key, None)
            elif newcomer is not None:
                self._watched[newcomer.key] = (newcomer, process)
        self._inbox.put(fact)

    def _off_once_it_is(self, fact):
        # type: (model.Off) -> None
        """libvirtd calls a guest off whose QEMU it could not end (a dead disk). No guest that is on is ever reported off."""
        process = self._watched.get(fact.key, (None, None))[1]
        if process is None or fact.how == 'migrated' or not qemuprocess.is_alive(process):
            self._forward(fact)
            return

        def wait():
            # type: () -> None
            while qemuprocess.is_alive(process):
                self._clock.sleep(LIVES_ON_S)
            self._forward(fact._replace(at=self._clock.now()))
        workers.start(wait)

    # -- what libvirt_.Hypervisor tells of its connection

    def lost(self, _error):
        # type: (Exception) -> None
        with self._lock:
            self._lost_at = self._lost_at or self._clock.now()

    def opened(self):
        # type: () -> None
        """libvirtd is there again, and waits for the monitors."""
        self._direct.release()

    def back(self):
        # type: () -> None
        with self._lock:
            self._lost_at = None
            self._go(False)

    # -- which way

    def _keep(self):
        # type: () -> None
        began = self._clock.now() - FIRST_CONNECT_S
        while True:
            try:
                self._signal()
                if self._is_over_hung:
                    self._doubt(began)
                elif self._is_direct:
                    # A connection that was lost is tried by libvirt_.Hypervisor, and comes `back`. The first was only late.
                    is_alive = self._libvirt.link.is_alive()
                    if is_alive and self._daemon.answers(TICK_S):
                        self._go(False)
                    elif not self._daemon.processes():
                        if not is_alive and not self._direct.holds():
                            self._go(True)  # it was there again, and is gone
                    elif self._clock.now() - self._probed_at > PROBE_S:
                        self._doubt(self._clock.now())  # one that came back and hangs, or hung all the time, has the monitors
                elif self._lost_at is not None:
                    if self._clock.now() - self._lost_at >= RESTART_S:
                        self._doubt(self._clock.now())
                elif self._is_starved():
                    self._past_it()
                elif self._libvirt.link.silent_s() > DOUBT_S and self._clock.now() - self._probed_at > PROBE_S:
                    self._doubt(self._clock.now())
            except Exception:  # noqa: S110 (whatever it is: without this thread nobody would go past a dead libvirtd)
                pass
            self._clock.sleep(TICK_S)

    def _signal(self):
        # type: () -> None
        """Now and then, whatever libvirtd does: what QEMUs are told beside it."""
        if self._clock.now() - self._looked_at <= PROBE_S:
            return
        self._looked_at = self._clock.now()
        with self._lock:
            watched, late = dict(self._watched), self._unanswered.late_ends(self._clock.now(), LATE_S)
        signals.let_go_on(watched, self._inbox.put)
        failed = self._ends.send(late, watched, self._inbox.put)
        with self._lock:
            self._unanswered.try_again(failed)
        for key in self._ends.over():
            self._forward(model.Off(key, 'destroyed', self._clock.now()))

    def _go(self, directly, why=''):
        # type: (bool, str) -> None
        """Changes the way, and sends again what was not answered. `why`: for the report."""
        with self._lock:
            self._is_over_hung = False
            if directly and not self._direct.holds():  # given back to a libvirtd that did not come to use them
                self._direct.hold(self._watched)  # may fail, for lack of memory: then it is tried again
            if self._is_direct != directly:
                if not directly:
                    self._direct.release()
                self._is_direct = directly
                self._inbox.put(model.Noticed('%s: %s' % (self.uri, why + '; guests are asked past it' if directly
                                                          else 'libvirtd answers, guests are asked through it')))
            for command in self._unanswered.all():
                (self._direct if directly else self._libvirt).send(command)

    def _doubt(self, since):
        # type: (float) -> None
        """Asks a libvirtd that is silent since the instant `since` on a fresh connection: back once it answers, is gone, or was
        ended, or where it is known to hang and may not be ended."""
        question = self._daemon.question()
        answered_at = self._libvirt.link.answered_at
        self.in_doubt, self.urgent_at = True, None  # what an earlier doubt was told is long past
        try:
            while question is not None:
                answer = question.wait(TICK_S)
                self._signal()
                if answer is False:
                    question.close()
                    if not self._daemon.processes():
                        break
                    # One that drops whoever comes ("Too many active clients") is as good as silent.
                    self._clock.sleep(TICK_S)
                    question = self._daemon.question()
                elif answer or self._libvirt.link.answered_at > answered_at:
                    self._probed_at = self._clock.now()
                    if self._is_direct and self._libvirt.link.connection is not None and self._libvirt.link.is_alive():
                        self._go(False)
                    self._is_over_hung = False
                    return
                if self._has_hung(since) and self._past_it():
                    return
        finally:
            self.in_doubt = False
            if question is not None:
                question.close()
        self._go(True, 'libvirtd is gone')

    def _is_starved(self):
        # type: () -> bool
        """libvirtd answers, but all that it can do at a time hangs with its guests, and a command waits: as good as silent."""
        waits_s = self._libvirt.lanes.waits_s()
        if waits_s <= DOUBT_S or not self._may_end:
            self.in_doubt = False
            return False
        if not self.in_doubt:
            self.in_doubt, self.urgent_at = True, None
        return self._has_hung(self._clock.now() - waits_s)

    def _has_hung(self, since):
        # type: (float) -> bool
        now = self._clock.now()
        return now - since >= HUNG_S or (self.urgent_at is not None and now >= self.urgent_at)

    def _past_it(self):
        # type: () -> bool
        """Goes past a libvirtd that hangs: ends it, where that is allowed. False where it may not be ended yet."""
        if not self._may_end:
            if not self._is_direct:
                self._go(True, 'libvirtd hangs, and only the shutdown of the host may end it')
                self._is_over_hung = True  # its monitors come free, or it answers again, whichever is first
            return False
        if self._direct.saves_progress(self._watched):
            return False
        ended = self._daemon.end()
        for text in ['libvirtd hung, and was ended (pid %d)' % pid for pid in ended] or [STRANGER]:
            self._inbox.put(model.Noticed('%s: %s' % (self.uri, text)))
        self._go(True, 'libvirtd was ended' if ended else 'libvirtd does not answer')
        return True
