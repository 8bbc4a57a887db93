"""Files that are read by a child process: a dead disk can hang it, and never the shutdown."""
from __future__ import absolute_import, division, print_function

import errno
import os

from kvm_graceful import aside, plainfile
from kvm_graceful.compat import Any, as_bytes  # noqa: F401 (Any: type comments)
from kvm_graceful.diskwriter import run_numbers

HISTORY_BYTES = 16 << 20
RECORD_BYTES = 64 << 20  # a record of more is not ours


def read(state_dir, what, clock, limit_s=aside.LIMIT_S):
    # type: (str, str, Any, float) -> tuple
    """(bytes or None where there is no such file, what is wrong or an empty text) of a file of the state directory; `what` is
    its name, or 'last run'.

    The bytes of the last run begin with its number on a line of its own.
    """
    return _told(aside.answer(lambda: _answer(lambda: _of_state(state_dir, what)), clock, limit_s), state_dir)


def followed(path, limit, clock):
    # type: (str, int, Any) -> tuple
    """As read(), of a file that the administrator keeps where and as he likes: it may be a link, and lead to another disk."""
    return _told(aside.answer(lambda: _answer(lambda: plainfile.followed(path, limit)), clock), '')


def _told(answer, where):
    # type: (tuple, str) -> tuple
    data, wrong = answer
    if wrong:
        return None, ('%s %s' % (where, wrong)).strip()
    if data[:1] == b'=':
        return data[1:], ''
    return None, data[1:].decode('utf-8', 'replace')


# -- in the child

def _answer(look):
    # type: (Any) -> bytes
    """= and the bytes; ! and what is wrong; nothing for no such file."""
    try:
        data = look()
        return b'' if data is None else b'=' + data
    except (IOError, OSError) as error:
        return b'!' + (error.strerror or '').encode('utf-8')
    except ValueError as error:
        return b'!' + str(error).encode('utf-8')


def _of_state(state_dir, what):
    # type: (str, str) -> bytes | None
    try:
        if what != 'last run':
            return plainfile.read(os.path.join(state_dir, what), HISTORY_BYTES)
        number = run_numbers(state_dir)[-1:]
        if not number:
            return None
        return as_bytes('%d\n' % number[0]) + plainfile.read(os.path.join(state_dir, 'run-%d.jsonl' % number[0]), RECORD_BYTES)
    except (IOError, OSError) as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return None
        raise
