"""QEMU's monitor and the guest agent over their own sockets: JSON, one text a line, bounded in size. No thread, no wait."""
from __future__ import absolute_import, division, print_function

import errno
import json
import os
import resource
import socket
import stat

from kvm_graceful.compat import TEXTS, Any, as_bytes, as_native  # noqa: F401 (Any: type comments)
from kvm_graceful.errors import QemuSilent

MAX_LINE = 1 << 20      # the longest reply that is asked for here has some hundred bytes
MAX_UNREAD = 256 << 10  # what one call of `received` takes in: some 0.1 s of reading, so that a flood keeps to the limits of time
SPARE = 2  # descriptors that stay free for looking at processes: without one nobody would see a guest go off
_LATER = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR)


class Line(object):
    """One connection. Every method returns at once; all raise QemuSilent where the other end is gone or talks nonsense."""

    def __init__(self, path):
        # type: (str) -> None
        self._path, self._rest, self._unsent = path, b'', b''
        self.connected = False
        try:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        except (OSError, IOError) as error:
            raise QemuSilent('%s: %s' % (path, error.strerror))
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if limit != resource.RLIM_INFINITY and self._socket.fileno() >= limit - SPARE:
            self.close()
            raise QemuSilent('%s: no descriptor is left for it' % path)
        self._socket.setblocking(False)
        self.connect()

    def fileno(self):
        # type: () -> int
        return self._socket.fileno()

    def connect(self):
        # type: () -> bool
        """False as long as the other end has no room for a connection: QEMU's queue holds one or two."""
        if not self.connected:
            try:
                # The folder belongs to the user that QEMU runs as: a link there may lead to anybody's socket.
                if not stat.S_ISSOCK(os.lstat(self._path).st_mode):
                    raise QemuSilent('%s is no socket' % self._path)
                self._socket.connect(self._path)
                self.connected = True
            except (OSError, IOError, TypeError, ValueError) as error:  # IOError: Python 2
                if getattr(error, 'errno', None) not in _LATER:
                    raise QemuSilent('%s: %s' % (self._path, getattr(error, 'strerror', None) or error))
        return self.connected

    def send(self, data, before=b''):
        # type: (Any, bytes) -> None
        """Sends `data` as JSON, as far as the other end takes it now; the rest goes out with the next call."""
        self._unsent += before + as_bytes(json.dumps(data)) + b'\n'
        self.flush()

    def flush(self):
        # type: () -> bool
        """True when all is out."""
        try:
            while self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent):]
        except (OSError, IOError) as error:
            if error.errno not in _LATER:
                raise QemuSilent('%s: %s' % (self._path, error.strerror))
        return not self._unsent

    def received(self):
        # type: () -> list
        """The JSON objects that are there, [] for none."""
        size = 0
        while size < MAX_UNREAD:
            try:
                part = self._socket.recv(65536)
            except (OSError, IOError) as error:
                if error.errno in _LATER:
                    break
                raise QemuSilent('%s: %s' % (self._path, error.strerror))
            if not part:
                raise QemuSilent('%s was closed' % self._path)
            size += len(part)
            self._rest += part
            if len(self._rest) > MAX_LINE and b'\n' not in self._rest:
                raise QemuSilent('%s: more than %d bytes without an end of line' % (self._path, MAX_LINE))
        lines = self._rest.split(b'\n')
        self._rest = lines.pop()
        return [parsed(line, self._path) for line in lines if line.strip()]

    def close(self):
        # type: () -> None
        self._socket.close()


def parsed(line, where):
    # type: (bytes, str) -> dict
    """One line as an object. An agent marks the start of its first answer with the byte FF: what is before it is old."""
    try:
        data = json.loads(line.rsplit(b'\xff', 1)[-1].decode('utf-8'))
    except (ValueError, RuntimeError):  # RuntimeError: nested too deeply
        raise QemuSilent('%s: not JSON: %.60r' % (where, line[:60]))
    if not isinstance(data, dict):
        raise QemuSilent('%s: not an object: %.60r' % (where, line[:60]))
    return data


def error_in(reply):
    # type: (dict) -> str
    """What an error reply says, bounded and without surprises in its type."""
    error = reply.get('error')
    text = error.get('desc') if isinstance(error, dict) else None
    return as_native(text[:200]) if isinstance(text, TEXTS) else 'refused'
