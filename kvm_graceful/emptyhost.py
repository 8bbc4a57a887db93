"""A host-stop on a host where no guest is on, before anything else is loaded: the host waits for it, and there is nothing to do.

Whatever is not as plain as that is left to shutdown.host_stop, which looks at all of it again.
"""
from __future__ import absolute_import, division, print_function

import errno
import os
import select

from kvm_graceful import places
from kvm_graceful.clock import Clock
from kvm_graceful.hypervisor import commandlines

LINE = b'kvm-graceful: no guest is running\n'
LIMIT_S = 3.0  # for the disk and the console
_STEP_S = 0.002
_CALLS = (['host-stop'], ['host-stop', '--again'])  # as init systems have them
_LISTS = (places.RESTORE, places.SHED, places.STARTED)  # which a shutdown without guests may have to change
_AT_WORK = (b'host-start', b'start', b'stop', b'drill')  # verbs under which guests may be about to start


def nothing_to_do(words, root='/', state_dir=places.STATE_DIR, descriptor=1):
    # type: (list, str, str, int) -> bool
    """True where an init system calls and there is nothing to do, whether the host goes down or not. A unit's first call has said
    so by then, unless the console took nothing. `words`: the command line; `root`: where /proc and /run are looked for."""
    if words not in _CALLS or os.geteuid():
        return False
    try:
        if os.path.exists(os.path.join(places.folder_in_memory(root), places.LOCK)) or _is_anybody_there(root):
            return False
        return _look_and_say(state_dir, b'' if words[1:] else LINE, descriptor)
    except Exception:  # whatever it is: the program does all of it again, and knows how to go on with less
        return False


def _is_anybody_there(root):
    # type: (str) -> bool
    """A QEMU, or a process of ours that is at work on guests."""
    for _, words in commandlines.each(lambda error: error.errno in (errno.ENOENT, errno.ESRCH), root):
        if commandlines.is_qemu(words) or commandlines.is_ours(words, _AT_WORK):
            return True
    return False


def _look_and_say(state_dir, line, descriptor):
    # type: (str, bytes, int) -> bool
    """False where a list of guests lies in `state_dir`, or nobody can tell in time; else `line` is said. A child process does it:
    a dead disk or a blocked console may hang that, and never the shutdown."""
    clock = Clock()
    until = clock.now() + LIMIT_S
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            if not _holds_a_list(state_dir):
                os.write(writer, b'.')
                os.write(descriptor, line)
        finally:
            os._exit(0)
    os.close(writer)
    is_told = bool(select.select([reader], [], [], LIMIT_S)[0] and os.read(reader, 1))
    os.close(reader)
    while is_told and clock.now() < until and not os.waitpid(child, os.WNOHANG)[0]:
        clock.sleep(_STEP_S)
    return is_told


def _holds_a_list(state_dir):
    # type: (str) -> bool
    try:
        return any(name in _LISTS for name in os.listdir(state_dir))
    except OSError as error:
        return error.errno != errno.ENOENT
