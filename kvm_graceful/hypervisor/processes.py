"""QEMU processes of this host, found without libvirt: from /proc alone."""
from __future__ import absolute_import, division, print_function

import errno
import os

from kvm_graceful import names
from kvm_graceful.compat import Any, as_native  # noqa: F401 (Any: type comments)
from kvm_graceful.hypervisor import commandlines, qemuprocess


def _qemus(root):
    # type: (str) -> Any
    """(pid, words of its command line) of each QEMU process, one after the other. One that ends meanwhile is none."""
    # Whoever is not seen for want of a descriptor or of memory is not gone.
    for pid, words in commandlines.each(lambda error: error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOMEM), root):
        if commandlines.is_qemu(words):
            yield pid, words


def qemu_pids(root='/'):
    # type: (str) -> list
    """Pids of all QEMU processes, whoever started them; `root` is where /proc is looked for."""
    return [pid for pid, _ in _qemus(root)]


def by_uuid(root='/'):
    # type: (str) -> dict
    """{uuid: qemuprocess.Process} of the guests that libvirt runs on this host; the elder where two claim to be the same."""
    return dict((uuid, found[0]) for uuid, found in claims(root).items())


def claims(root='/'):
    # type: (str) -> dict
    """{uuid: [qemuprocess.Process]}, the eldest first: anybody may start a program with a guest's UUID on its command line."""
    found = {}  # type: dict
    for pid, words in _qemus(root):
        uuid, process = qemuprocess.uuid_in(words), qemuprocess.identify(pid, root)
        if uuid is not None and process is not None:
            found.setdefault(uuid, []).append(process)
    for processes in found.values():
        processes.sort(key=lambda process: process.started)
    return found


def ages(root='/'):
    # type: (str) -> dict
    """{uuid: seconds since its QEMU was started} of the guests that libvirt runs on this host."""
    ticks = os.sysconf('SC_CLK_TCK')
    try:
        with open(os.path.join(root, 'proc', 'uptime'), 'rb') as stream:
            up_s = float(stream.read(100).split()[0])
    except (IOError, OSError, ValueError, IndexError):
        return {}
    return dict((uuid, up_s - process.started / float(ticks)) for uuid, process in by_uuid(root).items())


def is_incoming(uuid, root='/'):
    # type: (str, str) -> bool
    """Was the QEMU of this guest started to receive a guest, from another host or from a saved file?"""
    return any(qemuprocess.uuid_in(words) == uuid and b'-incoming' in words for _, words in _qemus(root))


def youngest_s(root='/'):
    # type: (str) -> float | None
    """Age of the guest that was started last; None where none is on."""
    found = ages(root).values()
    return min(found) if found else None


def not_handled(uuids, root='/'):
    # type: (set, str) -> list
    """A sentence for each QEMU that is not one of the guests with these `uuids`: it goes down with the host, unasked."""
    found = []
    proc = os.path.join(root, 'proc')
    for pid, words in _qemus(root):
        if qemuprocess.uuid_in(words) in uuids:
            continue
        words = [word.decode('utf-8', 'replace') for word in words]
        try:
            uid = os.stat(os.path.join(proc, str(pid))).st_uid
        except (IOError, OSError):
            continue  # ended meanwhile
        options = dict(zip(words, words[1:]))
        name = names.shown(as_native(options.get('-name', 'without a name').split(',')[0].replace('guest=', '', 1)))
        # libvirt keeps what belongs to a session guest in its user's home: ~/.libvirt before 0.9.13.
        if any(home in word for word in words for home in ('/.config/libvirt/', '/.cache/libvirt/', '/.libvirt/')):
            found.append('%s is a guest of qemu:///session of user %d: not handled, it goes down with the host' % (name, uid))
        else:
            found.append('QEMU process %d (%s) is no guest of qemu:///system: not handled, it goes down with the host'
                         % (pid, name))
    return sorted(found)
