"""A process that stands still although nobody stopped it: a tracer holds its main thread, as the kernel holds one that waits
for a dead disk. Signals to it wait. (One stopped by SIGSTOP is let go on by the program under test.)"""

import contextlib
import ctypes
import os

from .libvirtd import LabError

PTRACE_ATTACH, PTRACE_DETACH = 16, 17
WALL = 0x40000000


@contextlib.contextmanager
def held(pid):
    """To be used by one thread. LabError where no process may be traced."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(PTRACE_ATTACH, pid, None, None):
        raise LabError('no process can be traced: %s' % os.strerror(ctypes.get_errno()))
    os.waitpid(pid, WALL)
    try:
        yield
    finally:
        libc.ptrace(PTRACE_DETACH, pid, None, None)
