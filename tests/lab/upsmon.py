"""Hosts on a UPS: a libvirtd of its own for each, with NUT's real upsmon, whose shutdown command is our host-stop."""

import contextlib
import os
import subprocess
import time

from .fleet import Fleet
from .libvirtd import LabError, child_of, wait_until
from .nut import DAEMONS
from .tool import Tool


class UpsHost:
    """What goes on inside `libvirtd`'s namespaces. `log`: instants (CLOCK_MONOTONIC) of what happened to the host; `prefix`: words
    in front of its commands, such as those that enter its network; `extra`: lines of upsmon.conf; `blind`: its host-stop is told
    of no UPS, so that nobody but upsmon is logged in for this host."""

    def __init__(self, libvirtd, nut, ups='ups', role='primary', prefix=(), extra='', settings='', guests='', blind=False):
        self.libvirtd, self._prefix = libvirtd, list(prefix)
        self.fleet = Fleet(libvirtd.connection, libvirtd.folder)
        self.folder = os.path.join(libvirtd.folder, 'host')
        self.log, self.flag = os.path.join(self.folder, 'log'), os.path.join(self.folder, 'killpower')
        os.makedirs(os.path.join(self.folder, 'bin'))
        os.makedirs(os.path.join(libvirtd.state, 'run/nut'), exist_ok=True)
        self.tool = Tool(os.path.join(self.folder, 'tool'), libvirtd)
        self.tool.configure(settings, guests)
        user = 'one' if role == 'primary' else 'two'
        self._write('nut.conf', 'MODE=netclient\n')
        self._write('upsmon.conf', 'MONITOR %s@%s:%d 1 %s %s %s\nRUN_AS_USER root\nPOLLFREQ 1\nPOLLFREQALERT 1\nDEADTIME 15\n'
                    'FINALDELAY 0\nPOWERDOWNFLAG %s\nSHUTDOWNCMD %s/bin/down\n%s' % (
                        ups, nut.address, nut.port, user, user, role, self.flag, self.folder, extra))
        # What upsmon calls in place of shutdown(8): the host goes down from now on, our unit's ExecStop runs, and then the watcher
        # is stopped, as the units are ordered.
        host_stop = ('NUT_CONFPATH=/nonexistent ' if blind else '') + ' '.join(self.tool.words('host-stop'))
        self._write('bin/down', '#!/bin/sh\n%s down\necho "#!/bin/sh\necho 2 0" >%s/bin/runlevel\n'
                    'PATH=%s/bin:$PATH %s >>%s/host-stop 2>&1\n%s off\n[ ! -e %s/watch.pid ] || kill "$(cat %s/watch.pid)"\n' % (
                        self._stamp(), self.folder, self.folder, host_stop, self.folder, self._stamp(), self.folder, self.folder), 0o755)
        self._write('bin/runlevel', '#!/bin/sh\necho N 2\n', 0o755)
        # Nothing here may reach the machine's own init.
        self._write('bin/shutdown', '#!/bin/sh\n%s init\n' % self._stamp(), 0o755)
        os.symlink(DAEMONS + '/upsmon', os.path.join(self.folder, 'bin', 'upsmon'))
        self.environment = {'NUT_CONFPATH': self.folder, 'PATH': self.folder + '/bin:/usr/sbin:/usr/bin:/sbin:/bin'}
        self._upsmon = None

    def start_upsmon(self):
        self._upsmon = self._run(['upsmon', '-F'], 'upsmon.log')
        wait_until(lambda: os.path.exists(os.path.join(self.libvirtd.state, 'run/nut/upsmon.pid')), 20, 'upsmon runs')

    def watch(self):
        """The watcher, from now on; what it says goes to `said()`."""
        words = ['sh', '-c', 'echo $$ >%s/watch.pid; exec "$@"' % self.folder, 'sh'] + self.tool.words('watch')
        pid = child_of(self._run(words, 'watch.log').pid)
        try:
            wait_until(lambda: 'on mains' in self.said(), 60, 'the watcher watches')
        except LabError as e:
            raise LabError('%s: %s' % (e, self.said()))
        return pid

    def said(self):
        with contextlib.suppress(FileNotFoundError), open(os.path.join(self.folder, 'watch.log')) as f:
            return f.read()
        return ''

    def instant(self, word):
        """When the host was told to go `down`, had its guests `off`, or was shut down by its `init`; None for never."""
        with contextlib.suppress(FileNotFoundError), open(self.log) as f:
            lines = [line.split() for line in f if line.endswith('\n')]  # another may be on its way
            found = [float(words[1]) for words in lines if words[:1] == [word]]
            return found[0] if found else None

    def _run(self, words, log):
        with open(os.path.join(self.folder, log), 'a') as f:
            return subprocess.Popen(self._prefix + self.libvirtd.command(words), env=dict(os.environ, **self.environment),
                                    stdin=subprocess.DEVNULL, stdout=f, stderr=f, start_new_session=True)

    def _stamp(self):
        return "/usr/bin/python3 -c 'import sys, time; print(sys.argv[1], time.monotonic())' >>%s" % self.log

    def _write(self, name, text, mode=0o644):
        path = os.path.join(self.folder, name)
        with open(path, 'w') as f:
            f.write(text)
        os.chmod(path, mode)


def cpu_s(pid):
    """CPU time of all threads of a process, from the scheduler (to the nanosecond)."""
    total = 0
    for task in os.listdir('/proc/%d/task' % pid):
        with contextlib.suppress(OSError), open('/proc/%d/task/%s/schedstat' % (pid, task)) as f:
            total += int(f.read().split()[0])
    return total / 1e9


def memory_mb(pid):
    with open('/proc/%d/status' % pid) as f:
        return next(int(line.split()[1]) for line in f if line.startswith('VmRSS:')) / 1024


def sleep_until(instant):
    time.sleep(max(0, instant - time.monotonic()))
