"""Command lines of processes, and which of them are QEMU's. Imports nothing but os, for emptyhost."""
from __future__ import absolute_import, division, print_function

import os

_MAX_WORDS = 1 << 20  # a command line of QEMU has some 10 KB
# What libvirt and people run: qemu-system-x86_64, qemu-kvm (RHEL), kvm (Debian before 2013). Not qemu-nbd, qemu-img, qemu-ga.
_EMULATORS, _PREFIX = (b'qemu-kvm', b'kvm', b'qemu'), b'qemu-system-'


def words_of(pid, root='/'):
    # type: (int, str) -> list
    """The command line. Raises IOError or OSError where there is no such process."""
    # not /proc/PID/comm: it came with Linux 2.6.33, Ubuntu 10.04 has 2.6.32
    with open(os.path.join(root, 'proc', str(pid), 'cmdline'), 'rb') as stream:
        return stream.read(_MAX_WORDS).split(b'\0')


def is_qemu(words):
    # type: (list) -> bool
    """An emulator of another name is known by the options that libvirt always gives."""
    name = words[0].split(b'/')[-1]
    return name in _EMULATORS or (name.startswith(_PREFIX) and name != _PREFIX) or (b'-uuid' in words and b'-name' in words)
