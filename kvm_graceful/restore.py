"""start, host-start: the guests that the last shutdown took down are started again, in the order of their needs."""
from __future__ import absolute_import, division, print_function

import os
import signal

from kvm_graceful import engine, host, names, starter, startfiles, startlist, workers
from kvm_graceful.clock import Clock
from kvm_graceful.compat import PACKAGES, Any  # noqa: F401 (Any: type comments)
from kvm_graceful.console import Console
from kvm_graceful.diskwriter import DiskWriter
from kvm_graceful.errors import ConfigurationError, HypervisorError, UsageError
from kvm_graceful.hypervisor.starting import Several, Starting, connection
from kvm_graceful.inbox import Inbox
from kvm_graceful.model import StopAsking
from kvm_graceful.preparation import Options  # noqa: F401 (type comments)

CONNECT_AGAIN_S = 60.0  # how long host-start tries to reach a hypervisor: its daemon may still be on its way up
GOING_DOWN_EVERY_S = 2.0
LEAVE_S = 3.0


def host_start(options, system=None, environment=os.environ, root='/'):
    # type: (Options, Any, Any, str) -> dict
    """The init system's call at boot: once for each list that a host-stop wrote. Returns the record, or {'acted': False}."""
    system = system or host.detect(root)
    verdict = host.going_down(system, environment)
    if verdict.down:
        return _nothing('host-start', 'the host is going down (%s); no guest was started' % verdict.why)
    entries, _ = startfiles.load(options.state_dir, startfiles.RESTORE, Clock())
    if not entries:
        return _nothing('host-start', 'no guest is to be started again')
    settings = options.settings
    wanted = starter.Wanted(settings.on_boot == 'start', settings.start_delay_s, settings.sync_time, False)
    return _run('host-start', options, entries, wanted, startfiles.RESTORE, system, environment)


def start(options):
    # type: (Options) -> dict
    """By hand: the guests of the last `stop`, those that the last host-start did not start, and those that were shed. Raises
    UsageError."""
    if options.settings.errors():
        raise ConfigurationError(options.settings.errors())
    entries = waiting(options)
    known = [entry.name for entry in entries]
    unlisted = [name for name in options.guests if name not in known]
    if unlisted:
        raise UsageError('%s is not on the list of guests to start again%s; start it with: virsh start'
                         % (names.shown(unlisted[0]), names.nearest(unlisted[0], known)))
    if not entries:
        return _nothing('start', 'no guest is to be started again: none was stopped since the last start')
    return by_hand('start', options, entries)


def waiting(options):
    # type: (Options) -> list
    """Entries that a start by hand is for. Raises BadList."""
    clock = Clock()
    stopped = startlist.merged(startfiles.load(options.state_dir, startfiles.STOPPED, clock)[0],
                               startfiles.pending(options.state_dir, clock))
    return startlist.merged(stopped, startfiles.shed(options.state_dir, clock))


def start_shed(options):
    # type: (Options) -> dict
    """For the watcher: the guests that it shut down, and no other. Raises ConfigurationError, HypervisorError, BadList."""
    if options.settings.errors():
        raise ConfigurationError(options.settings.errors())
    clock = Clock()
    entries = startfiles.shed(options.state_dir, clock)
    if not entries:
        return _nothing('start', 'no guest that was shed is to be started again')
    settings = options.settings
    wanted = starter.Wanted(True, settings.start_delay_s, settings.sync_time, False)
    return _run('start', options, entries, wanted, startfiles.SHED, others=startfiles.pending(options.state_dir, clock))


def by_hand(verb, options, entries, ready=False):
    # type: (str, Options, list, bool) -> dict
    """Starts `entries` now, or those of them that `options` names; the others stay on the list. `ready`: waits for all."""
    settings = options.settings
    wanted = starter.Wanted(True, settings.start_delay_s, settings.sync_time, ready)
    return _run(verb, options, entries, wanted, startfiles.STOPPED)


def _nothing(verb, why):
    # type: (str, str) -> dict
    return {'schema': 1, 'verb': verb, 'acted': False, 'exit': 0, 'why': why}


# -- one real start

def _run(verb, options, entries, wanted, file_name, system=None, environment=None, others=()):
    # type: (str, Options, list, starter.Wanted, str, Any, Any, Any) -> dict
    """`others`: entries that stay on the list for a start by hand, besides those of `entries` that are not named."""
    clock = Clock()
    started = clock.wall()
    writer = DiskWriter(options.state_dir)  # forks: before threads, before libvirt
    inbox = Inbox(clock)
    _take_signals(lambda number: os._exit(128 + number))  # nothing is done yet, and the list is as it was
    console = Console(options.descriptor, verb == 'host-start' and 'JOURNAL_STREAM' not in os.environ)
    chosen = [entry for entry in entries if not options.guests or entry.name in options.guests]
    # A start at boot has nothing to do with the watcher's list: the host's shutdown has put it into its own.
    known = [] if system is not None else startfiles.load(options.state_dir, startfiles.SHED, clock)[0]
    shed = startlist.without(known, chosen)
    others = startlist.without(startlist.merged(entries, list(others)), chosen + known)
    hypervisors = _connect(options, chosen, clock, inbox, CONNECT_AGAIN_S if system is not None else 0.0)
    if system is not None:
        verdict = host.going_down(system, environment)
        if verdict.down:
            writer.close(LEAVE_S, clock)
            return _nothing(verb, 'the host is going down (%s); no guest was started' % verdict.why)
        workers.start(lambda: _watch_host(system, environment, clock, inbox))
    _take_signals(lambda number: inbox.put(StopAsking(number)))
    if os.path.exists(os.path.join(options.state_dir, file_name)):
        startfiles.take(options.state_dir, file_name)
    core = starter.Starter(chosen, wanted, clock.now())
    head = {'verb': verb, 'started': started, 'boot': startfiles.boot_id(), 'mark': '', 'shed': file_name == startfiles.SHED}
    record = _Record(writer, console, core, head, others)
    record.write()
    if shed != known and (shed or file_name != startfiles.SHED):  # the others the watcher need not start any more
        writer.replace(startfiles.SHED, startlist.text_of(shed))
    console.say('%s: %d guest%s' % (verb if verb == 'host-start' else 'start', len(chosen), '' if len(chosen) == 1 else 's'))
    engine.run(core, hypervisors, clock, record.tell)
    data = record.write(finished=round(clock.now() - core.started_at, 3), exit=core.exit_code(), cut_off=core.cut_off)
    for problem in writer.close(LEAVE_S, clock)[1]:
        console.say('warning: %s' % problem)
    console.flush(LEAVE_S)
    return dict(data, acted=True, guests=core.results())


def _connect(options, entries, clock, inbox, again_s):
    # type: (Options, list, Clock, Inbox, float) -> Several
    """All hypervisors of the list. Raises HypervisorError where none of them can be had: the list then stays as it is."""
    try:
        from kvm_graceful.hypervisor import libvirt_  # late: it takes longer than all the rest together
    except ImportError as error:
        raise HypervisorError("libvirt's Python binding is missing (%s); install %s-libvirt" % (error, PACKAGES))
    libvirt_.start_events()  # and no errors of the binding's own on standard error
    found = Several(lambda uri: Starting(lambda: connection(libvirt_.opened, uri), libvirt_.ping, clock, inbox,
                                         options.settings.bypass_cache), inbox)
    uris = sorted(set(entry.uri for entry in entries))
    errors = found.connect(uris, again_s, clock)
    if len(errors) == len(uris):
        raise errors[0]
    return found


class _Record(object):
    """started.json, written anew whenever something became of a guest, and the lines for people."""

    def __init__(self, writer, console, core, head, others):
        # type: (DiskWriter, Console, starter.Starter, dict, list) -> None
        self._writer, self._console, self._core, self._head = writer, console, core, head
        self._others = [dict(entry._asdict(), started_as=startlist.NOT_STARTED) for entry in others]

    def tell(self, event):
        # type: (Any) -> None
        who = names.shown(self._core.guests[event.key].entry.name) + ': ' if event.key is not None else ''
        self._console.say('%6.1f s  %s%s' % (event.at, who, event.text))
        self.write()

    def write(self, **more):
        # type: (**Any) -> dict
        data = dict(self._head, finished=None, exit=None, cut_off='')
        data.update(more)
        data['guests'] = self._core.results() + self._others
        self._writer.replace(startfiles.STARTED, startlist.text_of((), **data))
        return dict(data, schema=startlist.SCHEMA)


def _watch_host(system, environment, clock, inbox):
    # type: (Any, Any, Clock, Inbox) -> None
    """Tells once that the host is going down. On systemd our unit is stopped then as well; on sysvinit nobody says anything."""
    while True:
        verdict = host.going_down(system, environment)
        if verdict.down:
            inbox.put(starter.GoingDown('the host is going down (%s)' % verdict.why))
            return
        clock.sleep(GOING_DOWN_EVERY_S)


def _take_signals(end):
    # type: (Any) -> None
    """Each ends the start: `end(number)`."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: end(number))
