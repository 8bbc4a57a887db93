"""Guests that are started and then shut down by one client after the other, and what each client needed for it."""

import collections
import contextlib
import itertools
import json
import os
import signal
import subprocess
import tempfile
import time

import libvirt

from tests.lab.fleet import Fleet
from tests.lab.libvirtd import LabError, child_of, wait_until
from tests.lab.tool import Running

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = ['/usr/bin/python3', '-BEs']
SETTLE_S = 1.0          # after the last boot, so that no client meets what is left of QEMU's start
HEARD_WITHIN_S = 10
LIMIT_S = 400

# One client, once. `total_s`: from its start to its end; `after_s`: from the last guest that libvirtd was done with to its end;
# `cpu_s`, `peak_mb`: see metered.py; `pressed`, `off`, `gone`: {name: seconds from the start} of each guest's press, of its own
# end, and of libvirtd's word for it; `cut`: we ended it; `out`: what it printed.
Lap = collections.namedtuple('Lap', 'total_s after_s cpu_s peak_mb pressed off gone cut exit out')
numbers = itertools.count(1)


def metered(libvirtd, words, limit_s=LIMIT_S, env=None):
    """({started, ended, cpu_s, peak_mb, cut} of a command inside, tool.Ended)."""
    report = os.path.join(libvirtd.folder, 'metered-%d.json' % next(numbers))
    ended = Running(PYTHON + ['-S', os.path.join(HERE, 'metered.py'), report, str(limit_s)] + words, libvirtd,
                    env=env).wait(limit_s + 60)
    try:
        with open(report) as f:
            return json.load(f), ended
    except FileNotFoundError:
        raise LabError('%s did not run: %r' % (words[0], ended))


class Observer:
    """observer.py under way; `heard(since)` gives its lines."""

    def __init__(self, libvirtd):
        self._file = tempfile.TemporaryFile()
        self._process = subprocess.Popen(libvirtd.command(PYTHON + [os.path.join(HERE, 'observer.py')]), stdin=subprocess.DEVNULL,
                                         stdout=self._file, start_new_session=True)
        wait_until(lambda: self.heard(0), 30, 'the observer listens')

    def mark(self):
        return os.fstat(self._file.fileno()).st_size

    def heard(self, since):
        """[(what, uuid, instant)] that was heard since a mark()."""
        lines = os.pread(self._file.fileno(), 64 << 20, since).split(b'\n')[:-1]
        return [json.loads(line.decode()) for line in lines]

    def close(self):
        with contextlib.suppress(LabError, ProcessLookupError):
            os.kill(child_of(self._process.pid), signal.SIGTERM)
        self._process.wait()
        self._file.close()


class Course:
    """Guests in a private libvirtd: `names` with the options that `of(name)` gives (see LabGuest)."""

    def __init__(self, libvirtd, names, of):
        self.libvirtd = libvirtd
        self.folder = os.path.join(libvirtd.folder, 'course-%d' % next(numbers))
        os.makedirs(self.folder)
        self.fleet = Fleet(libvirtd.connection, self.folder)
        self.names = list(names)
        for name in self.names:
            self.fleet.add(name, **of(name))
        self._observer = Observer(libvirtd)

    def close(self):
        self._observer.close()
        self.fleet.remove()

    def new_folder(self):
        folder = os.path.join(self.folder, 'client-%d' % next(numbers))
        os.makedirs(folder)
        return folder

    def lap(self, words, limit_s=LIMIT_S, env=None, whole=True, heard_s=HEARD_WITHIN_S):
        """All guests are started, then `words` runs. Raises LabError unless they have all gone off by themselves and it ended with
        0, or, where not the `whole` is asked for, ends it after `limit_s` seconds and removes what is still on. `heard_s`: how long
        libvirtd's word for the last guest may come later."""
        self.fleet.start()
        time.sleep(SETTLE_S)
        mark = self._observer.mark()
        used, ended = metered(self.libvirtd, words, limit_s, env)
        heard = {'POWERDOWN': {}, 'SHUTDOWN': {}, 'STOPPED': {}}
        name_of = {guest.uuid: guest.name for guest in self.fleet.guests}

        def listen():
            for what, uuid, at in self._observer.heard(mark):
                if uuid in name_of:  # there may be guests of others
                    heard[what].setdefault(name_of[uuid], at - used['started'])
            return len(heard['STOPPED']) == len(self.names)
        if whole:
            if ended.exit or used['cut']:
                raise LabError('a client failed: %r' % ended)
            wait_until(listen, heard_s, 'all guests are off, after %r' % ended)
            dirty = [guest.name for guest in self.fleet.guests if guest.disk_says() != 'CLEAN']
            if dirty or len(heard['POWERDOWN']) != len(self.names):
                raise LabError('not all shut down by themselves: %s\n%r' % (', '.join(dirty), ended))
        else:
            listen()
            self._switch_off()
        total_s = used['ended'] - used['started']
        return Lap(total_s, total_s - max(heard['STOPPED'].values(), default=total_s), used['cpu_s'], used['peak_mb'],
                   heard['POWERDOWN'], heard['SHUTDOWN'], heard['STOPPED'], used['cut'], ended.exit, ended.out)

    def _switch_off(self):
        for guest in self.fleet.guests:
            with contextlib.suppress(libvirt.libvirtError):  # it is off
                self.fleet.domain(guest).destroy()


def span_s(lap):
    """From the first press to the last, by QEMU's own clock."""
    return max(lap.pressed.values()) - min(lap.pressed.values())
