"""Command lines of processes, and which of them are QEMU's or our own. Imports next to nothing, for emptyhost."""
from __future__ import absolute_import, division, print_function

import os

from kvm_graceful.compat import Any  # noqa: F401 (type comments)

_MAX_WORDS = 1 << 20  # a command line of QEMU has some 10 KB
# What libvirt and people run: qemu-system-x86_64, qemu-kvm (RHEL), kvm (Debian before 2013). Not qemu-nbd, qemu-img, qemu-ga.
_EMULATORS, _PREFIX = (b'qemu-kvm', b'kvm', b'qemu'), b'qemu-system-'


def words_of(pid, root='/'):
    # type: (int, str) -> list
    """The command line. Raises IOError or OSError where there is no such process."""
    # not /proc/PID/comm: it came with Linux 2.6.33, Ubuntu 10.04 has 2.6.32
    with open(os.path.join(root, 'proc', str(pid), 'cmdline'), 'rb') as stream:
        return stream.read(_MAX_WORDS).split(b'\0')


def each(is_gone, root='/'):
    # type: (Any, str) -> Any
    """(pid, words of its command line) of each process, one after the other: two hundred at once would be a megabyte.
    `is_gone(error)`: does this IOError or OSError mean that the process has ended? Any other is raised."""
    for entry in os.listdir(os.path.join(root, 'proc')):
        if not entry.isdigit():
            continue
        try:
            words = words_of(int(entry), root)
        except (IOError, OSError) as error:
            if not is_gone(error):
                raise
            continue
        yield int(entry), words


def is_ours(words, verbs):
    # type: (list, Any) -> bool
    """Our own program, with one of these verbs: python3 -Es /usr/sbin/kvm-graceful host-start [--state-dir DIR]"""
    return any(program.split(b'/')[-1] == b'kvm-graceful' and verb in verbs for program, verb in zip(words, words[1:]))


def is_qemu(words):
    # type: (list) -> bool
    """An emulator of another name is known by the options that libvirt always gives."""
    name = words[0].split(b'/')[-1]
    return name in _EMULATORS or (name.startswith(_PREFIX) and name != _PREFIX) or (b'-uuid' in words and b'-name' in words)
