"""libvirt's own event loop, in a thread. Handed the binding: it imports none."""
from __future__ import absolute_import, division, print_function

from kvm_graceful import workers
from kvm_graceful.compat import Any  # noqa: F401 (type comments)

_running = []  # type: list


def start(binding):
    # type: (Any) -> bool
    """Before the first connection; later calls change nothing.

    False where libvirt has no loop of its own (before 0.9.0), or the binding cannot feed it (before 0.9.3): then there are no
    events.
    """
    if _running:
        return True
    binding.registerErrorHandler(lambda *_: None, None)  # else libvirt writes every error to standard error itself
    if not (hasattr(binding, 'virEventRegisterDefaultImpl') and hasattr(binding, 'virEventAddTimeout')):
        return False
    binding.virEventRegisterDefaultImpl()
    # Without any handle the loop would sleep for ever and not see the first connection.
    binding.virEventAddTimeout(5000, lambda *_: None, None)

    def loop():
        # type: () -> None
        while True:
            binding.virEventRunDefaultImpl()
    _running.append(workers.start(loop))
    return True
