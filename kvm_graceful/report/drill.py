"""A drill as text for people: what is going to happen, and what was learnt."""
from __future__ import absolute_import, division, print_function

from kvm_graceful.names import shown


def question(guests):
    # type: (list) -> str
    """What is asked before anything is touched."""
    lines = []
    for guest in guests:
        line = '%s is shut down now, for real, and started again' % shown(guest['name'])
        if guest['estimate'] is not None:
            line += '; it is expected to take %.0f s' % guest['estimate']
        if guest['needed_by']:
            line += '. Meanwhile it is not there for %s' % ', '.join(shown(name) for name in guest['needed_by'])
        lines.append(line + '.')
    return '\n'.join(lines + ['It is never forced: if it is not off after %.0f s, that is said.' % guests[0]['deadline']])


def text(data):
    # type: (dict) -> str
    lines = []
    for guest in data['guests']:
        lines += [shown(guest['name'])] + ['  ' + line for line in _off(guest) + _on(guest)]
    return '\n'.join(lines)


def _off(guest):
    # type: (dict) -> list
    run = guest['run']
    if run['outcome'] == 'off' and run['asked'] is not None:
        lines = ['went off by itself after %.1f s, asked %s' % (run['off'] - run['asked'], _times(run['presses']))]
        before = guest['estimate']
        known = 'never measured before' if before is None else 'so far %.0f s were planned' % before
        lines.append('learnt: %s; from now on %.0f s are planned for it' % (known, guest['learnt'] or 0))
        if run['presses'] > 1:
            lines.append('it did not react at once: press-again helps it at a real shutdown')
        return lines
    if run['outcome'] == 'left':
        asked = 'asked %s' % _times(run['presses']) if run['asked'] is not None else 'the request was never taken'
        return ['is still on: %s (%s)' % (run['why'], asked),
                'learnt: at a real shutdown it would be forced. Does it listen to its power button, or has it an agent?',
                'it may still go off by itself; then: kvm-graceful start']
    return ['%s: %s' % (run['outcome'], run['why'])]


def _on(guest):
    # type: (dict) -> list
    start = guest['start']
    if start is None:
        return []
    if start['started_as'] not in ('started', 'resumed', 'already on'):
        return ['is NOT on again: %s' % (start['why'] or 'the start was cut off; see: kvm-graceful start')]
    line = 'is on again: %s after %.1f s' % (start['started_as'], start['at'])
    if guest['agent'] != 'none' and start['ready'] is not None and start['ready'] > start['at']:
        line += ', up after %.1f s' % start['ready']
    return [line]


def _times(count):
    # type: (int) -> str
    return 'once' if count == 1 else '%d times' % count
