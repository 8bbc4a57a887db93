"""One shutdown of the host at a time: a lock that dies with its holder, and what the holder leaves for the next process.

It lies in /run, which is memory: no dead disk can hang it, and no boot finds that of the last one.
"""
from __future__ import absolute_import, division, print_function

import errno
import fcntl
import json
import os
import stat

from kvm_graceful import places
from kvm_graceful.compat import TEXTS, Any, as_bytes  # noqa: F401 (Any: type comments)
from kvm_graceful.model import DESTROY_S

MARGIN_S = 15.0     # beyond its deadline and one forced end, after which a holder counts as hung
SAME_S = 60.0       # a host-stop so soon after the last is the same shutdown's
WAIT_STEP_S = 0.1
_MAX_BYTES = 65536


class RunLock(object):
    """`number` fields are monotonic instants of this boot. Without /run there is no lock, and everything goes on without."""

    def __init__(self, folder=None, root='/'):
        # type: (str | None, str) -> None
        """`folder` None: the usual one in /run."""
        self._root = root
        self._folder = folder or places.folder_in_memory(root)
        self._descriptor = None  # type: int | None
        self._data = {}          # type: dict

    def is_there(self):
        # type: () -> bool
        """Has there been a host-stop in this boot?"""
        return os.path.exists(os.path.join(self._folder, places.LOCK))

    def take(self, clock):
        # type: (Any) -> dict
        """What the last holder left ({} for nothing), once it has ended. One that is hung is not waited for."""
        self._open()
        while self._descriptor is not None:
            try:
                # Not flock(): that would live on in the child that writes to a dead disk.
                fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except (IOError, OSError) as error:
                if error.errno not in (errno.EACCES, errno.EAGAIN):
                    break
            over_at = self._read().get('deadline_at', clock.now())
            if clock.now() > over_at + DESTROY_S + MARGIN_S:
                break
            clock.sleep(WAIT_STEP_S)
        return self._read()

    def tell(self, **fields):
        # type: (**Any) -> None
        """Leaves these for the next process, beside what is there from this one. A full /run is no reason to stop."""
        self._data.update(fields)
        if self._descriptor is None:
            return
        data = as_bytes(json.dumps(dict(self._data, boot=boot_id(self._root), pid=os.getpid()), sort_keys=True) + '\n')
        try:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.write(self._descriptor, data)
            os.ftruncate(self._descriptor, len(data))
        except OSError:
            pass

    def _open(self):
        # type: () -> None
        try:
            if not os.path.isdir(self._folder):
                usual = os.umask(0o077)  # for the folders above it too
                try:
                    os.makedirs(self._folder)
                finally:
                    os.umask(usual)
            path = os.path.join(self._folder, places.LOCK)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | getattr(os, 'O_NOFOLLOW', 0), 0o600)
        except OSError:
            return
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            return
        fcntl.fcntl(descriptor, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
        self._descriptor = descriptor

    def _read(self):
        # type: () -> dict
        """{} for a file that is empty, torn, of another boot or not ours."""
        if self._descriptor is None:
            return {}
        try:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            data = contents(os.read(self._descriptor, _MAX_BYTES))
        except OSError:
            return {}
        return data if data.get('boot') == boot_id(self._root) else {}


def contents(text):
    # type: (bytes) -> dict
    """What `tell` of a run wrote; {} for what it did not."""
    try:
        data = json.loads(text.split(b'\n')[0].decode('utf-8'))
    except (ValueError, RuntimeError):  # RuntimeError: nested too deeply
        return {}
    return data if _is_sound(data) else {}


def _is_sound(data):
    # type: (Any) -> bool
    return (isinstance(data, dict) and isinstance(data.get('boot'), TEXTS) and isinstance(data.get('invocation', ''), TEXTS)
            and all(_is_instant(data.get(name)) for name in ('started_at', 'deadline_at'))
            and all(_is_instant(data.get(name, 0)) for name in ('finished_at', 'exit')))


def _is_instant(value):
    # type: (Any) -> bool
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e12


def same_shutdown(left, invocation, now, youngest_s):
    # type: (dict, str, float, float | None) -> bool
    """Is a run that left these the run of this very shutdown of the host? `invocation`: systemd's id of the unit's life, the same
    for all of its stop commands; `youngest_s`: age of the QEMU that was started last, None where there is none."""
    if not left:
        return False
    if 'finished_at' not in left:
        return now <= left['deadline_at'] + SAME_S  # one that was cut off long ago belongs to a shutdown that was called off
    since_s = now - left['finished_at']
    if youngest_s is not None and youngest_s < since_s:
        return False  # the host came back, and has guests again
    return left.get('invocation') == invocation if invocation else since_s < SAME_S


def boot_id(root='/'):
    # type: (str) -> str
    """The kernel's name for this boot; empty where it has none (before Linux 2.4)."""
    try:
        with open(os.path.join(root, 'proc/sys/kernel/random/boot_id'), 'rb') as stream:
            return stream.read(64).decode('ascii').strip()
    except (IOError, OSError, ValueError):
        return ''
