"""A timeline drawn in characters, one line a guest, in as many columns as there are."""
from __future__ import absolute_import, division, print_function

from kvm_graceful import columns
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.names import shown
from kvm_graceful.report import timeline

MIN_COLUMNS, MAX_COLUMNS = 40, 200

WAITING, ASKED, AGAIN, FORCED, SAVING, DEADLINE = '.', '=', '+', '#', '%', '|'
ENDS = {'off': 'o', 'saved': 's', 'destroyed': 'x', 'crashed': '!', 'left': '>', 'unknown': '?'}
_MEANS = ((WAITING, 'waits'), (ASKED, 'asked'), (AGAIN, 'asked again'), (FORCED, 'forced'), (SAVING, 'saving'),
          ('o', 'off'), ('s', 'saved'), ('x', 'destroyed'), ('!', 'crashed'), ('>', 'left on'), ('?', 'unknown'),
          (DEADLINE, 'deadline'))


def lines(drawn, columns_there=80):
    # type: (timeline.Timeline, int) -> list
    """The lines of the drawing: axis, a line for each guest, the signs that were used, the moves of the deadline."""
    if not drawn.rows:
        return []
    there = max(MIN_COLUMNS, min(columns_there, MAX_COLUMNS))
    names = [shown(row.guest['name']) for row in drawn.rows]
    left = min(max(columns.width(name) for name in names), there // 3)
    scale = _Scale(drawn.span_s, there - left - 2)
    deadline = scale.column(drawn.deadlines[-1].at) if drawn.deadlines[-1].at <= drawn.span_s else None
    bars = [_bar(row, scale, deadline) for row in drawn.rows]
    used = set(''.join(bars))
    legend = '   '.join('%s %s' % sign for sign in _MEANS if sign[0] in used)
    drawing = [columns.padded(name, left) + '  ' + bar.rstrip() for name, bar in zip(names, bars)]
    return [' ' * (left + 2) + _axis(scale)] + drawing + ['', columns.cut(legend, there)] + timeline.moves(drawn)


class _Scale(object):
    """Columns of instants."""

    def __init__(self, span_s, wide):
        # type: (float, int) -> None
        self.span_s, self.wide = span_s, wide

    def column(self, at):
        # type: (float) -> int
        return max(0, min(self.wide - 1, int(round(at / self.span_s * (self.wide - 1)))))


def _axis(scale):
    # type: (_Scale) -> str
    line = ''
    for at, text in timeline.ticks(scale.span_s, max(2, scale.wide // 9)):
        column = scale.column(at)
        if len(line) < column + bool(not line) and column + len(text) <= scale.wide:
            line += ' ' * (column - len(line)) + text
    return line


def _bar(row, scale, deadline):
    # type: (timeline.Row, _Scale, Any) -> str
    cells = [' '] * scale.wide
    if deadline is not None:
        cells[deadline] = DEADLINE
    spans = [(WAITING, 0.0, row.begin), (ASKED, row.asked, row.end), (FORCED, row.forced, row.end)]
    for sign, first, last in spans + [(SAVING, first, last) for first, last in row.saves]:
        if first is not None:
            for column in range(scale.column(first), scale.column(last) + 1):
                cells[column] = sign
    for at in row.again:
        cells[scale.column(at)] = AGAIN
    cells[scale.column(row.end)] = ENDS.get(row.outcome, '?')
    return ''.join(cells)
