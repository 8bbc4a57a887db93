"""Is a record one that a run or a start of ours may have written? The files can be torn, old, or anybody's. Pure."""
from __future__ import absolute_import, division, print_function

from kvm_graceful.compat import TEXTS, Any  # noqa: F401 (Any: type comments)
from kvm_graceful.model import OUTCOMES

_HUGE = 1e9


def is_sound(line, first):
    # type: (Any, bool) -> bool
    """`first`: it has to be the header of a run; every other is an event, or the end."""
    if not isinstance(line, dict) or not _text(line.get('what')):
        return False
    if line['what'] == 'run':
        return (first and all(_text(line.get(name)) for name in ('verb', 'started', 'why')) and _number(line.get('deadline'))
                and _list(line.get('problems'), _text) and _list(line.get('guests'), _guest))
    if first or not _number(line.get('at')):
        return False
    if line['what'] == 'end':
        return isinstance(line.get('exit'), int) and 0 <= line['exit'] < 256 and _list(line.get('guests'), _guest)
    return (_text(line.get('text')) and 'guest' in line and (line['guest'] is None or _text(line['guest']))
            and all(line.get(name) is None or _number(line[name]) for name in ('deadline', 'runtime')))


def is_start(data):
    # type: (dict) -> bool
    """`data`: a list (startlist.parse) that is to be the record of a start."""
    return (all(_text(data.get(name)) for name in ('verb', 'started', 'cut_off'))
            and all(data.get(name) is None or _number(data[name]) for name in ('finished', 'exit'))
            and (data.get('finished') is None or isinstance(data.get('exit'), int))
            and all(all(guest.get(name) is None or _text(guest[name]) for name in ('started_as', 'why'))
                    and all(guest.get(name) is None or _number(guest[name]) for name in ('at', 'ready'))
                    for guest in data['guests']))


def _guest(value):
    # type: (Any) -> bool
    return (isinstance(value, dict) and all(_text(value.get(name)) for name in ('key', 'name', 'uuid', 'uri'))
            and all(value.get(name) is None or _number(value[name]) for name in ('asked', 'forced', 'off', 'saving'))
            and isinstance(value.get('presses'), int) and 0 <= value['presses'] < _HUGE
            and (value.get('outcome') is None or value['outcome'] in OUTCOMES)
            and (value.get('why') is None or _text(value['why'])) and _list(value.get('needs', []), _text)
            and all(name in value for name in ('asked', 'forced', 'off', 'outcome', 'why')))


def _text(value):
    # type: (Any) -> bool
    return isinstance(value, TEXTS)


def _number(value):
    # type: (Any) -> bool
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -_HUGE < value < _HUGE


def _list(value, is_one):
    # type: (Any, Any) -> bool
    return isinstance(value, list) and all(is_one(one) for one in value)
