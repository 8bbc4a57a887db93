"""A call that may hang on a dead disk, made by a child process: it can hang the child, and never the shutdown or its end.

A thread would not do: one that waits for a dead disk cannot be killed, and its process cannot be collected.
"""
from __future__ import absolute_import, division, print_function

import errno
import os
import select

from kvm_graceful.compat import Any  # noqa: F401 (type comments)

LIMIT_S = 2.0  # a disk that has not answered by then is as good as dead
SILENT = 'does not answer'


def answer(call, clock, limit_s=LIMIT_S):
    # type: (Any, Any, float) -> tuple
    """(bytes that `call()` gives, empty text), or (None, why not) after at most `limit_s` seconds. `call` raises nothing."""
    try:
        ours, theirs = os.pipe()
    except OSError as error:
        return None, 'cannot be looked at: %s' % error.strerror
    try:
        pid = os.fork()
    except OSError as error:
        os.close(ours)
        os.close(theirs)
        return None, 'cannot be looked at: %s' % error.strerror
    if not pid:
        _child(call, theirs)
    os.close(theirs)
    try:
        data = _all_of(ours, clock, clock.now() + limit_s)
    finally:
        os.close(ours)
    if data is None:
        return None, SILENT
    os.waitpid(pid, 0)
    return data, ''


def _all_of(descriptor, clock, until):
    # type: (int, Any, float) -> bytes | None
    """What comes until the other end is closed; None where that is not by the instant `until`."""
    poll = select.poll()  # not select(), which knows no descriptor beyond 1023
    poll.register(descriptor, select.POLLIN)
    parts = []  # type: list
    while True:
        try:
            if not poll.poll(int(max(0.0, until - clock.now()) * 1000) + 1):
                return None
            part = os.read(descriptor, 1 << 20)
        except (OSError, select.error) as error:
            if error.args[0] != errno.EINTR:
                raise
            continue
        if not part:
            return b''.join(parts)
        parts.append(part)


def _child(call, answers):
    # type: (Any, int) -> None
    """Never returns."""
    try:
        # A child that hangs would keep open what it has inherited: pipes whose end others wait for, QEMU's monitors.
        for entry in os.listdir('/proc/self/fd'):
            if int(entry) != answers:
                _close(int(entry))
        data = call()
        while data:
            data = data[os.write(answers, data):]
    finally:
        os._exit(0)


def _close(descriptor):
    # type: (int) -> None
    try:
        os.close(descriptor)
    except OSError:
        pass  # that of the listing itself
