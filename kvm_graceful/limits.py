"""What this process may use: as much as a bad night takes, whatever it was started with."""
from __future__ import absolute_import, division, print_function

import resource
import threading

DESCRIPTORS = 65536     # two for each guest past libvirtd, and 10,000 guests are planned for
STACK = 1 << 20         # of a thread: glibc takes 8 MiB, and where memory is not overcommitted each of them counts
OOM_SCORE_ADJ = '-900'  # as in the unit: a guest is worth less than what shuts all of them down


def widen():
    # type: () -> None
    """Before the first thread. What is refused is gone without: the unit forbids these calls, and has set what it needs."""
    for kind, wanted in ((resource.RLIMIT_NOFILE, DESCRIPTORS), (resource.RLIMIT_AS, resource.RLIM_INFINITY),
                         (resource.RLIMIT_DATA, resource.RLIM_INFINITY)):
        soft, hard = resource.getrlimit(kind)
        if _is_less(soft, wanted) and not _set(kind, wanted, wanted if _is_less(hard, wanted) else hard):
            _set(kind, hard, hard)  # as far as one may without being privileged
    threading.stack_size(STACK)
    _adjust('/proc/self/oom_score_adj', OOM_SCORE_ADJ)


def _is_less(limit, other):
    # type: (int, int) -> bool
    return limit != resource.RLIM_INFINITY and (other == resource.RLIM_INFINITY or limit < other)


def _set(kind, soft, hard):
    # type: (int, int, int) -> bool
    try:
        resource.setrlimit(kind, (soft, hard))
    except (ValueError, OSError, resource.error):  # the last: Python 2
        return False
    return True


def _adjust(path, text):
    # type: (str, str) -> None
    """On systemd the unit says so, elsewhere nobody. Linux before 2.6.36 has no such file."""
    try:
        with open(path, 'r+') as stream:
            if int(stream.read()) > int(text):
                stream.seek(0)
                stream.write(text)
    except (IOError, OSError, ValueError):
        pass
