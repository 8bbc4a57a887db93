"""Guests through libvirt: the only room that imports its binding. Polling is the base, events make it faster."""
from __future__ import absolute_import, division, print_function

import threading

import libvirt

from kvm_graceful import model, workers
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.errors import HypervisorError  # noqa: F401
from kvm_graceful.hypervisor import libvirtcalls as calls
from kvm_graceful.hypervisor import libvirtloop, savedir
from kvm_graceful.hypervisor import libvirtwords as words
from kvm_graceful.hypervisor.lanes import Lanes
from kvm_graceful.hypervisor.libvirtwords import BYPASS_CACHE  # noqa: F401 (for whoever makes a Hypervisor)
from kvm_graceful.hypervisor.link import CONNECT_S, SLOW_CONNECT_S, Link, keep_alive
from kvm_graceful.saving import Room  # noqa: F401 (type comments)

POLL_S = 0.5          # where there are no events
POLL_BESIDE_EVENTS_S = 3.0
AGENTS_AT_ONCE = 10
AGENTS = 'agents'     # the lane of those calls


def start_events():
    # type: () -> bool
    """Runs libvirt's own event loop in a thread; before the first connection. False where libvirt has none (before 0.9.0)."""
    return libvirtloop.start(libvirt)


def _ping(domain, limit_s):
    # type: (Any, int) -> None
    """Raises the binding's error where the agent does not answer in time."""
    import libvirt_qemu  # late: only guests with an agent need it
    libvirt_qemu.qemuAgentCommand(domain, '{"execute":"guest-ping"}', limit_s, 0)


class Hypervisor(object):
    """One libvirt connection. Its facts go to `inbox`; `guests()` may raise HypervisorError, nothing else does.

    `keeper`, where there is one, says when the connection is opened first, and is told `lost(error)`, `opened()` (a new one,
    nothing called on it yet) and `back()` instead of the inbox.
    """

    def __init__(self, uri, clock, inbox, events, save_flags=0, keeper=None):
        # type: (str, Any, Any, bool, int, Any) -> None
        self.uri, self._keeper = uri, keeper
        self._clock, self._inbox, self._events, self._save_flags = clock, inbox, events, save_flags
        self.link = Link(uri, clock, _open, self._prepare)
        self._pressed = set()    # type: set
        self._domains = {}       # type: dict
        self._watched = {}       # type: dict
        self._newcomers = False
        self._ended_by_host = set()  # type: set
        self._under_way = set()  # type: set
        self.lanes = Lanes(clock)
        self._agents = workers.Workers(AGENTS_AT_ONCE)
        self._look_now = threading.Event()
        if keeper is None:
            self.link.connect()

    # -- listing

    def guests(self):
        # type: () -> tuple
        """([Guest that is on, by name], [names of all domains]). Raises HypervisorError."""
        return self.link.within(self._list, 'list of guests')

    def _list(self):
        # type: () -> tuple
        found, all_names = calls.list_guests(self.link.connection, self.uri, self._key)
        for guest, domain in found:
            self._domains[guest.uuid] = domain
        return [guest for guest, _ in found], all_names

    def save_room(self):
        # type: () -> Room
        """Where this hypervisor's saves go."""
        return savedir.room(self.uri, self._clock)

    def _key(self, uuid):
        # type: (str) -> str
        return '%s#%s' % (self.uri, uuid)

    def change_keys(self, name, change):
        # type: (str, Any) -> dict | None
        """{key: text} in the metadata of the guest `name` after `change(keys)`, which gives the new ones; None: no such guest.
        Raises HypervisorError, and what `change` raises."""
        return self.link.within(lambda: calls.change_keys(self.link.connection, name, change), 'metadata of %s' % name)

    # -- commands

    def send(self, command):
        # type: (Any) -> None
        """Hands the command to a worker. One that is still under way for this guest is not sent again."""
        kind = type(command), command  # as tuples, Save(key) and Destroy(key) are equal
        if kind not in self._under_way:
            self._under_way.add(kind)
            by_agent = isinstance(command, model.Ask) and command.method == 'agent'
            if isinstance(command, model.Ask) and not by_agent:
                self._pressed.add(command.key)
            pool = self._agents if by_agent else self.lanes  # type: Any
            pool.submit(lambda lane=AGENTS: self._carry_out(command, lane))

    def _carry_out(self, command, lane):
        # type: (Any, Any) -> None
        key = command.key
        uuid = key.split('#')[-1]
        try:
            fact = self.link.call(lambda: self._do(command, self._domain(uuid, lane), key, uuid))
        except Exception as error:  # the binding's, or whatever a connection that is being replaced leads to
            fact = calls.failure(command, key, str(error))
            self._look_again_at(uuid)
        self._under_way.discard((type(command), command))
        if fact is not None:
            self._inbox.put(fact)
        if not (self._events and isinstance(fact, model.Asked)):
            self._look_now.set()  # a call that failed, or a guest that is gone, shows at once; what was asked has its events

    def _look_again_at(self, uuid):
        # type: (str) -> None
        """It may not be in the state that we think: the next look asks."""
        watched = self._watched.get(uuid)
        if watched is not None:
            self._watched[uuid] = (model.UNKNOWN, '') + watched[2:]

    def _do(self, command, domain, key, uuid):
        # type: (Any, Any, str, str) -> Any
        """The call itself; the fact that it made, if any. Raises libvirtError."""
        if isinstance(command, (model.Destroy, model.Save, model.AbortJob)):
            calls.CALL[type(command)](domain, self._save_flags)
            self._look_again_at(uuid)
            return None
        if not isinstance(command, model.Ask):
            calls.CALL[type(command)](domain, 0)
            return self._state_is(uuid, (model.RUNNING, ''))
        moves = calls.on_the_move(domain)
        if moves is not None:
            return self._state_is(uuid, moves)
        if self._watched.get(uuid, (None, None, False))[2]:
            calls.end_at_shutdown(domain)
        if command.method == 'agent':
            if key in self._pressed:
                return None  # it took so long to get here that the button has been pressed
            calls.ask_agent(domain, _ping)
        else:
            calls.press(domain)
        return model.Asked(key, self._clock.now(), command.method)

    def _domain(self, uuid, lane):
        # type: (str, Any) -> Any
        if lane:
            return self.link.lane(lane).lookupByUUIDString(uuid)
        if uuid not in self._domains:
            self._domains[uuid] = self.link.connection.lookupByUUIDString(uuid)
        return self._domains[uuid]

    # -- watching

    def watch(self, guests, newcomers):
        # type: (list, bool) -> None
        """From now on tells what becomes of these guests; with `newcomers` also of those that are started."""
        self._watched = dict((one.uuid, (one.state, one.reason, one.restarts)) for one in guests if one.uri == self.uri)
        self._newcomers = newcomers
        if self._watched:
            workers.start(self._watch)

    def _watch(self):
        # type: () -> None
        span_s = POLL_BESIDE_EVENTS_S if self._events else POLL_S
        self._look_now.set()  # a guest may have gone off between the list and the first event
        while True:
            self._look_now.wait(span_s)
            self._look_now.clear()
            self.lanes.waits_s()
            try:
                self.link.call(self._look)
            except Exception as error:  # whatever it is: this thread is what sees guests go off, and goes on
                self._lost(error)

    def _look(self):
        # type: () -> None
        before = set(self._watched)  # one that goes off while the list is made is no newcomer
        on = calls.uuids_on(self.link.connection)
        for uuid, (state, _, _) in list(self._watched.items()):
            if uuid not in on:
                how = calls.how_it_ended(self.link.connection, uuid, self._events and self.link.was_lost)
                if how is not None:
                    self._tell_off(uuid, how)
            elif state != model.RUNNING or not self._events:  # without events nobody else tells of a pause
                self._unless_gone(lambda uuid=uuid: self._tell_state(uuid, calls.state_of(on[uuid])))
        for uuid in set(on) - before - set(self._watched):
            self._unless_gone(lambda uuid=uuid: self._tell_newcomer(on[uuid]))

    @staticmethod
    def _unless_gone(look):
        # type: (Any) -> None
        """A transient guest that vanishes under the look is no lost connection: the next look sees that it is gone."""
        try:
            look()
        except libvirt.libvirtError as error:
            if error.get_error_code() != words.NO_DOMAIN:
                raise

    def _tell_off(self, uuid, how):
        # type: (str, str) -> None
        if self._watched.pop(uuid, None) is None:
            return  # the event and the poll have both seen it
        if how == 'shutdown' and uuid in self._ended_by_host:
            how = 'destroyed'  # a signal ended its QEMU: libvirt calls that shutdown too
        self._inbox.put(model.Off(self._key(uuid), how, self._clock.now()))

    def _tell_state(self, uuid, state):
        # type: (str, tuple) -> None
        watched = self._watched.get(uuid)
        if watched is not None and watched[:2] != state:
            self._inbox.put(self._state_is(uuid, state))

    def _state_is(self, uuid, state):
        # type: (str, tuple) -> model.StateChanged
        if uuid in self._watched:
            self._watched[uuid] = state + self._watched[uuid][2:]
        return model.StateChanged(self._key(uuid), state[0], state[1])

    def _tell_newcomer(self, domain):
        # type: (Any) -> None
        uuid = domain.UUIDString()
        if self._newcomers and uuid not in self._watched:
            guest = calls.newcomer(domain, self.uri, self._key)
            self._domains[uuid] = domain
            self._ended_by_host.discard(uuid)
            self._watched[uuid] = (guest.state, guest.reason, guest.restarts)
            self._inbox.put(model.Appeared(guest))

    def _on_event(self, _connection, domain, event, detail, _opaque):
        # type: (Any, Any, int, int, Any) -> None
        """In libvirt's own thread: no call to libvirt may be made here."""
        uuid = domain.UUIDString()
        if uuid not in self._watched:
            if event == words.STARTED:
                self._look_now.set()
        elif event == words.SHUTDOWN:
            if detail == words.SHUTDOWN_BY_HOST:
                self._ended_by_host.add(uuid)
        elif event == words.STOPPED:
            self._tell_off(uuid, words.STOPPED_HOW.get(detail, 'gone'))
        elif event == words.SUSPENDED and detail == words.SUSPENDED_FOR_ANY_REASON:
            self._look_again_at(uuid)
            self._look_now.set()
        else:
            state = words.state_after(event, detail)
            if state is not None:
                self._tell_state(uuid, state)

    def _on_reboot(self, _connection, domain, _opaque):
        # type: (Any, Any, Any) -> None
        self._inbox.put(model.Rebooted(self._key(domain.UUIDString())))

    # -- the connection

    def _prepare(self, connection):
        # type: (Any) -> None
        if self._events and hasattr(connection, 'domainEventRegisterAny'):
            connection.domainEventRegisterAny(None, words.LIFECYCLE, self._on_event, None)
            connection.domainEventRegisterAny(None, words.REBOOT, self._on_reboot, None)
            keep_alive(connection, self._look_now.set, self._keeper is None)

    def _lost(self, error):
        # type: (Exception) -> None
        """Tells that states are unknown, and connects again. Guests that went off meanwhile show at the next look."""
        if self._keeper is not None:
            self._keeper.lost(error)
        else:
            for uuid in list(self._watched):
                self._inbox.put(model.StateUnknown(self._key(uuid), str(error)))
        on = []  # type: list

        def then():
            # type: () -> None
            if self._keeper is not None:
                self._keeper.opened()
            self._under_way.clear()
            self._domains.clear()  # those of the old connection are dead with it
            on[:] = self._list()[0]
        self.link.connect_again(CONNECT_S if self._keeper is None else SLOW_CONNECT_S, then)
        if self._keeper is not None:
            self._keeper.back()
        else:
            for guest in on:
                self._inbox.put(model.StateKnown(guest.key))
        self._look_now.set()


def _open(uri):
    # type: (str) -> Any
    return libvirt.open(None if uri == 'default' else uri)


opened, ping = _open, _ping  # for rooms that have calls of their own: restore, check
