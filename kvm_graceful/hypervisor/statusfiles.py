"""The guests of this host without a word to libvirtd: from the status files that libvirt keeps of each, and from /proc."""
from __future__ import absolute_import, division, print_function

import os
from collections import namedtuple

from kvm_graceful import model, plainfile
from kvm_graceful.compat import Any, as_bytes, as_native  # noqa: F401 (Any: type comments)
from kvm_graceful.hypervisor import commandlines, domainxml, processes, qemuprocess

FOLDERS = ('run/libvirt/qemu', 'var/run/libvirt/qemu')  # /run since Debian 7 and Ubuntu 11.10
DEFINED = 'etc/libvirt/qemu'

# A guest that is on. `monitor`, `agent`: paths of its sockets, empty where unknown; `job`: the long work that libvirtd had in
# hand with it (save, dump, snapshot, migration out, migration in), or empty.
Known = namedtuple('Known', 'guest process monitor agent job')

# domstatus/@state, and for paused its @reason, in our words.
_STATES = {'running': model.RUNNING, 'blocked': model.RUNNING, 'idle': model.RUNNING, 'paused': model.PAUSED,
           'in shutdown': model.GOING_OFF, 'crashed': model.CRASHED, 'pmsuspended': model.SUSPENDED}
_REASONS = {'user': 'user', 'migration': 'migration', 'save': 'save', 'dump': 'dump', 'ioerror': 'I/O error',
            'watchdog': 'watchdog', 'from-snapshot': 'snapshot', 'from snapshot': 'snapshot', 'shutdown': 'shutting down',
            'snapshot': 'snapshot', 'crashed': 'crashed', 'starting-up': 'starting', 'starting up': 'starting',
            'postcopy': 'postcopy', 'postcopy-failed': 'postcopy'}


def on(uri, root='/'):
    # type: (str, str) -> list
    """A Known for each guest of libvirt that is on, by name. Nothing here blocks on libvirtd."""
    ages = processes.ages(root)
    found = {}  # type: dict
    for folder in FOLDERS:
        folder = os.path.join(root, folder)
        names = sorted(_entries(folder), key=lambda name: not name.endswith('.xml'))  # a status file knows more than a pid file
        for name in names:
            base, ending = os.path.splitext(name)
            known = None
            if ending == '.xml':
                known = _of_status(os.path.join(folder, name), uri, root, ages)
            elif ending == '.pid':
                known = _of_pid(os.path.join(folder, name), base, uri, root, ages)
            if known is not None:
                found.setdefault(known.guest.uuid, known)
    return sorted(found.values(), key=lambda known: (known.guest.name, known.guest.uuid))


def processes_by_uuid(uri, root='/'):
    # type: (str, str) -> dict
    """{uuid: qemuprocess.Process} of the guests that are on. Where two processes claim a UUID, libvirt's files decide, which
    only root writes."""
    claims = processes.claims(root)
    sure = {}  # type: dict
    if any(len(found) > 1 for found in claims.values()):
        sure = dict((known.guest.uuid, known.process) for known in on(uri, root))
    return dict((uuid, sure.get(uuid, found[0]) if len(found) > 1 else found[0]) for uuid, found in claims.items())


def names(root='/'):
    # type: (str) -> list
    """Names of all domains that libvirt knows, on or off, as far as files tell."""
    return [name[:-4] for name in _entries(os.path.join(root, DEFINED)) if name.endswith('.xml')]


def _entries(folder):
    # type: (str) -> list
    try:
        return os.listdir(folder)
    except (IOError, OSError):
        return []


def _of_status(path, uri, root, ages):
    # type: (str, str, str, dict) -> Known | None
    """None for a file that is none, or whose QEMU is gone: one that libvirtd could not remove tells of no guest."""
    try:
        return of_status(plainfile.read(path, domainxml.MAX_BYTES), uri, root, ages)
    except (ValueError, IOError, OSError):
        return None


def of_status(data, uri, root, ages):
    # type: (bytes, str, str, dict) -> Known | None
    """What the bytes of a status file tell. Raises ValueError for what is none."""
    try:
        status = domainxml.tree(data, 'domstatus')
        domain = status.find('domain')
        uuid, name = as_native((domain.findtext('uuid') or '').strip()), as_native(domain.findtext('name') or '')
        process = _process(int(status.get('pid', '0')), uuid, name, root)
        if process is None:
            return None
        told = domainxml.of_element(domain)
        state = _STATES.get(status.get('state', ''), model.UNKNOWN)
        reason = _REASONS.get(status.get('reason', ''), 'unknown') if state == model.PAUSED else ''
        monitor, job = status.find('monitor'), status.find('job')
        return Known(_guest(uri, name, uuid, state, reason, told, root, ages), process,
                     as_native(monitor.get('path', '')) if monitor is not None and monitor.get('type') == 'unix' else '',
                     domainxml.agent_socket(domain), _job(job))
    except (AttributeError, TypeError, IOError, OSError) as error:
        raise ValueError('no status file: %s' % error)


def _job(element):
    # type: (Any) -> str
    name = '' if element is None else as_native(element.get('async', 'none'))
    return '' if name == 'none' else name


def _of_pid(path, name, uri, root, ages):
    # type: (str, str, str, str, dict) -> Known | None
    """A guest whose status file is gone or torn. Its sockets are not known: it can be ended, not asked."""
    try:
        pid = int(plainfile.read(path, 64).decode('ascii'))
        uuid = qemuprocess.uuid_in(commandlines.words_of(pid, root))
    except (ValueError, IOError, OSError):
        return None
    process = None if uuid is None else _process(pid, uuid, name, root)
    if process is None:
        return None
    return Known(_guest(uri, name, uuid or '', model.UNKNOWN, '', domainxml.NOTHING, root, ages), process, '', '', '')


def _guest(uri, name, uuid, state, reason, told, root, ages):
    # type: (str, str, str, str, str, Any, str, dict) -> model.Guest
    persistent = os.path.exists(os.path.join(root, DEFINED, name + '.xml'))
    return model.Guest('%s#%s' % (uri, uuid), name, uuid, uri, state, persistent, reason, told.memory_mib, told.agent,
                       told.restarts, ages.get(uuid), tuple(sorted(told.keys.items())), told.unsavable)


def _process(pid, uuid, name, root):
    # type: (int, str, str, str) -> qemuprocess.Process | None
    """The QEMU of that guest. A pid file outlives its process, and the pid may be somebody else's by now."""
    process = qemuprocess.identify(pid, root) if pid > 1 else None
    if process is None or not uuid:
        return None
    words = commandlines.words_of(pid, root)
    if qemuprocess.uuid_in(words) != uuid or qemuprocess.name_in(words) != as_bytes(name):
        return None
    return process if qemuprocess.is_alive(process, root) else None  # the words are of the same process
