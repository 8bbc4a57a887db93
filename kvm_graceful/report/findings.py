"""The findings of `check` as text for people: one line each."""
from __future__ import absolute_import, division, print_function

import textwrap

from kvm_graceful.names import shown

_LEVELS = ('error', 'warning')


def text(data, columns=None):
    # type: (dict, int | None) -> str
    """`columns`: of somebody's terminal, where lines are broken between words; None: one line a finding, however long."""
    lines = _lines(data)
    return '\n'.join(lines if columns is None else [part for line in lines for part in _broken(line, columns)])


def _broken(line, columns):
    # type: (str, int) -> list
    indent = ' ' * 9 if line.startswith(_LEVELS) else ''
    return textwrap.wrap(line, columns, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False) or ['']


def _lines(data):
    # type: (dict) -> list
    found = data['findings']
    lines = [_line(one) for one in found]
    counts = [(level, len([1 for one in found if one['level'] == level])) for level in _LEVELS]
    verdict = ', '.join(_count(number, level) for level, number in counts if number) or 'Nothing found'
    expected = '' if data['expected'] is None else (
        '; a shutdown is expected to take %.0f s of %.0f s' % (data['expected'], data['deadline']))
    lines += [''] * bool(lines) + ['%s. %s on%s.' % (verdict, _count(data['guests'], 'guest'), expected)]
    unmeasured = data['guests'] - data['measured']
    if unmeasured:
        lines.append('Never measured: %d of them. kvm-graceful drill GUEST shuts one down, measures it and starts it again.'
                     % unmeasured)
    return lines


def _line(one):
    # type: (dict) -> str
    who = one['guest'] and shown(one['guest']) + ' '
    return '%-8s %s%s. To mend it: %s. [%s]' % (one['level'] + ':', who, one['what'].rstrip('.'), one['todo'], one['id'])


def _count(number, word):
    # type: (int, str) -> str
    return '%d %s%s' % (number, word, '' if number == 1 else 's')
