"""A timeline as SVG: positions in percent, letters and signs in fixed sizes, so that one drawing fits a wall and a phone."""
from __future__ import absolute_import, division, print_function

from kvm_graceful.compat import Any, as_native  # noqa: F401 (Any: type comments)
from kvm_graceful.names import shown
from kvm_graceful.report import timeline
from kvm_graceful.report.markup import Markup, element, together  # noqa: F401 (Markup: type comments)

_LEFT, _WIDE = 1.5, 94.5  # percent: signs at both ends keep clear of the edge
_TICKS = 6                # as many as a phone has room for
_BEYOND = as_native(b' \xe2\x86\x92'.decode('utf-8'))  # an arrow to the right
_ARROWS = 4000            # more would be a grey area, and a slow page

# The signs for how a guest ended differ in shape, not in colour alone.
_SIGNS = {
    'off': 'M-6 0a6 6 0 1 0 12 0a6 6 0 1 0-12 0z',
    'saved': 'M-5.5-5.5h11v11h-11z',
    'destroyed': 'M-6-3.5L-3.5-6L0-2.5L3.5-6L6-3.5L2.5 0L6 3.5L3.5 6L0 2.5L-3.5 6L-6 3.5L-2.5 0z',
    'crashed': 'M0-7L7 6H-7z',
    'left': 'M-5-6L7 0L-5 6z',
    'unknown': 'M0-7L7 0L0 7L-7 0z',
    'again': 'M-1.5-8h3v16h-3z',
}
OUTCOMES = ('off', 'saved', 'destroyed', 'crashed', 'left', 'unknown')


def signs():
    # type: () -> Markup
    """The signs, once for the whole page; everything else refers to them."""
    shapes = [element('path', id='sign-' + name, d=shape) for name, shape in sorted(_SIGNS.items())]
    head = element('path', d='M0 0L8 4L0 8z', class_='arrow-head')
    arrow = element('marker', head, id='arrow', markerWidth='8', markerHeight='8', refX='14',
                    refY='4', orient='auto', markerUnits='userSpaceOnUse')
    return element('svg', element('defs', arrow, *shapes), class_='signs', aria_hidden='true')


def sign(name, x='50%', y='50%'):
    # type: (str, str, str) -> Markup
    return element('use', href='#sign-' + name, x=x, y=y, class_='sign ' + name)


def axis(drawn):
    # type: (timeline.Timeline) -> Markup
    """The scale over the chart, and the deadline with its instant."""
    parts = []
    for at, text in timeline.ticks(drawn.span_s, _TICKS):
        parts.append(element('text', text, x=_x(drawn, at), y='34', class_='tick', text_anchor='middle' if at else 'start'))
    last = drawn.deadlines[-1].at
    there = last <= drawn.span_s
    parts.append(element('text', 'deadline %s%s' % (timeline.instant(round(last, 1)), '' if there else _BEYOND),
                         x=_x(drawn, last) if there else '99%', y='14', class_='deadline-text', text_anchor='end'))
    return element('svg', *parts, class_='axis', role='presentation')


def chart(drawn):
    # type: (timeline.Timeline) -> Markup
    """The bars, one row a guest, over the grid and under the arrows of their needs."""
    count = len(drawn.rows)
    grid = [element('line', x1=_x(drawn, at), x2=_x(drawn, at), y1='0', y2='100%', class_='grid')
            for at, _ in timeline.ticks(drawn.span_s, _TICKS)]
    grid += [element('line', x1='0', x2='100%', y1=y, y2=y, class_='row')
             for y in (_percent(100.0 * place / count) for place in range(1, count))]
    return element('svg', *(grid + _deadlines(drawn) + [
        element('g', together(_row(drawn, place) for place in range(count)), together(_arrows(drawn)), class_='bars')]),
        class_='chart', style='height: calc(var(--row) * %d)' % count, role='img',
        aria_label='what happened to each guest when; the table below says the same')


def battery(drawn):
    # type: (timeline.Timeline) -> Markup
    """Seconds of battery that were left, over the same scale."""
    most = max([1.0] + [left for _, left in drawn.battery])

    def y(left):
        # type: (float) -> str
        return _percent(94 - 88.0 * left / most)
    lines = [element('line', x1=_x(drawn, first[0]), y1=y(first[1]), x2=_x(drawn, second[0]), y2=y(second[1]), class_='charge')
             for first, second in zip(drawn.battery, drawn.battery[1:])]
    dots = [element('circle', element('title', '%.1f s: %.0f s of battery left' % point), cx=_x(drawn, point[0]), cy=y(point[1]),
                    r='2.5', class_='charge') for point in drawn.battery]
    return element('svg', *(lines + dots), class_='battery', role='img', aria_label='seconds of battery left')


def _deadlines(drawn):
    # type: (timeline.Timeline) -> list
    """A line for each deadline that held; only the last is drawn through."""
    found = []
    for place, deadline in enumerate(drawn.deadlines):
        if deadline.at <= drawn.span_s:
            last = place == len(drawn.deadlines) - 1
            found.append(element('line', x1=_x(drawn, deadline.at), x2=_x(drawn, deadline.at), y1='0', y2='100%',
                                 class_='deadline' if last else 'deadline moved'))
    return found


def _row(drawn, place):
    # type: (timeline.Timeline, int) -> Markup
    row, y = drawn.rows[place], _y(drawn, place)

    def bar(first, last, kind):
        # type: (float, float, str) -> Markup
        return element('line', x1=_x(drawn, first), x2=_x(drawn, last), y1=y, y2=y, class_=kind)
    parts = [element('title', '%s: %s' % (shown(row.guest['name']), timeline.story(row)))]
    if row.begin > 0:
        parts.append(bar(0.0, row.begin, 'waiting'))
    if row.asked is not None:
        parts.append(bar(row.asked, row.end, 'asked'))
    if row.forced is not None:
        parts.append(bar(row.forced, row.end, 'forced'))
    parts += [bar(first, last, 'saving') for first, last in row.saves]
    parts += [sign('again', _x(drawn, at), y) for at in row.again]
    parts.append(sign(row.outcome if row.outcome in _SIGNS else 'unknown', _x(drawn, row.end), y))
    return element('g', *parts)


def _arrows(drawn):
    # type: (timeline.Timeline) -> list
    """From the end of each guest down to those it held up; strong where it was the last that they waited for."""
    found = []  # type: list
    for place, row in enumerate(drawn.rows):
        last = max([drawn.rows[holder].end for holder in row.holders] or [0.0])
        for holder in row.holders:
            end = drawn.rows[holder].end
            if len(found) < _ARROWS or end == last:
                found.append(element('line', x1=_x(drawn, end), x2=_x(drawn, end), y1=_y(drawn, holder), y2=_y(drawn, place),
                                     marker_end='url(#arrow)', class_='arrow' if end == last else 'arrow weak'))
    return found


def _x(drawn, at):
    # type: (timeline.Timeline, float) -> str
    return _percent(_LEFT + _WIDE * min(at, drawn.span_s) / drawn.span_s)


def _y(drawn, place):
    # type: (timeline.Timeline, int) -> str
    return _percent(100.0 * (place + 0.5) / len(drawn.rows))


def _percent(value):
    # type: (float) -> str
    return ('%.3f' % value).rstrip('0').rstrip('.') + '%'
