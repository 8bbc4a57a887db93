"""The connection to one libvirtd: opened within bounds, opened again, and watched for silence. Knows no binding."""
from __future__ import absolute_import, division, print_function

from kvm_graceful import workers
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.errors import HypervisorError, HypervisorSilent
from kvm_graceful.hypervisor import libvirtwords as words

CONNECT_S = 10.0         # for libvirt.open(), which on a hung libvirtd never ends
SLOW_CONNECT_S = 120.0   # where a libvirtd answers, but takes seconds for each of the dozen calls of an open()
RECONNECT_S = 0.25       # the first wait; each is twice the last
RECONNECT_MAX_S = 4.0


class Link(object):
    """`opener(uri)` gives a connection or raises; `prepare(connection)` is called with each new one. `was_lost`: this is not the
    first one, and its libvirtd may be another."""

    def __init__(self, uri, clock, opener, prepare):
        # type: (str, Any, Any, Any) -> None
        self.uri = uri
        self.connection = None  # type: Any
        self.reachable = None   # type: Any
        self.was_lost = False
        self.answered_at = clock.now()
        self._clock, self._opener, self._prepare = clock, opener, prepare
        self._lanes = {}        # type: dict
        self._calls = {}        # type: dict

    def connect(self, limit_s=CONNECT_S):
        # type: (float) -> None
        """Raises HypervisorError where there is no connection after `limit_s` seconds.

        `reachable()`, where one is given, is asked first: False for a libvirtd that is not there, or silent, so that no
        thread is left behind in an open() that never ends."""
        if self.reachable is not None and not self.reachable():
            raise HypervisorError('%s: libvirtd is not there, or does not answer' % self.uri)
        back, answer = workers.bounded(lambda: self._opener(self.uri), limit_s)
        if not back:
            raise HypervisorSilent('%s does not answer: no connection after %.0f s' % (self.uri, limit_s))
        if isinstance(answer, Exception):
            raise HypervisorError('%s: no connection: %s' % (self.uri, answer))
        self._prepare(answer)
        self.connection, self._lanes = answer, {}
        self.answered_at = self._clock.now()

    def connect_again(self, limit_s, then):
        # type: (float, Any) -> None
        """Comes back once there is a connection and `then()` went well with it."""
        wait_s, self.was_lost = RECONNECT_S, True
        while True:
            try:
                self.connect(limit_s)
                then()
                return
            except Exception:  # whatever it is, the next try may go well; without this thread nobody sees guests go off
                self._clock.sleep(wait_s)
                wait_s = min(2 * wait_s, RECONNECT_MAX_S)

    def lane(self, name):
        # type: (Any) -> Any
        """A connection of their own for some calls: libvirtd carries out five of one connection at a time (max_client_requests),
        and a few that hang would hold up all others. 0 is the first one. May block, and raise the binding's errors."""
        if not name:
            return self.connection
        if name not in self._lanes:
            self._lanes[name] = self._opener(self.uri)
        return self._lanes[name]

    def is_alive(self):
        # type: () -> bool
        try:
            return self.connection is not None and (not hasattr(self.connection, 'isAlive') or bool(self.connection.isAlive()))
        except Exception:  # the binding's own, which this room does not know
            return False

    def call(self, do):
        # type: (Any) -> Any
        """The result of `do()`, a call to libvirtd that may hang: how long it is out is known meanwhile."""
        mark = object()
        self._calls[mark] = self._clock.now()
        came_back = False
        try:
            result = do()
            came_back = True
            return result
        finally:
            del self._calls[mark]
            if came_back or self.is_alive():  # else its end is that of the connection, and no answer
                self.answered_at = self._clock.now()

    def within(self, do, what):
        # type: (Any, str) -> Any
        """As call(), in bounded time. Raises HypervisorError for libvirt's own errors and for silence, and what `do` raises."""
        back, answer = workers.bounded(lambda: self.call(do), CONNECT_S)
        if not back:
            raise HypervisorSilent('%s does not answer: no %s after %.0f s' % (self.uri, what, CONNECT_S))
        if isinstance(answer, Exception):
            raise answer if words.code_of(answer) is None else HypervisorError('%s: %s: %s' % (self.uri, what, answer))
        return answer

    def silent_s(self):
        # type: () -> float
        """How long a call has been out without any other coming back; 0 where none is out."""
        out = list(self._calls.values())
        return self._clock.now() - max(min(out), self.answered_at) if out else 0.0


def keep_alive(connection, closed, by_libvirt):
    # type: (Any, Any, bool) -> None
    """Calls `closed()` when the connection is lost; `by_libvirt`: also when libvirtd was silent for 20 s. As far as this libvirt
    and this driver can. Where silence is watched for by other means (hypervisor.either) libvirt's own way is best left out: a
    client of 9.0 whose calls are given up by it and whose libvirtd is then killed may crash."""
    for keep in (lambda: by_libvirt and connection.setKeepAlive(5, 3),
                 lambda: connection.registerCloseCallback(lambda *_: closed(), None)):
        try:
            keep()
        except Exception as error:  # AttributeError: an older libvirt; its own: a driver without a connection that could be lost
            if words.code_of(error) is None and not isinstance(error, AttributeError):
                raise
