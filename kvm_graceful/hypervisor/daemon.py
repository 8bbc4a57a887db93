"""The daemon behind libvirt's local socket: is there one, does it answer, and the end of one that hangs."""
from __future__ import absolute_import, division, print_function

import errno
import os
import select
import signal
import socket
import struct

from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.hypervisor import qemuprocess

# Where each listens; /var/run before Debian 7 and Ubuntu 11.10.
SOCKETS = ('/run/libvirt/libvirt-sock', '/run/libvirt/virtqemud-sock', '/var/run/libvirt/libvirt-sock')
DAEMONS = ('libvirtd', 'virtqemud', 'virtproxyd')
LOCAL = ('qemu:///system', 'qemu+unix:///system', 'default')

# remote_internal.x: length, program, version, procedure 66 (which ways to log in are there), call, serial, status. Any
# libvirtd since 0.4 answers it before a log-in, and at once.
_QUESTION = struct.pack('>IIIIiII', 28, 0x20008086, 1, 66, 0, 0, 0)
_LATER = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR, errno.EINPROGRESS)
_LISTENS = 0x10000  # SO_ACCEPTCON in /proc/net/unix


def sockets_of(uri):
    # type: (str) -> tuple | None
    """Paths of the sockets behind a URI of this host's QEMU; None for any other URI."""
    plain, _, query = uri.partition('?')
    if plain not in LOCAL:
        return None
    for word in query.split('&'):
        if word.startswith('socket='):
            return (word[len('socket='):],)
    return SOCKETS


class Daemon(object):
    """What listens on the sockets of one URI."""

    def __init__(self, paths):
        # type: (tuple) -> None
        self._paths = [path for number, path in enumerate(paths)
                       if os.path.realpath(path) not in [os.path.realpath(other) for other in paths[:number]]]

    def processes(self):
        # type: () -> list
        """The daemons that hold one of the sockets: known by executable, and by the listening socket among their files."""
        wanted = self._listening()
        found = []
        for entry in os.listdir('/proc') if wanted else ():
            if entry.isdigit() and qemuprocess.executable(int(entry)) in DAEMONS and wanted & _sockets_held(int(entry)):
                process = qemuprocess.identify(int(entry))
                if process is not None:
                    found.append(process)
        return found

    def would_be_started(self):
        # type: () -> bool
        """True if only systemd listens: a connection would make it start a daemon, whose start waits for our own end."""
        wanted = self._listening()
        return bool(wanted & _sockets_held(1)) and not self.processes()

    def _listening(self):
        # type: () -> set
        """Inodes of the sockets that listen on our paths."""
        found = set()  # type: set
        try:
            with open('/proc/net/unix', 'rb') as stream:
                lines = stream.read().split(b'\n')
        except (IOError, OSError):
            return found
        paths = [path.encode('utf-8') if not isinstance(path, bytes) else path for path in self._paths]
        for line in lines:
            words = line.split(None, 7)
            if len(words) == 8 and words[7] in paths and int(words[3], 16) & _LISTENS:
                found.add(words[6].decode('ascii'))
        return found

    def question(self):
        # type: () -> Question | None
        """A fresh connection with a question under way; None where nobody listens."""
        for path in self._paths:
            try:
                return Question(path)
            except (OSError, IOError):
                continue
        return None

    def answers(self, limit_s):
        # type: (float) -> bool
        """Does a fresh connection get an answer in `limit_s` seconds?"""
        question = self.question()
        return question is not None and question.wait(limit_s) is True

    def end(self):
        # type: () -> list
        """SIGKILL, for one that hangs hears nothing less; QEMU goes on. The pids that were ended."""
        return [process.pid for process in self.processes()
                if qemuprocess.executable(process.pid) in DAEMONS and qemuprocess.send(process, signal.SIGKILL)]


class Question(object):
    """One question on a connection of its own, which a daemon that lives answers at once. Raises OSError where none listens."""

    def __init__(self, path):
        # type: (str) -> None
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._path, self._asked = path, False
        try:
            self._ask()
        except (OSError, IOError):
            self._socket.close()
            raise

    def _ask(self):
        # type: () -> None
        try:
            self._socket.connect(self._path)
            self._asked = self._socket.send(_QUESTION) == len(_QUESTION)
        except (OSError, IOError) as error:
            if error.errno not in _LATER:  # its queue may be full
                raise

    def wait(self, limit_s):
        # type: (float) -> bool | None
        """True for an answer, None for none in `limit_s` seconds, False for a connection that was refused or closed."""
        try:
            poll = select.poll()  # not select(), which knows no descriptor beyond 1023
            if not self._asked:
                poll.poll(int(limit_s * 500))
                self._ask()
            poll.register(self._socket, select.POLLIN)
            if not self._asked or not poll.poll(int(limit_s * 1000)):
                return None
            answer = bool(self._socket.recv(1))
        except (OSError, IOError, select.error) as error:
            if error.args and error.args[0] in _LATER:
                return None
            answer = False
        self.close()
        return answer

    def close(self):
        # type: () -> None
        self._socket.close()


def _sockets_held(pid):
    # type: (int) -> set
    """Inodes of the sockets that a process has open."""
    found = set()
    try:
        for entry in os.listdir('/proc/%d/fd' % pid):
            try:
                target = os.readlink('/proc/%d/fd/%s' % (pid, entry))
            except OSError:
                continue
            if target.startswith('socket:['):
                found.add(target[8:-1])
    except OSError:
        pass
    return found
