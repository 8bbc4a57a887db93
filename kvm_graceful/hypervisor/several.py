"""Several hypervisors as one port. Those that cannot be had are remembered, and keep nobody else from being asked."""
from __future__ import absolute_import, division, print_function

from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.errors import HypervisorError

LOOK_UP_S = 1.0


class Hypervisors(object):
    """The port over connections made by `connect(uri)`, which may raise HypervisorError.

    `first_ask_by()`, once it is given, says by when the first guest that no request has reached must be asked.
    `failed`: the errors of those that cannot be used; `names`: of all domains, on or off, and `save_rooms`, {uri: saving.Room},
    once `guests()` was called.
    """

    def __init__(self, uris, connect, inbox):
        # type: (list, Any, Any) -> None
        self._inbox = inbox
        self.first_ask_by = None  # type: Any
        self._by_uri = {}  # type: dict
        self.failed, self.names = [], []  # type: list, list
        self.save_rooms = {}  # type: dict
        for uri in uris:
            if uri not in self._by_uri:
                try:
                    self._by_uri[uri] = connect(uri)
                except HypervisorError as error:
                    self.failed.append(error)

    def guests(self):
        # type: () -> list
        """All guests that are on, by URI and name."""
        found, self.names = [], []
        for uri in sorted(self._by_uri):
            try:
                guests, names = self._by_uri[uri].guests()
            except HypervisorError as error:
                self.failed.append(error)
            else:
                found += guests
                self.names += names
                self.save_rooms[uri] = self._by_uri[uri].save_room()
        return found

    def change_keys(self, name, change):
        # type: (str, Any) -> dict | None
        """As Hypervisor.change_keys of the first one that has a guest of that name."""
        for uri in sorted(self._by_uri):
            keys = self._by_uri[uri].change_keys(name, change)
            if keys is not None:
                return keys
        return None

    def watch(self, guests, newcomers):
        # type: (list, bool) -> None
        """From now on `wait` tells when one of these guests goes off."""
        for hypervisor in self._by_uri.values():
            hypervisor.watch(guests, newcomers)

    def send(self, command):
        # type: (Any) -> None
        self._by_uri[command.key.rsplit('#', 1)[0]].send(command)

    def wait(self, until):
        # type: (float) -> list
        """Looks up at least once a second: a hypervisor in doubt has to know how much time is left."""
        for hypervisor in self._by_uri.values():
            if getattr(hypervisor, 'in_doubt', False) and self.first_ask_by is not None:
                hypervisor.urgent_at = self.first_ask_by()
        return self._inbox.wait(min(until, self._inbox.clock.now() + LOOK_UP_S))
