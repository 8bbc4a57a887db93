"""Starts guests through one hypervisor: carries out starter's commands in worker threads. Imports no binding, is handed one."""
from __future__ import absolute_import, division, print_function

from kvm_graceful import starter, workers
from kvm_graceful.clock import Clock
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.errors import HypervisorError
from kvm_graceful.hypervisor import domainxml, link
from kvm_graceful.hypervisor import libvirtwords as words

AT_ONCE = 4            # starts under way; and as many calls to agents
PAUSED, BYPASS_CACHE = 1, 4  # VIR_DOMAIN_START_*
SYNC = 1               # VIR_DOMAIN_TIME_SYNC
SET_TIME_TRIES = 5     # the agent of a guest that was just restored needs a moment
PING_S = 2


def connection(opened, uri):
    # type: (Any, str) -> Any
    """What `opened(uri)` gives. Raises HypervisorError; HypervisorSilent after link.CONNECT_S seconds."""
    one = link.Link(uri, Clock(), opened, lambda _: None)
    one.connect()
    return one.connection


class Starting(object):
    """One hypervisor. `connect()` opens a connection or raises HypervisorError; `ping(domain, seconds)` asks the agent."""

    def __init__(self, connect, ping, clock, inbox, bypass_cache):
        # type: (Any, Any, Any, Any, bool) -> None
        self._connect, self._ping, self._clock, self._inbox, self._bypass_cache = connect, ping, clock, inbox, bypass_cache
        self._connection = connect()
        self._calls, self._agents = workers.Workers(AT_ONCE), workers.Workers(AT_ONCE)

    def send(self, command):
        # type: (Any) -> None
        of_agent = isinstance(command, (starter.Ping, starter.SetTime))
        (self._agents if of_agent else self._calls).submit(lambda: self._carry_out(command))

    def _carry_out(self, command):
        # type: (Any) -> None
        try:
            fact = _DO[type(command)](self, command, command.key.split('#')[-1])
        except Exception as error:  # the binding's, or ours without a connection: whatever it is, the next try may go well
            fact = None if isinstance(command, (starter.Ping, starter.SetTime)) else starter.StartFailed(command.key, str(error))
        if fact is not None:
            self._inbox.put(fact)

    def _domain(self, uuid):
        # type: (str) -> Any
        """The domain, over a new connection where the old one is dead."""
        if hasattr(self._connection, 'isAlive') and not self._connection.isAlive():
            self._connection = self._connect()
        return self._connection.lookupByUUIDString(uuid)

    def _look(self, command, uuid):
        # type: (starter.Look, str) -> starter.Looked
        try:
            domain = self._domain(uuid)
        except HypervisorError:
            raise
        except Exception as error:
            if words.code_of(error) != words.NO_DOMAIN:
                raise
            return starter.Looked(command.key, 'absent', False, False)
        return starter.Looked(command.key, state_of(domain), has_agent(domain), bool(domain.autostart()))

    def _start(self, command, uuid):
        # type: (starter.Start, str) -> starter.Started
        domain = self._domain(uuid)
        flags = (PAUSED if command.paused else 0) | (BYPASS_CACHE if self._bypass_cache else 0)
        try:
            self._create(domain, flags)
        except Exception:
            if not domain.isActive():  # else libvirt's autostart was quicker: one of the two starts has to fail
                raise
        return starter.Started(command.key)

    @staticmethod
    def _create(domain, flags):
        # type: (Any, int) -> None
        if not hasattr(domain, 'createWithFlags'):  # libvirt before 0.8.2
            domain.create()
            if flags & PAUSED:
                domain.suspend()
            return
        try:
            domain.createWithFlags(flags) if flags else domain.create()
        except Exception:
            if not flags & BYPASS_CACHE or domain.isActive():
                raise
            domain.createWithFlags(flags & PAUSED)  # some file systems cannot: a start through the cache is better than none

    def _ping_it(self, command, uuid):
        # type: (starter.Ping, str) -> starter.Answered
        self._ping(self._domain(uuid), PING_S)
        return starter.Answered(command.key)

    def _set_time(self, command, uuid):
        # type: (starter.SetTime, str) -> None
        for _ in range(SET_TIME_TRIES):
            try:
                self._domain(uuid).setTime(None, SYNC)
                return
            except Exception:
                self._clock.sleep(1.0)


def state_of(domain):
    # type: (Any) -> str
    """on, off, or saved: off, and a start restores what was saved."""
    if domain.isActive():
        return 'on'
    return 'saved' if hasattr(domain, 'hasManagedSaveImage') and domain.hasManagedSaveImage(0) else 'off'


def has_agent(domain):
    # type: (Any) -> bool
    try:
        return domainxml.parse(domain.XMLDesc(0)).agent != 'none'
    except ValueError:
        return False


_DO = {starter.Look: Starting._look, starter.Start: Starting._start, starter.Ping: Starting._ping_it,
       starter.SetTime: Starting._set_time}  # type: dict


class Several(object):
    """Many hypervisors as one port, opened when the first guest of each is sent something; for engine.run."""

    def __init__(self, open_, inbox):
        # type: (Any, Any) -> None
        self._open, self._inbox = open_, inbox
        self._by_uri = {}  # type: dict

    def connect(self, uris, again_s, clock):
        # type: (list, float, Any) -> list
        """Opens all, trying for `again_s` seconds where it fails. Returns the errors of those that cannot be had."""
        until, errors = clock.now() + again_s, []
        for uri in uris:
            while uri not in self._by_uri:
                try:
                    self._by_uri[uri] = self._open(uri)
                except HypervisorError as error:
                    if clock.now() >= until:
                        errors.append(error)
                        break
                    clock.sleep(1.0)
        return errors

    def send(self, command):
        # type: (Any) -> None
        uri = command.key.rsplit('#', 1)[0]
        if uri in self._by_uri:
            self._by_uri[uri].send(command)
        else:
            self._inbox.put(starter.StartFailed(command.key, 'no connection to %s' % uri))

    def wait(self, until):
        # type: (float) -> list
        return self._inbox.wait(until)
