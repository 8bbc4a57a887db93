"""What a shutdown keeps for the start after it: the list of its guests, written before the first is asked."""
from __future__ import absolute_import, division, print_function

import os

from kvm_graceful import diskwriter, startfiles, startlist
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.errors import BadList
from kvm_graceful.model import Problem

WITHOUT_GUESTS_S = 3.0  # for the disk, when a shutdown has nothing else to do
# Where host-start is enabled, so that a list which is still there is one that it could not come to use.
ENABLED = ('etc/systemd/system/multi-user.target.wants/kvm-graceful-start.service', 'etc/rc2.d',
           'etc/init/kvm-graceful-start.conf')
_INIT_SCRIPT = 'kvm-graceful-shutdown'
# What changes a guest's line on the list at once; all else only shows that it is off, which the next start sees by itself.
_WRITTEN_AT_ONCE = ('saved', 'joined', 'left')
# Where each verb's list is kept; `shed` is a stop that the watcher called.
_FILES = {'host-stop': startfiles.RESTORE, 'shed': startfiles.SHED}


class Keeper(object):
    """The list of one run, through its disk writer. Nothing here blocks but the reading of the older list, once."""

    def __init__(self, writer, verb, state_dir, environment, clock, root='/'):
        # type: (diskwriter.DiskWriter, str, str, Any, Any, str) -> None
        self._writer = writer
        self.problems = []  # type: list
        self._file = _FILES.get(verb, startfiles.STOPPED)
        self._mark, boot = mark(environment, root), startfiles.boot_id(root)
        self._older = []  # type: list
        if verb == 'host-stop':  # whoever was shed, and was to come back with the power, comes back with the host
            self._older = startlist.merged(
                self._read(lambda: startfiles.pending(state_dir, clock, boot), startfiles.STARTED),
                self._read(lambda: startfiles.shed(state_dir, clock), startfiles.SHED))
        found = self._read(lambda: startfiles.load(state_dir, self._file, clock), self._file)
        entries, data = found or ([], {})  # type: list, dict
        # A stop by hand, or the watcher's, adds to its list. A host's begins anew, unless it goes on with a run whose process
        # was killed.
        if verb != 'host-stop' or data.get('mark') == self._mark:
            self._older = startlist.merged(entries, self._older)

    def _read(self, call, name):
        # type: (Any, str) -> Any
        """What `call()` reads of the file `name`; an empty list, and a problem to be told, where that is no list. It is set
        aside, for ours is written all the same."""
        try:
            return call()
        except BadList as error:
            self.problems.append(Problem('warning', '', None, str(error)))
            self._writer.set_aside(name)
            return []

    def write(self, results, needs):
        # type: (list, dict) -> None
        """`results`: GuestResults so far; `needs`: names by key."""
        entries = startlist.merged(startlist.entries_of(results, needs), self._older)
        if entries:
            self._writer.replace(self._file, startlist.text_of(entries, self._mark),
                                 instead_of=startfiles.SHED if self._file == startfiles.RESTORE else None)

    def told(self, event, results, needs):
        # type: (Any, Any, Any) -> None
        """An event of the run; `results()` and `needs()` as for write()."""
        if event.what in _WRITTEN_AT_ONCE:
            self.write(results(), needs())


def mark(environment, root='/'):
    # type: (Any, str) -> str
    """Which shutdown this is. Two stop commands of one unit share its invocation; elsewhere a boot has one shutdown."""
    return environment.get('INVOCATION_ID') or startfiles.boot_id(root)


def without_guests(state_dir, environment, root, clock):
    # type: (str, Any, str, Any) -> None
    """The host goes down and no guest is on. In a child process: a dead disk may hang it, and never the shutdown."""
    child = os.fork()
    if not child:
        try:
            _without_guests(state_dir, environment, root, clock)
        finally:
            os._exit(0)
    until = clock.now() + WITHOUT_GUESTS_S
    while clock.now() < until and not os.waitpid(child, os.WNOHANG)[0]:
        clock.sleep(0.002)


def _without_guests(state_dir, environment, root, clock):
    # type: (str, Any, str, Any) -> None
    """A list of an earlier shutdown is retired: its guests have had their turn. It stays if it is of this very shutdown, or if
    the host goes down again before host-start could use it."""
    # A start was under way, and had not come to these; or they were shed, and the power has not come back.
    waiting = startlist.merged(startfiles.pending(state_dir, clock, startfiles.boot_id(root)), startfiles.shed(state_dir, clock))
    entries, data = startfiles.load(state_dir, startfiles.RESTORE, clock)
    of_this_one = data.get('mark') == mark(environment, root)
    if waiting:
        waiting = startlist.merged(entries if of_this_one else [], waiting)
        diskwriter.replace(state_dir, startfiles.RESTORE, startlist.text_of(waiting, mark(environment, root)))
        diskwriter.remove(os.path.join(state_dir, startfiles.SHED))
    elif entries and not of_this_one and not start_is_enabled(root):
        os.unlink(os.path.join(state_dir, startfiles.RESTORE))


def start_is_enabled(root):
    # type: (str) -> bool
    """Whether the init system runs host-start at boot."""
    unit, links, job = [os.path.join(root, path) for path in ENABLED]
    if os.path.isdir(os.path.join(root, 'run/systemd/system')):
        return os.path.lexists(unit)
    if os.path.exists(job):
        from kvm_graceful.host import upstart  # late: no other host needs it
        return not upstart.is_manual(root, 'kvm-graceful-start')
    return os.path.isdir(links) and any(name.startswith('S') and name.endswith(_INIT_SCRIPT) for name in os.listdir(links))
