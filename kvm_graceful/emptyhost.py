"""A host-stop on a host where no guest is on, before anything else is loaded: the host waits for it, and there is nothing to do.

Whatever is not as plain as that is left to shutdown.host_stop, which looks at all of it again.
"""
from __future__ import absolute_import, division, print_function

import errno
import os

from kvm_graceful import places
from kvm_graceful.clock import Clock
from kvm_graceful.hypervisor import commandlines

LINE = b'kvm-graceful: no guest is running\n'
LIMIT_S = 3.0  # for the disk and the console
_STEP_S = 0.002
_CALLS = (['host-stop'], ['host-stop', '--again'])  # as init systems have them
_LISTS = (places.RESTORE, places.SHED, places.STARTED)  # which a shutdown without guests may have to change
_AT_WORK = (b'host-start', b'start', b'stop')           # verbs of ours that start guests, or know of some


def nothing_to_do(words, root='/', state_dir=places.STATE_DIR, descriptor=1):
    # type: (list, str, str, int) -> bool
    """True for a call of an init system, where there is nothing to do whether the host goes down or not; that was said then,
    except by the second call of a unit. `root`: where /proc and /run are looked for."""
    if words not in _CALLS or os.geteuid():
        return False
    try:
        if os.path.exists(os.path.join(places.folder_in_memory(root), places.LOCK)) or _is_anybody_there(root):
            return False
        return _has_no_list(state_dir, b'' if words[1:] else LINE, descriptor)
    except (IOError, OSError):
        return False


def _is_anybody_there(root):
    # type: (str) -> bool
    """A QEMU, or a process of ours that is at work on guests."""
    for entry in os.listdir(os.path.join(root, 'proc')):
        if not entry.isdigit():
            continue
        try:
            words = commandlines.words_of(int(entry), root)
        except (IOError, OSError) as error:
            if error.errno in (errno.ENOENT, errno.ESRCH):
                continue  # ended meanwhile
            raise
        if commandlines.is_qemu(words) or any(program.split(b'/')[-1] == b'kvm-graceful' and verb in _AT_WORK
                                              for program, verb in zip(words, words[1:])):
            return True
    return False


def _has_no_list(state_dir, line, descriptor):
    # type: (str, bytes, int) -> bool
    """No list of guests lies there; `line` is written then. In a child process: a dead disk or a blocked console may hang it, and
    never the shutdown. True for a dead disk too: the list could not be read."""
    clock = Clock()
    until = clock.now() + LIMIT_S
    child = os.fork()
    if not child:
        try:
            if not _holds_a_list(state_dir):
                os.write(descriptor, line)
                os._exit(0)
        finally:
            os._exit(1)
    while clock.now() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status == 0
        clock.sleep(_STEP_S)
    return True


def _holds_a_list(state_dir):
    # type: (str) -> bool
    try:
        return any(name in _LISTS for name in os.listdir(state_dir))
    except OSError as error:
        return error.errno != errno.ENOENT
