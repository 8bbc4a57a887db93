"""Signals to QEMUs beside libvirtd: one that somebody stopped goes on, one that libvirtd does not end is ended."""
from __future__ import absolute_import, division, print_function

import signal

from kvm_graceful import model, names
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.hypervisor import qemuprocess

# Everywhere: `watched`: {key: (Guest, qemuprocess.Process or None)}; `tell(fact)`.


def let_go_on(watched, tell):
    # type: (dict, Any) -> None
    """A QEMU that somebody stopped (SIGSTOP) can neither hear a request nor end: it goes on."""
    for guest, process in watched.values():
        if process is not None and qemuprocess.is_stopped(process) and _sent(process, signal.SIGCONT):
            tell(model.Noticed('%s: its QEMU had been stopped by SIGSTOP, and goes on' % names.shown(guest.name)))


class Ends(object):
    """libvirtd may be stuck with one guest, as where its save hangs on a dead disk: the SIGTERM is ours then, and the news."""

    def __init__(self):
        # type: () -> None
        self._sent = {}  # type: dict

    def send(self, keys, watched, tell):
        # type: (list, dict, Any) -> list
        """SIGTERM to the QEMUs of these guests; the keys of those to whom none could be sent."""
        failed = []
        for guest, process in [watched[key] for key in keys if key in watched]:
            sent = process is not None and _sent(process, signal.SIGTERM)
            if sent:
                self._sent[guest.key] = process
                tell(model.Noticed('%s: libvirtd does not end it; SIGTERM was sent past it' % names.shown(guest.name)))
            elif sent is None:
                failed.append(guest.key)
        return failed

    def over(self):
        # type: () -> list
        """Keys of those that have ended since, each once."""
        gone = sorted(key for key, process in self._sent.items() if not qemuprocess.is_alive(process))
        for key in gone:
            del self._sent[key]
        return gone


def _sent(process, number):
    # type: (qemuprocess.Process, int) -> bool | None
    """False where it is gone, None where it could not be sent: for lack of a descriptor, say."""
    try:
        return qemuprocess.send(process, number)
    except OSError:
        return None
