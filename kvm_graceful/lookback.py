"""report: a run as it was recorded, and the start that followed it."""
from __future__ import absolute_import, division, print_function

from kvm_graceful import record, startfiles
from kvm_graceful.clock import Clock
from kvm_graceful.errors import BadList


def run(state_dir, number=None):
    # type: (str, int | None) -> dict
    """The run of that number (default: the last), see record.data_of, with `start`: the record of the start that followed it; no
    such key where there was none, or a later run came before it. Raises NoRecord."""
    data = record.load(state_dir, number)
    try:
        start = startfiles.last_start(state_dir, Clock())
    except BadList as error:
        data['warnings'] = data['warnings'] + [str(error)]
        return data
    if start is not None and record.last_before(state_dir, start['started']) == data['run']:
        data['start'] = start
    return data
