"""One QEMU process: which it is, whether it lives, and signals that never reach another one of the same number."""
from __future__ import absolute_import, division, print_function

import errno
import os
import signal
from collections import namedtuple

from kvm_graceful.compat import Any  # noqa: F401 (type comments)

# A pid alone is used again; a pid and the instant at which it was started (clock ticks since boot) is one process for ever.
Process = namedtuple('Process', 'pid started')


def identify(pid, root='/'):
    # type: (int, str) -> Process | None
    """The process that has this pid now; None where none has, or only a dead one that was not collected, or nobody can look."""
    try:
        return _look(pid, root)
    except (IOError, OSError):
        return None


def _look(pid, root):
    # type: (int, str) -> Process | None
    """As identify. Raises IOError or OSError where that cannot be known: no descriptor is left, no memory."""
    try:
        with open(os.path.join(root, 'proc', str(pid), 'stat'), 'rb') as stream:
            fields = stream.read(4096).rsplit(b')', 1)[1].split()  # the name before it may hold anything
        # Z with other threads: the main one has ended, and one that waits for a dead disk, say, lives on.
        is_gone = fields[0] in (b'X', b'x') or fields[0] == b'Z' and int(fields[17]) <= 1
        return None if is_gone else Process(pid, int(fields[19]))
    except (ValueError, IndexError):
        return None
    except (IOError, OSError) as error:
        if error.errno not in (errno.ENOENT, errno.ESRCH):
            raise
        return None


def is_alive(process, root='/'):
    # type: (Process, str) -> bool
    """False only where it is known to be gone: unknown is never taken for off."""
    try:
        return _look(process.pid, root) == process
    except (IOError, OSError):
        return True


def is_stopped(process, root='/'):
    # type: (Process, str) -> bool
    """True if somebody sent it SIGSTOP."""
    try:
        with open(os.path.join(root, 'proc', str(process.pid), 'stat'), 'rb') as stream:
            return stream.read(4096).rsplit(b')', 1)[1].split()[0] == b'T'  # not t, which a debugger looks at
    except (IOError, OSError, IndexError):
        return False


def executable(pid):
    # type: (int) -> str
    """Name of the program that a process runs; one that was upgraded meanwhile counts as itself."""
    try:
        path = os.readlink('/proc/%d/exe' % pid)
    except OSError:
        return ''
    return os.path.basename(path[:-len(' (deleted)')] if path.endswith(' (deleted)') else path)


def running(name):
    # type: (str) -> list
    """A Process for each that runs the program of that name."""
    found = [identify(int(entry)) for entry in os.listdir('/proc') if entry.isdigit() and executable(int(entry)) == name]
    return [process for process in found if process is not None]


def uuid_in(words):
    # type: (list) -> str | None
    """The UUID that libvirt gave a QEMU on its command line."""
    try:
        return words[words.index(b'-uuid') + 1].decode('ascii')
    except (ValueError, IndexError):
        return None


def name_in(words):
    # type: (list) -> bytes | None
    """The guest's name on QEMU's command line: `-name guest=NAME,...`, before QEMU 2.1 `-name NAME`; a comma in it is doubled."""
    try:
        text = words[words.index(b'-name') + 1]
    except (ValueError, IndexError):
        return None
    name = text.replace(b',,', b'\0').split(b',')[0].replace(b'\0', b',')
    return name[6:] if name.startswith(b'guest=') else name


def written(process, root='/'):
    # type: (Process, str) -> int
    """Bytes that it has written since it was started, to whatever: grows while its memory is being saved. 0 where unknown."""
    try:
        with open(os.path.join(root, 'proc', str(process.pid), 'io'), 'rb') as stream:
            words = stream.read(4096).split()
        return int(words[words.index(b'wchar:') + 1])
    except (IOError, OSError, ValueError, IndexError):
        return 0


def send(process, number, root='/'):
    # type: (Process, int, str) -> bool
    """Sends a signal, if it is still that very process. False where it is gone. Raises OSError where it may not be sent.

    With a pidfd (Linux 5.3, Python 3.9) the process cannot be replaced by another between the look and the signal.
    """
    opened = getattr(os, 'pidfd_open', None)
    descriptor = None
    try:
        if opened is not None and root == '/':
            try:
                descriptor = opened(process.pid)
            except OSError as error:
                if error.errno == errno.ESRCH:
                    return False
        if _look(process.pid, root) != process:  # raises where that cannot be known: no signal goes to a number alone
            return False
        if descriptor is not None:
            _by_pidfd()(descriptor, number)
        else:
            os.kill(process.pid, number)
        return True
    except OSError as error:
        if error.errno == errno.ESRCH:
            return False
        raise
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _by_pidfd():
    # type: () -> Any
    return getattr(signal, 'pidfd_send_signal')  # noqa: B009 (Python 3.9)


def watch(process):
    # type: (Process) -> int | None
    """A descriptor that poll() finds readable when the process ends; None where the system has none."""
    opened = getattr(os, 'pidfd_open', None)
    if opened is None:
        return None
    try:
        descriptor = opened(process.pid)  # type: int
    except OSError:
        return None
    if is_alive(process):
        return descriptor
    os.close(descriptor)
    return None
