"""The last run, or what check found, as metrics, in the text format that node_exporter's textfile collector reads. Pure."""
from __future__ import absolute_import, division, print_function

import re
from collections import namedtuple

from kvm_graceful import record
from kvm_graceful.compat import Any, as_native, as_unicode  # noqa: F401 (Any: type comments)
from kvm_graceful.model import OUTCOMES
from kvm_graceful.names import shown_bare

FILE_NAME, CHECK_FILE_NAME = 'kvm_graceful.prom', 'kvm_graceful_check.prom'  # each written by whoever knows it

# One metric with all its samples, [(((label, value), ...), number)].
Family = namedtuple('Family', 'name means samples')

_STAMP = re.compile(r'^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z$')


def textfile(run):
    # type: (dict) -> str
    """The file's text for a run (record.data_of)."""
    return _text(of_run(run))


def check_textfile(data):
    # type: (dict) -> str
    """The file's text for what check found (check.check)."""
    return _text(of_check(data))


def _text(families):
    # type: (list) -> str
    return ''.join(_written(family) for family in families if family.samples)


def of_run(run):
    # type: (dict) -> list
    """Families of a run. Guests are told apart by name and hypervisor, outcomes are all there, those of nobody with 0."""
    count = record.outcomes(run['guests'])
    finished = run['finished'] is not None
    return [
        Family('kvm_graceful_last_run_start_timestamp_seconds', 'When the last shutdown of guests started, Unix time.',
               [((('verb', run['verb']),), _unix(run['started']))]),
        Family('kvm_graceful_last_run_finished', '1 if it came to its end, 0 if it was cut off.', [((), int(finished))]),
        Family('kvm_graceful_last_run_duration_seconds', 'How long it took.', [((), run['finished'])] if finished else []),
        Family('kvm_graceful_last_run_deadline_seconds', 'How long it might have taken, as known at its start.',
               [((), run['deadline'])]),
        Family('kvm_graceful_last_run_exit_code', 'Its exit code: 0 as planned, 3 guests forced, 4 still on or unknown.',
               [((), run['exit'])] if finished else []),
        Family('kvm_graceful_last_run_warnings', 'What there was to be mended.', [((), len(run['warnings']))]),
        Family('kvm_graceful_last_run_guests', 'How many guests ended in which way.',
               [((('outcome', outcome),), count.get(outcome, 0)) for outcome in OUTCOMES]),
        Family('kvm_graceful_last_run_guest_shutdown_seconds', 'From the request to a guest until it was off.',
               [(_guest(guest) + (('outcome', guest['outcome']),), round(guest['off'] - guest['asked'], 3))
                for guest in run['guests'] if None not in (guest['asked'], guest['off'])]),
        Family('kvm_graceful_last_run_guest_forced', '1 for each guest that had to be forced.',
               [(_guest(guest), 1) for guest in run['guests'] if guest['forced'] is not None])]


def of_check(data):
    # type: (dict) -> list
    """Families of what check found. What one guest has twice is one sample, with 2."""
    count = {}  # type: dict
    for one in data['findings']:
        labels = ('id', one['id']), ('level', one['level']), ('guest', shown_bare(one['guest']))
        count[labels] = count.get(labels, 0) + 1
    return [
        Family('kvm_graceful_check_timestamp_seconds', 'When was looked for what would go wrong at a shutdown, Unix time.',
               [((), _unix(data['looked']))]),
        Family('kvm_graceful_check_findings', 'How many mistakes were found.',
               [((('level', level),), len([1 for one in data['findings'] if one['level'] == level]))
                for level in ('error', 'warning')]),
        Family('kvm_graceful_check_finding', 'Each mistake that was found; guest is empty for those of the host.',
               [(labels, count[labels]) for labels in sorted(count)]),
        Family('kvm_graceful_check_guests', 'How many guests were on.', [((), data['guests'])]),
        Family('kvm_graceful_check_guests_measured', 'How many of them were measured in an earlier shutdown.',
               [((), data['measured'])]),
        Family('kvm_graceful_check_expected_seconds', 'How long a shutdown was expected to take.',
               [((), data['expected'])] if data['expected'] is not None else []),
        Family('kvm_graceful_check_deadline_seconds', 'How long it might take.', [((), data['deadline'])])]


def _guest(guest):
    # type: (dict) -> tuple
    return ('guest', shown_bare(guest['name'])), ('uri', guest['uri'])


def _unix(stamp):
    # type: (str) -> int | None
    found = _STAMP.match(stamp)
    import calendar  # late: only a run with metrics needs it
    return calendar.timegm(tuple(int(part) for part in found.groups()) + (0, 0, 0)) if found else 0


def _written(family):
    # type: (Family) -> str
    lines = ['# HELP %s %s' % (family.name, family.means), '# TYPE %s gauge' % family.name]
    for labels, value in family.samples:
        named = ','.join('%s="%s"' % (label, _escaped(text)) for label, text in labels)
        lines.append('%s%s %s' % (family.name, '{%s}' % named if named else '', value))
    return '\n'.join(lines) + '\n'


def _escaped(text):
    # type: (str) -> str
    return as_native(as_unicode(text)).replace('\\', '\\\\').replace('"', '\\"').replace('\n', '\\n')
