"""Where libvirt's managed saves go on this host, and how much room there is. Asked by a child: the disk may be dead."""
from __future__ import absolute_import, division, print_function

import os

from kvm_graceful import aside
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.saving import DEAD, Room

# Fixed in libvirt's build (LOCALSTATEDIR); no setting moves it.
SYSTEM = '/var/lib/libvirt/qemu/save'


def room(uri, clock, path=SYSTEM):
    # type: (str, Any, str) -> Room
    """The Room for the saves of `uri`. Unknown where it is not this host's system daemon, or where nobody can look."""
    if uri in ('qemu:///system', 'default'):
        told, wrong = aside.answer(lambda: _look(path), clock)
        words = (told or b'').split()
        if wrong == aside.SILENT:
            return Room(uri, DEAD)
        if len(words) == 2:
            return Room('device %d' % int(words[0]), int(words[1]))
    return Room(uri, None)


def _look(path):
    # type: (str) -> bytes
    """Number of the device and free MiB; nothing where there is no such folder."""
    try:
        free = os.statvfs(path)
        return ('%d %d' % (os.stat(path).st_dev, free.f_bavail * free.f_frsize // (1 << 20))).encode('ascii')
    except OSError:
        return b''
