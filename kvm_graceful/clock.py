"""The only room that reads a clock."""
from __future__ import absolute_import, division, print_function

import select
import time

from kvm_graceful.compat import Any  # noqa: F401 (type comments)


def _clock_gettime():
    # type: () -> Any
    """time.monotonic for Python before 3.3: CLOCK_MONOTONIC through the C library."""
    import ctypes  # late: only Python 2 has to pay for it

    class Timespec(ctypes.Structure):
        _fields_ = [('tv_sec', ctypes.c_long), ('tv_nsec', ctypes.c_long)]

    for library in ('libc.so.6', 'librt.so.1'):  # glibc before 2.17 has it in librt
        try:
            call = ctypes.CDLL(library, use_errno=True).clock_gettime
            break
        except (OSError, AttributeError):
            continue
    else:
        raise OSError('no clock_gettime in this C library')

    def monotonic():
        # type: () -> float
        spec = Timespec()
        if call(1, ctypes.byref(spec)):
            raise OSError(ctypes.get_errno(), 'clock_gettime')
        return spec.tv_sec + spec.tv_nsec * 1e-9
    return monotonic


monotonic = getattr(time, 'monotonic', None) or _clock_gettime()


class Clock(object):
    """The real clock. `now()` is in monotonic seconds: it never jumps when somebody sets the time."""

    def now(self):
        # type: () -> float
        return monotonic()

    def wall(self):
        # type: () -> str
        """The time of day, UTC, for people: 2026-11-23T15:04:05Z. Nothing is ever computed from it."""
        return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())

    def sleep(self, span_s):
        # type: (float) -> None
        try:
            # Not time.sleep(), which since Python 3.11 wakes at an instant: threads that must never end would depend on its
            # errors.
            select.select([], [], [], max(0, span_s))
        except (OSError, select.error):
            pass  # a signal
