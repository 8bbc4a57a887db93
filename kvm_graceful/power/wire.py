"""A TCP connection that is opened when it is needed and never waited for longer than a few seconds."""
from __future__ import absolute_import, division, print_function

import socket

from kvm_graceful.compat import Any  # noqa: F401 (type comments)

LIMIT_S = 3.0           # for one whole exchange, the connect included
_MAX_BYTES = 1 << 20    # of one exchange; the longest list of variables that a driver has is a few KiB

Silent = socket.timeout

# ValueError: a host name that cannot be written in the DNS, or an answer that makes no sense.
FAILURES = (socket.error, IOError, OSError, ValueError)


class Wire(object):
    """Sends and receives within bounds. Raises one of FAILURES; the caller then closes it, and the next `begin` connects anew."""

    def __init__(self, host, port, clock):
        # type: (str, int, Any) -> None
        self._place, self._clock = (host, port), clock
        self._socket = None  # type: Any
        self._rest, self._got, self._until = b'', 0, 0.0

    def begin(self):
        # type: () -> bool
        """Opens the connection where there is none, and starts the time of an exchange. True for an old connection."""
        self._until, self._got = self._clock.now() + LIMIT_S, 0
        if self._socket is not None:
            return True
        self._rest = b''
        self._socket = socket.create_connection(self._place, LIMIT_S)
        return False

    def send(self, data):
        # type: (bytes) -> None
        self._bound()
        self._socket.sendall(data)

    def line(self):
        # type: () -> bytes
        """The next line, without its end."""
        while b'\n' not in self._rest:
            self._receive()
        line, _, self._rest = self._rest.partition(b'\n')
        return line

    def exactly(self, count):
        # type: (int) -> bytes
        """The next `count` bytes."""
        while len(self._rest) < count:
            self._receive()
        data, self._rest = self._rest[:count], self._rest[count:]
        return data

    def close(self):
        # type: () -> None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _receive(self):
        # type: () -> None
        self._bound()
        got = self._socket.recv(65536)
        self._got += len(got)
        if not got:
            raise IOError('the connection was closed')
        if self._got > _MAX_BYTES:
            raise ValueError('the answer has no end')
        self._rest += got

    def _bound(self):
        # type: () -> None
        remaining_s = self._until - self._clock.now()
        if remaining_s <= 0:  # a server that sends a byte a second would never run into the socket's own limit
            raise socket.timeout('timed out')
        self._socket.settimeout(remaining_s)


def why(error):
    # type: (BaseException) -> str
    return getattr(error, 'strerror', None) or str(error) or 'no answer'
