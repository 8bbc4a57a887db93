"""A run or a plan as one self-contained page: no script, nothing fetched, readable in light and dark, on a phone."""
from __future__ import absolute_import, division, print_function

from kvm_graceful import __version__
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.names import shown
from kvm_graceful.report import startup, stylesheet, svg, text, timeline
from kvm_graceful.report.markup import Markup, element, style, together, words  # noqa: F401 (Markup: type comments)

_SAFE = "default-src 'none'; style-src 'unsafe-inline'"  # whatever got in: the browser runs and fetches nothing


def run(data):
    # type: (dict) -> str
    """The page of a run (record.data_of)."""
    title = 'Run %s: %s' % (data['run'] or '(not recorded)', data['verb'])
    head = [element('h1', title), element('p', 'Started ' + text.day_and_time(data['started']), class_='muted')]
    if data['why']:
        head.append(element('p', 'Why: %s.' % words(data['why']), class_='muted'))
    head.append(element('p', text.verdict(data), class_='verdict' if data['exit'] == 0 else 'verdict bad'))
    drawn = timeline.of(data)
    details = _table(text.RUN_HEAD, [text.row(row.guest) for row in drawn.rows], 'Guests')
    return _page(title, head + _timeline(drawn) + details + _start(data.get('start')) + _to_be_mended(data['warnings']))


def _start(data):
    # type: (dict | None) -> list
    """The start that followed a run (startfiles.last_start)."""
    if data is None:
        return []
    parts = [element('h2', startup.headline(data)),
             element('p', startup.verdict(data), class_='verdict' if data['exit'] == 0 else 'verdict bad')]
    parts += [element('p', waiting) for waiting in [startup.hint(data)] if waiting]
    return parts + _table(startup.HEAD, startup.rows(data))


def plan(data):
    # type: (dict) -> str
    """The page of a plan (rehearsal.plan)."""
    title = 'If the host went down now'
    late = data['finished'] > data['deadline'] or data['exit'] != 0
    head = [element('h1', title), element('p', text.plan_headline(data), class_='muted'),
            element('p', text.expected(data), class_='verdict bad' if late else 'verdict')]
    drawn = timeline.of(data)
    details = _table(text.PLAN_HEAD, [text.plan_row(row.guest) for row in drawn.rows], 'Guests')
    details += [element('p', text.PLAN_LEGEND + '.', class_='muted')] if drawn.rows else []
    details += _listed('Settings', text.settings(data))
    return _page(title, head + _timeline(drawn) + details + _to_be_mended(data['warnings']))


def _page(title, parts):
    # type: (str, list) -> str
    head = element('head', element('meta', charset='utf-8'),
                   element('meta', name='viewport', content='width=device-width, initial-scale=1'),
                   Markup('<meta http-equiv="Content-Security-Policy" content="%s"/>' % _SAFE),
                   element('title', title), style(stylesheet.SHEET))
    footer = element('footer', 'kvm-graceful %s. Times count from the beginning.' % __version__)
    body = element('body', svg.signs(), together(parts), footer)
    return '<!DOCTYPE html>\n' + element('html', head, body, lang='en').text + '\n'


def _timeline(drawn):
    # type: (timeline.Timeline) -> list
    if not drawn.rows:
        return []
    names = [element('li', element('bdi', shown(row.guest['name']), title=shown(row.guest['name'])),
                     element('span', timeline.ending(row))) for row in drawn.rows]
    parts = [element('div', class_='corner'), svg.axis(drawn), element('ol', *names, class_='names'), svg.chart(drawn)]
    if drawn.battery:
        charge = 'battery: %.0f to %.0f s left' % (drawn.battery[0][1], drawn.battery[-1][1])
        parts += [element('div', charge, class_='battery-name'), svg.battery(drawn)]
    return [element('div', *parts, class_='timeline'), _legend(drawn)] + _listed('The deadline moved', timeline.moves(drawn))


def _legend(drawn):
    # type: (timeline.Timeline) -> Markup
    """Only what the chart shows."""
    def bar(kind, y1='50%', y2='50%', x2='100%'):
        # type: (str, str, str, str) -> Markup
        return element('line', x1='0' if x2 == '100%' else x2, x2=x2, y1=y1, y2=y2, class_=kind)
    rows = drawn.rows
    entries = [(any(row.begin for row in rows), 'waits', bar('waiting')),
               (any(row.asked is not None for row in rows), 'asked, and shutting down', bar('asked')),
               (any(row.again for row in rows), 'asked again', svg.sign('again')),
               (any(row.forced is not None for row in rows), 'forced', bar('forced')),
               (any(row.saves for row in rows), 'being saved', bar('saving'))]
    entries += [(any(row.outcome == outcome for row in rows), 'still on' if outcome == 'left' else outcome, svg.sign(outcome))
                for outcome in svg.OUTCOMES]
    entries += [(any(row.holders for row in rows), 'was needed, so waited', bar('arrow', '0', '100%', '50%')),
                (drawn.deadlines[-1].at <= drawn.span_s, 'deadline', bar('deadline', '0', '100%', '50%')),
                (any(moved.at <= drawn.span_s for moved in drawn.deadlines[:-1]), 'deadline that was moved',
                 bar('deadline moved', '0', '100%', '50%'))]
    return element('ul', *[element('li', element('svg', shape, aria_hidden='true'), meaning)
                           for there, meaning, shape in entries if there], class_='legend')


def _table(head, rows, title=''):
    # type: (tuple, list, str) -> list
    if not rows:
        return []
    body = [element('tr', *[_cell(head[place], cell, place) for place, cell in enumerate(row)]) for row in rows]
    names = element('thead', element('tr', *[element('th', cell) for cell in head]))
    return ([element('h2', title)] if title else []) + [element('table', names, element('tbody', *body))]


def _cell(head, cell, place):
    # type: (str, str, int) -> Markup
    if not place:
        return element('td', element('bdi', cell), class_='name')
    number = cell == '-' or (cell.endswith(' s') and cell[0].isdigit())
    named = number or head in ('needs', 'then', 'estimate')  # beside its cell, on a phone
    return element('td', words(cell), class_='number' if number else None, data_name=head if named else None)


def _to_be_mended(warnings):
    # type: (list) -> list
    return _listed('To be mended', warnings)


def _listed(title, lines):
    # type: (str, list) -> list
    entries = [element('li', words(line)) for line in lines]
    return [element('h2', title), element('ul', *entries, class_='plain')] if lines else []
