"""sysvinit: the runlevel tells. Also what upstart has in common with it."""
from __future__ import absolute_import, division, print_function

import os

from kvm_graceful.compat import Any  # noqa: F401 (type comments)

# Nothing but DEADLINE limits a shutdown here.
LIMIT_S = 24 * 3600
# 1 too: killprocs ends every process on the way to single user mode, QEMU among them.
DOWN = ('0', '6', '1')


class SysV(object):
    """Two ways to know the runlevel: utmp, and the rc script at work."""

    name = 'sysvinit'
    limit_s = LIMIT_S

    def __init__(self, root, run):
        # type: (str, Any) -> None
        self._root, self._run = root, run

    def asked_by(self, environment):
        # type: (Any) -> str
        # init sets it for rc, and rc for its scripts. Daemons and shells may have one left over from the boot: 2.
        level = environment.get('RUNLEVEL')
        return 'RUNLEVEL is %s' % level if level in DOWN else ''

    def inhibitor_delay_s(self):
        # type: () -> float
        return 0.0

    def queries(self):
        # type: () -> list
        return [self._utmp, self._rc]

    def _utmp(self):
        # type: () -> tuple
        words = (self._run(['runlevel']) or '').split()
        if len(words) != 2 or words[1] not in ('0', '1', '2', '3', '4', '5', '6', 'S', 's'):
            return None, ''  # `unknown` without a utmp
        return words[1] in DOWN, 'the runlevel is %s' % words[1]

    def _rc(self):
        # type: () -> tuple
        """`/etc/init.d/rc 0` is the process that changes the runlevel; no such process is no answer."""
        proc = os.path.join(self._root, 'proc')
        for entry in os.listdir(proc):
            try:
                if os.stat(os.path.join(proc, entry)).st_uid != os.geteuid():
                    continue  # anybody may write these words on a command line; rc is root's, as we are
                with open(os.path.join(proc, entry, 'cmdline'), 'rb') as stream:
                    words = stream.read(4096).decode('utf-8', 'replace').split('\0')
            except (IOError, OSError):
                continue
            for script, level in zip(words, words[1:]):
                if script in ('/etc/init.d/rc', '/lib/init/rc', '/etc/rc.d/rc') and level in DOWN:
                    return True, '%s %s is running' % (script, level)
        return None, ''
