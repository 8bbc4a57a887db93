"""The live view of a run: a bar for each guest and the time left, as lines that fit a terminal. Pure; terminal.py draws them."""
from __future__ import absolute_import, division, print_function

from collections import namedtuple

from kvm_graceful import columns
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.model import DESTROY_S, OUTCOMES
from kvm_graceful.names import shown

# What is known of a guest before it is asked. `after`: keys of those that wait for it.
Known = namedtuple('Known', 'key name estimate_s after')

# One line: its text, and how it is coloured where that is wanted (SGR number, empty for none).
Line = namedtuple('Line', 'text colour')

GREEN, RED, FAINT, PLAIN = '32', '31', '2', ''
_BAR = 16  # columns of a bar


def known_of(plan):
    # type: (Any) -> list
    """Known of each guest of a planner.Plan, in its order: a copy, which another thread may keep."""
    return [Known(key, plan.guests[key].name, plan.estimates[key], tuple(plan.after[key])) for key in plan.order]


class _Guest(object):
    __slots__ = ('known', 'asked', 'presses', 'forced', 'saving', 'ended', 'outcome')

    def __init__(self, known):
        # type: (Known) -> None
        self.known = known
        self.asked = self.forced = self.saving = self.ended = None  # type: float | None
        self.presses, self.outcome = 0, ''

    def rank(self):
        # type: () -> tuple
        """Who is shown first where not all can be: those at work, those that wait, those that went off last."""
        if self.ended is not None:
            return 2, -self.ended
        return (1, 0.0) if self.asked is None and self.forced is None and self.saving is None else (0, 0.0)

    def left_s(self, at):
        # type: (float) -> float
        if self.ended is not None:
            return 0.0
        if self.saving is not None:
            return max(0.0, self.known.estimate_s - (at - self.saving))
        if self.forced is not None:
            return max(0.0, DESTROY_S - (at - self.forced))
        return self.known.estimate_s if self.asked is None else max(0.0, self.known.estimate_s - (at - self.asked))


class Progress(object):
    """How far a run is, from the lines of its record. Instants are seconds from its start."""

    def __init__(self, verb, deadline_s, known):
        # type: (str, float, list) -> None
        self._verb, self._deadline_s = verb, deadline_s
        self._guests = {}  # type: dict
        self._order = []   # type: list
        self.know(known)

    def know(self, known):
        # type: (list) -> None
        """The guests of the plan, again when one has joined it."""
        for one in known:
            self._guests.setdefault(one.key, _Guest(one)).known = one
        self._order = [one.key for one in known]

    def take(self, line):
        # type: (dict) -> None
        """Takes in an event (record.event_line)."""
        self._deadline_s = line.get('deadline', self._deadline_s)
        guest, what = self._guests.get(line['guest']), line['what']
        if guest is None:
            return
        if what == 'joined':
            self._guests[line['guest']] = _Guest(guest.known)  # it had gone off before, and is on again
        elif what in ('asked', 'pressed again'):
            guest.presses += 1
            guest.asked = line['at'] if guest.asked is None else guest.asked
        elif what == 'forced':
            guest.forced = line['at']
        elif what in ('saving', 'save failed'):
            guest.saving = line['at'] if what == 'saving' else None
        elif what in OUTCOMES:
            guest.ended, guest.outcome = line['at'], what

    def expected_s(self, at):
        # type: (float) -> float
        """Seconds until all are likely to be off: the longest path of what is left, no later than the deadline."""
        left = {}  # type: dict
        for key in reversed(self._order):
            guest = self._guests[key]
            left[key] = guest.left_s(at) + max([0.0] + [left.get(other, 0.0) for other in guest.known.after])
        return min(max([0.0] + list(left.values())), max(0.0, self._deadline_s - at))

    def headline(self, at):
        # type: (float) -> str
        """How far it is, in a line."""
        ended = [guest for guest in self._guests.values() if guest.ended is not None]
        done = '%s: %d of %d done, %.0f s of %.0f s' % (self._verb, len(ended), len(self._guests), at, self._deadline_s)
        return done + (', about %.0f s to go' % self.expected_s(at) if len(ended) < len(self._guests) else '')

    def lines(self, at, wide, high):
        # type: (float, int, int) -> list
        """The view at an instant: at most `high` lines of at most `wide` columns."""
        keys = self._order
        room = high - 1
        if len(keys) > room:
            keys = sorted(keys, key=lambda key: self._guests[key].rank())
            room -= 1
        names = dict((key, shown(self._guests[key].known.name)) for key in keys)
        left = min(max([0] + [columns.width(names[key]) for key in keys]), max(8, wide // 3))
        holding = self._holding()
        found = [Line(self.headline(at), PLAIN)]
        for key in keys[:max(0, room)]:
            text, colour = self._line(self._guests[key], at, holding.get(key, []))
            found.append(Line('%s  %s' % (columns.padded(names[key], left), text), colour))
        hidden = keys[max(0, room):]
        if hidden:
            found.append(Line(self._hidden(hidden), FAINT))
        return [line._replace(text=columns.cut(line.text, wide)) for line in found[:max(1, high)]]

    def _hidden(self, keys):
        # type: (list) -> str
        ended = len([key for key in keys if self._guests[key].ended is not None])
        waiting = len([key for key in keys if self._guests[key].rank()[0] == 1])
        return '... and %d more: %d done, %d waiting, %d at work' % (len(keys), ended, waiting, len(keys) - ended - waiting)

    def _holding(self):
        # type: () -> dict
        """Names of the guests that hold up each other guest, as long as they are on."""
        found = {}  # type: dict
        for key in self._order:
            if self._guests[key].ended is None:
                for other in self._guests[key].known.after:
                    found.setdefault(other, []).append(self._guests[key].known.name)
        return found

    def _line(self, guest, at, holding):
        # type: (_Guest, float, list) -> tuple
        if guest.ended is not None:
            text = '' if guest.asked is None else ' after %.1f s' % (guest.ended - guest.asked)
            return '%s %s%s' % (_bar(1.0), guest.outcome, text), GREEN if guest.outcome in ('off', 'saved') else RED
        if guest.saving is not None:
            return '%s being saved, %.0f s so far' % (_bar(0.5), at - guest.saving), PLAIN
        if guest.forced is not None:
            return '%s forced, %.0f s ago' % (_bar((at - guest.forced) / DESTROY_S), at - guest.forced), RED
        if guest.asked is None:
            waits = '' if not holding else ' for ' + (shown(holding[0]) if len(holding) == 1 else '%d guests' % len(holding))
            return '%s waits%s' % (_bar(0.0), waits), FAINT
        again = ', asked %d times' % guest.presses if guest.presses > 1 else ''
        text = '%.0f s of about %.0f s%s' % (at - guest.asked, guest.known.estimate_s, again)
        return '%s %s' % (_bar((at - guest.asked) / guest.known.estimate_s), text), PLAIN


def _bar(part):
    # type: (float) -> str
    filled = int(max(0.0, min(1.0, part)) * _BAR)
    return '[%s%s]' % ('#' * filled, '.' * (_BAR - filled))
