"""A run, a plan or a status as text for people, 80 columns where the names allow it."""
from __future__ import absolute_import, division, print_function

from kvm_graceful import record
from kvm_graceful.columns import table
from kvm_graceful.model import OUTCOMES
from kvm_graceful.names import shown, shown_bare
from kvm_graceful.power import outlook
from kvm_graceful.report import chart, startup, timeline

RUN_HEAD = ('guest', 'asked', 'off', 'took', 'how it ended')
PLAN_HEAD = ('guest', 'needs', 'asked', 'off', 'at the latest', 'then', 'estimate')
PLAN_LEGEND = 'at the latest: so long it may take; then: what is done if it is not off by then'

_CODES = {0: 'as planned', 3: 'some guests had to be forced', 4: 'some guests were still on, or their state was unknown'}


def run(data, columns=80):
    # type: (dict, int) -> str
    """The report of a run (record.data_of), its timeline in so many columns."""
    lines = ['Run %s: %s, started %s' % (data['run'] or '(not recorded)', data['verb'], day_and_time(data['started']))]
    if data['why']:
        lines.append('Why: %s.' % data['why'])
    lines.append(verdict(data))
    lines += _power(data['events'])
    if data['guests']:
        lines += [''] + table(RUN_HEAD, [row(guest) for guest in sorted(data['guests'], key=timeline.by_end)])
        lines += [''] + chart.lines(timeline.of(data), columns)
    if data.get('start'):
        lines += ['', startup.text(data['start'])]
    return '\n'.join(lines + _to_be_mended(data['warnings']))


def day_and_time(stamp):
    # type: (str) -> str
    return stamp.replace('T', ' ').replace('Z', ' UTC')


def runs(data):
    # type: (dict) -> str
    """What `kvm-graceful report --list` prints."""
    rows = [('%d' % one['run'], day_and_time(one['started']), one['verb'], '%d' % sum(one['outcomes'].values()),
             '-' if one['finished'] is None else '%.0f s' % one['finished'], '-' if one['exit'] is None else '%d' % one['exit'],
             'CUT OFF' if one['finished'] is None else _tally(one['outcomes'])) for one in data['runs']]
    return '\n'.join(table(('run', 'started', 'verb', 'guests', 'took', 'exit', 'how they ended'), rows)
                     + _to_be_mended(data['warnings'])) if rows else 'No shutdown is recorded yet.'


def _tally(count):
    # type: (dict) -> str
    return ', '.join('%d %s' % (count[outcome], outcome) for outcome in OUTCOMES if outcome in count) or 'no guest'


def verdict(data):
    # type: (dict) -> str
    """How a run went, in a line."""
    tally = _tally(record.outcomes(data['guests']))
    if data['finished'] is None:
        return 'CUT OFF: the run never finished; what is known: %s.' % tally
    code = data['exit']
    meaning = _CODES.get(code, 'interrupted by signal %d' % (code - 128) if code > 128 else 'failed')
    return 'Over after %.1f s of %.0f s: %s. Exit code %d: %s.' % (data['finished'], data['deadline'], tally, code, meaning)


def _power(events):
    # type: (list) -> list
    """What the UPS said first and last, in a line; none where there is no UPS."""
    told = ['%s at %.1f s' % (event['text'], event['at']) for event in events if event['what'] == 'power']
    return ['Power: %s.' % '; '.join(told[:1] + told[1:][-1:])] if told else []


def row(guest):
    # type: (dict) -> tuple
    """The cells of a guest under RUN_HEAD."""
    took = None if None in (guest['asked'], guest['off']) else guest['off'] - guest['asked']
    how = guest['why'] or guest['outcome'] or ''
    if took is not None:
        how = how.replace(' after %.1f s' % took, '')  # the column before says so
    if guest['presses'] > 1:
        how += ', asked %d times' % guest['presses']
    if guest['forced'] is not None:
        how += ', forced at %.1f s' % guest['forced']
    return shown(guest['name']), _s(guest['asked']), _s(guest['off']), _s(took), how


def _s(value):
    # type: (float | None) -> str
    return '-' if value is None else '%.1f s' % value


def plan(data, columns=80):
    # type: (dict, int) -> str
    """What `kvm-graceful plan` prints, its timeline in so many columns."""
    lines = ['If the host went down now: %s' % plan_headline(data)]
    if data['guests']:
        lines += [''] + table(PLAN_HEAD, [plan_row(guest) for guest in sorted(data['guests'], key=timeline.by_end)])
        lines += ['', PLAN_LEGEND]
        lines += [''] + chart.lines(timeline.of(data), columns) + ['', expected(data)]
    if data['settings']:
        lines += ['', 'Settings:'] + ['  ' + line for line in settings(data)]
    return '\n'.join(lines + _to_be_mended(data['warnings']))


def plan_headline(data):
    # type: (dict) -> str
    count = len(data['guests'])
    return '%d guest%s, %.0f s for everything%s.' % (count, '' if count == 1 else 's', data['deadline'],
                                                      ', %d at once' % data['parallel'] if data['parallel'] else '')


def plan_row(guest):
    # type: (dict) -> tuple
    """The cells of a guest under PLAN_HEAD."""
    return (shown(guest['name']), ' '.join(shown(name) for name in guest['needs']) or '-', _s(guest['asked']), _s(guest['off']),
            _s(guest['force_at']), guest['then'], guest['estimate_from'])


def expected(data):
    # type: (dict) -> str
    """When a shutdown would be over."""
    spare_s = data['deadline'] - data['finished']
    return 'Expected to be over after %.0f s%s.' % (data['finished'], ', with %.0f s to spare' % spare_s
                                                    if spare_s >= 0 else '')


def settings(data):
    # type: (dict) -> list
    """How each setting was read, one line each."""
    return ['%(name)s=%(value)s: %(meaning)s (%(where)s:%(line)d)' % reading for reading in data['settings']]


def simulated(data):
    # type: (dict) -> str
    """What `kvm-graceful simulate` prints."""
    rows = [(shown(guest['name']), _s(guest['asked']), str(guest['presses']), _s(guest['forced']), _s(guest['off']),
             guest['outcome'] or 'not started') for guest in data['guests']]
    lines = ['Simulated: over after %.1f s of %.0f s. Exit code %d: %s.' % (data['finished'], data['deadline'], data['exit'],
                                                                          _CODES[data['exit']])]
    lines += [''] + table(('guest', 'asked', 'presses', 'forced', 'off', 'outcome'), rows) if rows else []
    return '\n'.join(lines + _to_be_mended(data['warnings']))


def keys(data):
    # type: (dict) -> str
    """What `kvm-graceful set` prints: all keys of the guest, as they would stand in guests.conf."""
    lines = ['[%s]' % shown_bare(data['name'])]
    lines += ['%s = %s' % (key, shown_bare(data['keys'][key])) for key in sorted(data['keys'])]
    return '\n'.join(lines + _to_be_mended(data['warnings']))


def _to_be_mended(warnings):
    # type: (list) -> list
    return ['', 'To be mended:'] + ['  ' + warning for warning in warnings] if warnings else []


def status(data):
    # type: (dict) -> str
    """What `kvm-graceful status` prints."""
    guests = data['guests']
    lines = [brief(data)]
    if guests:
        lines += [''] + table(('guest', 'state', 'off after', 'needs'), [
            (shown(guest['name']), guest['state'], _s(guest['off']), ' '.join(shown(name) for name in guest['needs']) or '-')
            for guest in guests])
    last = data['last_run']
    lines += ['', 'Last run: none is recorded.'] if last is None else [
        '', 'Last run: %d, %s, %s.' % (last['run'], last['verb'], day_and_time(last['started'])), '  ' + verdict(last)]
    lines += [outlook.line(data['power'])] if data.get('power') else []
    if data.get('shed'):
        lines.append('Shut down to stretch the battery, and on again once it has recovered: %s' % ', '.join(
            shown(name) for name in data['shed']))
    return '\n'.join(lines + _to_be_mended(data['warnings']))


def brief(data):
    # type: (dict) -> str
    """A status in a line: how many guests, and what a shutdown would take now."""
    count, expected_ = len(data['guests']), data['expected']
    if not count:
        return 'No guest is on.'
    forced = expected_['outcomes'].get('destroyed', 0)
    return '%d guest%s on. A shutdown now is expected to take %.0f s of %.0f s%s.' % (
        count, ' is' if count == 1 else 's are', expected_['finished'], expected_['deadline'],
        ', and to force %d' % forced if forced else '')
