"""A plain file, whole or not at all: never a link, a pipe, a device or more than is sensible."""
from __future__ import absolute_import, division, print_function

import errno
import os
import stat


def read(path, limit):
    # type: (str, int) -> bytes
    """Its bytes. Raises OSError, and ValueError for what is no plain file of at most `limit` bytes."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | getattr(os, 'O_NOFOLLOW', 0))
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ValueError('is a link')
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError('is no plain file')
        parts, size = [], 0  # type: list, int
        while size <= limit:
            part = os.read(descriptor, 1 << 20)
            if not part:
                return b''.join(parts)
            parts.append(part)
            size += len(part)
        raise ValueError('is longer than %d bytes' % limit)
    finally:
        os.close(descriptor)


def followed(path, limit):
    # type: (str, int) -> bytes | None
    """The bytes of a file that may be a link; None for a missing one. Raises OSError, and ValueError beyond `limit` bytes."""
    try:
        with open(path, 'rb') as stream:
            data = stream.read(limit + 1)
    except (IOError, OSError) as error:
        if error.errno != errno.ENOENT or os.path.islink(path):
            raise
        return None
    if len(data) > limit:
        raise ValueError('is longer than %d bytes' % limit)
    return data
