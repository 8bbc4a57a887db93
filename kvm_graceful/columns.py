"""Text in columns of a terminal: how wide it is there, cut and padded to a width."""
from __future__ import absolute_import, division, print_function

import unicodedata

from kvm_graceful.compat import as_native, as_unicode

CUT = '~'  # stands where something was cut off; every console has it


def width(text):
    # type: (str) -> int
    """Columns that the text takes: wide East Asian letters take two, accents on a letter none."""
    return len(text) if _is_ascii(text) else sum(_wide(char) for char in as_unicode(text))


def _is_ascii(text):
    # type: (str) -> bool
    """str.isascii() came with Python 3.7."""
    try:
        text.encode('ascii')
        return True
    except UnicodeError:
        return False


def _wide(char):
    # type: (str) -> int
    if unicodedata.category(char) in ('Mn', 'Me'):
        return 0
    return 2 if unicodedata.east_asian_width(char) in 'WF' else 1


def cut(text, columns):
    # type: (str, int) -> str
    """The text, cut so that it takes `columns` at most."""
    if width(text) <= columns:
        return as_native(text)
    kept, room = [], columns - len(CUT)
    for char in as_unicode(text):
        room -= _wide(char)
        if room < 0:
            break
        kept.append(char)
    return as_native(''.join(kept) + CUT) if columns > 0 else ''


def padded(text, columns):
    # type: (str, int) -> str
    """The text in exactly `columns`, cut or filled with spaces."""
    short = cut(text, columns)
    return short + ' ' * (columns - width(short))


def table(head, rows):
    # type: (tuple, list) -> list
    """Lines with columns as wide as their widest cell; the last one runs free."""
    cells = [[as_native(cell) for cell in row] for row in [head] + rows]
    widths = [max(width(row[column]) for row in cells) for column in range(len(head) - 1)]
    return ['  '.join([padded(cell, wide) for cell, wide in zip(row, widths)] + [row[-1]]) for row in cells]
