"""Measured shutdown times of each guest and rates of saves, and the estimates made of them. Pure: no file is touched here."""
from __future__ import absolute_import, division, print_function

import json
from collections import namedtuple

from kvm_graceful.compat import Any  # noqa: F401 (type comments)

KEPT = 10          # runs of each guest that are remembered
_GUESTS = 20000    # a history with more entries is not ours
_SHORT_S = 1.0     # a save that took less says nothing of the rate

# `times`: {uuid: [seconds, oldest first]}; `rates`: [MiB/s of the last saves, oldest first].
History = namedtuple('History', 'times rates')
NOTHING = History({}, [])


def parse(text):
    # type: (str) -> History
    """The History of a file's text. Raises ValueError for anything else than a history."""
    data = json.loads(text)
    guests = data.get('guests') if isinstance(data, dict) and data.get('schema') == 1 else None
    if not isinstance(guests, dict) or len(guests) > _GUESTS:
        raise ValueError('not a history of schema 1')
    times = {}
    for uuid, spans in guests.items():
        if not isinstance(spans, list) or not all(_is_span(span) for span in spans):
            raise ValueError('guest %.40r has times that are none' % (uuid,))
        times[str(uuid)] = [float(span) for span in spans[-KEPT:]]
    rates = data.get('save_rates', [])
    if not isinstance(rates, list) or not all(_is_span(rate) for rate in rates):
        raise ValueError('save_rates are no rates')
    return History(times, [float(rate) for rate in rates[-KEPT:]])


def _is_span(value):
    # type: (Any) -> bool
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e6


def text_of(history):
    # type: (History) -> str
    """The file's text, as `parse` reads it."""
    return json.dumps({'schema': 1, 'guests': history.times, 'save_rates': history.rates}, sort_keys=True) + '\n'


def estimate(spans):
    # type: (list) -> float | None
    """Seconds that the guest is likely to need: the longest of its last times, less one outlier once there are four.

    None where nothing was measured.
    """
    if not spans:
        return None
    ordered = sorted(spans[-KEPT:])
    return max(1.0, ordered[-2] if len(ordered) >= 4 else ordered[-1])


def with_run(history, results):
    # type: (History, list) -> History
    """`history` with the results of a run added.

    A guest that went off by itself is a measurement. One that was forced took at least as long as it was given: a lower
    bound, which counts only where it is above the estimate so far.
    """
    grown, rates = dict(history.times), list(history.rates)
    for result in results:
        if result.outcome == 'saved' and None not in (result.saving, result.off) and result.off - result.saving >= _SHORT_S:
            rates.append(round(result.guest.memory_mib / (result.off - result.saving), 1))
        if result.asked is None:
            continue
        spans = list(grown.get(result.guest.uuid, []))
        if result.outcome == 'off':
            spans.append(round(result.off - result.asked, 2))
        elif result.forced is not None and result.forced - result.asked > (estimate(spans) or 0):
            spans.append(round(result.forced - result.asked, 2))
        else:
            continue
        grown[result.guest.uuid] = spans[-KEPT:]
    return History(grown, rates[-KEPT:])
