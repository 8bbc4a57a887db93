"""One guest over its QEMU's monitor: what is said to it, what its answers and events mean. No thread, no wait."""
from __future__ import absolute_import, division, print_function

from kvm_graceful import model
from kvm_graceful.compat import TEXTS, Any, as_native  # noqa: F401 (Any: type comments)
from kvm_graceful.errors import QemuSilent
from kvm_graceful.hypervisor import qemuprocess, qmp

TRY_AGAIN_S = 0.5     # a monitor that closed, or was not there
TELL_SILENT_S = 3.0   # a request that waits for the monitor so long is told of; it stays in hand

# query-status in our words. Postmigrate, and finish-migrate before it, is told by the work that libvirtd had in hand.
_STATES = {'running': (model.RUNNING, ''), 'debug': (model.PAUSED, 'user'), 'suspended': (model.SUSPENDED, ''),
           'io-error': (model.PAUSED, 'I/O error'), 'watchdog': (model.PAUSED, 'watchdog'),
           'internal-error': (model.CRASHED, ''), 'guest-panicked': (model.CRASHED, ''),
           'inmigrate': (model.PAUSED, 'incoming migration'), 'colo': (model.PAUSED, 'migration'),
           'prelaunch': (model.PAUSED, 'starting'), 'restore-vm': (model.PAUSED, 'snapshot'),
           'save-vm': (model.PAUSED, 'snapshot')}
_STOPPED = ('paused', 'postmigrate', 'finish-migrate')
WITHIN_HOST = ('save', 'dump', 'snapshot')  # work within this host, which nobody will finish without libvirtd
_CHANGES = ('STOP', 'RESUME', 'SUSPEND', 'WAKEUP', 'GUEST_PANICKED', 'RESET')
_WORDS = {'Ask': ('system_powerdown',), 'Resume': ('migrate_cancel', 'cont'), 'Wake': ('system_wakeup',),
          'AbortJob': ('migrate_cancel',)}


class Monitored(object):
    """A Known guest. `ready`: its monitor is ours; `gone`: its process has ended, and that was told."""

    def __init__(self, known, clock, tell):
        # type: (Any, Any, Any) -> None
        self.known, self.key = known, known.guest.key
        self._clock, self._tell = clock, tell
        self.line = None      # type: qmp.Line | None
        self.ready = self.gone = False
        self._was_ready = False
        self._ending = ''     # how it goes off, as far as it is known
        self._wanted = {}     # type: dict
        self._sent = set()    # type: set
        self._told_silent = False
        self._next_try_at = 0.0

    # -- commands

    def want(self, command):
        # type: (Any) -> None
        """Carried out as soon as the monitor is ours; a Destroy at once, for a signal needs no monitor."""
        if isinstance(command, model.Destroy):
            self._destroy()
            return
        words = _WORDS.get(type(command).__name__)
        if words is None:
            self._tell(model.SaveFailed(self.key, 'only libvirtd can do that, and it does not answer'))
            return
        if qemuprocess.is_stopped(self.known.process):
            self._signal(qemuprocess.signal.SIGCONT)  # it could not even hear the request
        self._wanted[type(command).__name__] = (command, self._clock.now())
        self._sent.discard(type(command).__name__)
        if self.ready:
            self._deliver()

    def _deliver(self):
        # type: () -> None
        for name in sorted(set(self._wanted) - self._sent):
            self._sent.add(name)
            for word in _WORDS[name]:
                self._execute(word, name if word == _WORDS[name][-1] else '')
        self._told_silent = False

    def _destroy(self):
        # type: () -> None
        """SIGTERM: QEMU flushes its disks and ends."""
        self._ending = self._ending or 'destroyed'
        try:
            if qemuprocess.is_stopped(self.known.process):
                self._signal(qemuprocess.signal.SIGCONT)
            self._signal(qemuprocess.signal.SIGTERM)
        except OSError as error:
            self._tell(model.ForceFailed(self.key, error.strerror or 'no signal could be sent'))

    def _signal(self, number):
        # type: (int) -> None
        qemuprocess.send(self.known.process, number)

    # -- the connection

    def look(self):
        # type: () -> None
        """Now and then: is it gone, can the monitor be had now?"""
        now = self._clock.now()
        if not qemuprocess.is_alive(self.known.process):
            self._is_gone()
            return
        try:
            if self.line is None and self.known.monitor and now >= self._next_try_at:
                self._next_try_at = now + TRY_AGAIN_S
                self.line = qmp.Line(self.known.monitor)
            if self.line is not None and self.line.connect():
                self.line.flush()
        except QemuSilent as error:
            self.close()
            self._say_silent(now, str(error))
        if not self.ready:
            self._say_silent(now, "QEMU's monitor does not answer" if self.known.monitor else 'its monitor is not known')

    def _say_silent(self, now, why):
        # type: (float, str) -> None
        for command, since in self._wanted.values():
            if not self._told_silent and now - since > TELL_SILENT_S:
                self._told_silent = True
                self._tell(model.AskFailed(self.key, why, getattr(command, 'method', None)))

    def close(self):
        # type: () -> None
        """Gives the monitor back: libvirtd, when it is there again, waits for it."""
        if self.line is not None:
            self.line.close()
        self.line, self.ready = None, False
        self._sent.clear()  # whether it was taken nobody can tell

    def hear(self):
        # type: () -> None
        """Takes in what the monitor says."""
        try:
            for message in self.line.received() if self.line is not None else ():
                self.take(message)
        except QemuSilent:
            self.close()
            if not qemuprocess.is_alive(self.known.process):
                self._is_gone()

    def _execute(self, command, name=''):
        # type: (str, str) -> None
        if self.line is not None:
            self.line.send({'execute': command, 'id': name or command})

    def _is_gone(self):
        # type: () -> None
        """Its process has ended: only now it is off."""
        self.close()
        if not self.gone:
            self.gone = True
            # Had it ended by itself or by a signal, the monitor would have said so.
            how = self._ending or ('crashed' if self._was_ready else 'gone')
            self._tell(model.Off(self.key, how, self._clock.now()))

    # -- what it says

    def take(self, message):
        # type: (dict) -> None
        """One thing that the monitor says: anybody's JSON, until its types are known."""
        if 'QMP' in message:
            self._execute('qmp_capabilities')
        elif 'event' in message:
            self._event(message['event'], message.get('data'))
        elif message.get('id') == 'qmp_capabilities':
            self.ready = self._was_ready = True
            self._execute('query-status')
        elif message.get('id') == 'query-status':
            status = message.get('return')
            self._status(status.get('status') if isinstance(status, dict) else None)
        elif message.get('id') in ('Ask', 'Resume', 'Wake', 'AbortJob'):
            self._answered(message)

    def _event(self, name, data):
        # type: (Any, Any) -> None
        if name == 'SHUTDOWN':
            # Since QEMU 2.10 it says whether the guest wanted it.
            by_guest = data.get('guest', True) if isinstance(data, dict) else True
            self._ending = self._ending or ('shutdown' if by_guest else 'destroyed')
        if name == 'SHUTDOWN' or name in _CHANGES:
            self._execute('query-status')

    def _status(self, status):
        # type: (Any) -> None
        if status == 'shutdown':
            # libvirt starts QEMU with -no-shutdown: a guest that has powered off stays until somebody says so.
            self._ending = self._ending or 'shutdown'
            self._execute('quit')
            return
        if status in _STOPPED:
            self._told_state(model.PAUSED, self._why_stopped(status))
        elif isinstance(status, TEXTS):
            self._told_state(*_STATES.get(as_native(status), (model.UNKNOWN, '')))
        if self._wanted:
            self._deliver()

    def _why_stopped(self, status):
        # type: (Any) -> str
        job = self.known.job
        if job in WITHIN_HOST:
            return '%s that was cut off' % job
        if status == 'paused' and not job:
            return self.known.guest.reason or 'user'
        return 'migration'

    def _told_state(self, state, reason):
        # type: (str, str) -> None
        self._tell(model.StateChanged(self.key, state, reason))

    def _answered(self, message):
        # type: (dict) -> None
        command, _ = self._wanted.pop(as_native(message['id']), (None, None))
        if command is None:
            return
        if 'error' in message:
            method = 'abort' if isinstance(command, model.AbortJob) else getattr(command, 'method', None)
            self._tell(model.AskFailed(self.key, qmp.error_in(message), method))
        elif isinstance(command, model.Ask):
            self._tell(model.Asked(self.key, self._clock.now(), command.method))
