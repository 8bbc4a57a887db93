"""The port to the host: which init system runs it, is it going down, how long have we got.

Every implementation has `name`, `limit_s` (seconds that the init system leaves for the whole shutdown),
`queries()`, two different ways to ask whether the host is going down, each a function that returns (True, False or
None for no answer; why), `asked_by(environment)`, the mark that it leaves on a stop of its own, or an empty text, and
`inhibitor_delay_s()`, how long somebody may delay a shutdown before anything is stopped.
"""
from __future__ import absolute_import, division, print_function

import os
from collections import namedtuple

from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.host import command

# `down`: True, False, or None for unknown; `why`: for people; `proved`: the host itself said so, instead of being silent.
Verdict = namedtuple('Verdict', 'down why proved')


def detect(root='/', run=command.run):
    # type: (str, Any) -> Any
    """The init system that runs this host. `root`: where /run and /proc are looked for; `run`: as command.run."""
    # sd_booted(3): the directory is there if and only if systemd is PID 1.
    if os.path.isdir(os.path.join(root, 'run/systemd/system')):
        from kvm_graceful.host.systemd import Systemd
        return Systemd(run)
    answer = run(['initctl', 'version'])
    if answer is not None and 'upstart' in answer:
        from kvm_graceful.host.upstart import Upstart
        return Upstart(root, run)
    from kvm_graceful.host.sysv import SysV
    return SysV(root, run)


def going_down(system, environment):
    # type: (Any, Any) -> Verdict
    """Is the host going down? Where no query has an answer, a stop that the init system itself asked for counts as yes."""
    for query in system.queries():
        answer, why = query()
        if answer is not None:
            return Verdict(answer, why, answer)
    why = '%s does not say whether the host is going down' % system.name
    mark = system.asked_by(environment)
    return Verdict(True, '%s, but it asked for this stop (%s)' % (why, mark), False) if mark else Verdict(None, why, False)
