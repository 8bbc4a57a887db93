"""What a host VM left on its disk, read without mounting it, after it is gone."""

import json
import os
import re
import subprocess
from collections import namedtuple

from kvm_graceful import record
from kvm_graceful.errors import NoRecord

Entry = namedtuple('Entry', 'at who text')

COPIED = ('/lab', '/var/log', record.STATE_DIR)


class Evidence:
    """`disk`: the raw disk; what is of interest gets copied below `folder`."""

    def __init__(self, disk, folder, copied=COPIED):
        self.disk, self.folder = disk, folder
        self.host_fs = file_system_state(disk)
        if self.host_fs != 'clean':
            # What was written last may stand in the journal of the file system alone.
            subprocess.run(['e2fsck', '-fy', '-E', 'journal_only', disk], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for path in copied:
            os.makedirs(os.path.dirname(folder + path), exist_ok=True)
            copy_out(disk, path, os.path.dirname(folder + path))

    def path(self, path):
        return self.folder + path

    def inner(self, path):
        """The Evidence of a file system in a file of this one."""
        return Evidence(self.path(path), self.path(path) + '.files', ['/'])

    def disks_say(self, guests):
        """{guest's name: DIRTY or CLEAN}, from sector 2 of each guest's disk."""
        said = {}
        for guest in guests:
            guest.image = self.path(guest.inside)
            said[guest.name] = guest.disk_says()
        return said

    def run(self):
        """The last run's record, as data; None where there is none."""
        try:
            return record.load(self.path(record.STATE_DIR))
        except NoRecord:
            return None

    def journal(self):
        """Entry (seconds since its boot, unit or program, text) of the last boot."""
        done = subprocess.run(['journalctl', '--directory', self.path('/var/log/journal'), '--boot', '0', '--output', 'json',
                               '--output-fields', 'MESSAGE,UNIT,SYSLOG_IDENTIFIER,_SYSTEMD_UNIT'],
                              check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        fields = [json.loads(line) for line in done.stdout.splitlines()]
        return [Entry(int(entry['__MONOTONIC_TIMESTAMP']) / 1e6,
                      entry.get('UNIT') or entry.get('_SYSTEMD_UNIT') or entry.get('SYSLOG_IDENTIFIER') or '',
                      entry['MESSAGE'] if isinstance(entry.get('MESSAGE'), str) else '') for entry in fields]


def file_system_state(disk):
    """`clean`, or what dumpe2fs says against it."""
    shown = subprocess.run(['dumpe2fs', '-h', disk], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    state = re.search(r'^Filesystem state:\s+(.*)$', shown, re.MULTILINE).group(1)
    return state + (', its journal is not replayed' if 'needs_recovery' in shown else '')


def copy_out(disk, path, folder):
    """A folder or file of a disk's file system, with all below it; nothing where it is not there."""
    subprocess.run(['debugfs', '-R', 'rdump %s %s' % (path, folder), disk], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
