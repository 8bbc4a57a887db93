"""Finds what is still at work on guests when the host goes down, host-start above all, and ends it before they are shut down."""
from __future__ import absolute_import, division, print_function

import os
import signal

from kvm_graceful import record
from kvm_graceful.compat import Any, as_bytes  # noqa: F401 (Any: type comments)
from kvm_graceful.hypervisor import commandlines

LIMIT_S = 10.0  # it has 5 s for starts under way


def end(root, clock, state_dir):
    # type: (str, Any, str) -> None
    """Ends each start of this state directory, and each shedding of its watcher, and waits until it is gone, 10 s at most. On
    systemd host-start's unit has been stopped before; elsewhere nobody does."""
    until, told = clock.now() + LIMIT_S, set()  # type: float, set
    while clock.now() < until:
        found = [pid for verb in (b'host-start', b'start') for pid in pids(root, verb, state_dir)]
        found += pids(root, b'stop', state_dir, b'--shed')
        if not found:
            return
        for pid in found:
            if pid not in told:
                told.add(pid)
                try:
                    os.kill(pid, signal.SIGTERM)
                except OSError:
                    pass  # ended meanwhile
        clock.sleep(0.05)


def pids(root, verb, state_dir, option=None):
    # type: (str, bytes, str, bytes | None) -> list
    """Processes of our own program with that verb and that state directory, and with that option where one is given."""
    proc = os.path.join(root, 'proc')
    found = []
    for entry in os.listdir(proc):
        if not entry.isdigit():
            continue
        try:
            if os.stat(os.path.join(proc, entry)).st_uid != os.geteuid():
                continue  # anybody may write these words on a command line; ours is root's
            with open(os.path.join(proc, entry, 'cmdline'), 'rb') as stream:
                words = stream.read(4096).split(b'\0')
        except (IOError, OSError):
            continue
        is_one = option in [None] + words and commandlines.is_ours(words, (verb,))
        if is_one and dict(zip(words, words[1:])).get(b'--state-dir', as_bytes(record.STATE_DIR)) == as_bytes(state_dir):
            found.append(int(entry))
    return found
