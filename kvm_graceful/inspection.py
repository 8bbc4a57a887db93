"""Looks at the host for `check`: its units or init script, what else manages guests, the state directory.

Reads files below a root and asks programs through `run(words)`, which gives what they print, or None.
"""
from __future__ import absolute_import, division, print_function

import glob
import os
import re
from collections import namedtuple

from kvm_graceful import defaults, hoststart, workers
from kvm_graceful.compat import Any, native  # noqa: F401 (Any: type comments)
from kvm_graceful.host import upstart

UNIT, START, TARGET = 'kvm-graceful-shutdown.service', 'kvm-graceful-start.service', 'virt-guest-shutdown.target'
START_JOB = 'kvm-graceful-start'
LIBVIRT_GUESTS, PACEMAKER = 'libvirt-guests.service', 'pacemaker.service'
DISK_S = 5.0  # for a look at a directory, which may be on a dead disk
_PROPERTIES = ('Id', 'LoadState', 'UnitFileState', 'ActiveState', 'TimeoutStopUSec', 'Before')

# What was seen. `init`: systemd, sysvinit or upstart; `units`: {name: {property: value}} (systemd); `scopes`: {name: [Before]};
# `links`: init scripts called on the way down, `disabled`: and not in runlevel 2 (sysvinit); `jobs`: those of upstart that it
# starts by itself; `starts`: host-start runs at boot; `auto_shutdown`: {key: value} of qemu.conf that is not none;
# `libvirt_guests`: {variable: value} of its file; `state`: what keeps the state directory from being written, or an empty text;
# `watches`: the watcher is at work.
Host = namedtuple('Host', 'init units scopes links disabled jobs starts auto_shutdown libvirt_guests state watches')


def look(init, root, run, config_file, state_dir, starts):
    # type: (str, str, Any, str, str, bool) -> Host
    """Everything at once. `config_file`: libvirt-guests' own is looked for beside it."""
    units, scopes, links, disabled = {}, {}, [], []  # type: dict, dict, list, list
    if init == 'systemd':
        units = _units(run, [UNIT, START, TARGET, LIBVIRT_GUESTS, PACEMAKER])
        scopes = dict((name, unit.get('Before', '').split()) for name, unit in _units(run, ['machine-qemu*.scope']).items())
    else:
        links = sorted(_links(root, 'etc/rc0.d') & _links(root, 'etc/rc6.d'))
        disabled = sorted(_links(root, 'etc/rc2.d') & set(links))
    variables = defaults.parse(_read(os.path.join(os.path.dirname(config_file), 'libvirt-guests')), '')[0]
    qemu_conf = _auto_shutdown(_text(_below(root, 'etc/libvirt/qemu.conf')))
    said = dict((name, value) for name, value, _ in variables if value)
    return Host(init, units, scopes, links, disabled, _jobs(root) if init == 'upstart' else [], starts, qemu_conf, said,
                _state(state_dir), bool(hoststart.pids(root, b'watch', state_dir)))


def _below(root, path):
    # type: (str, str) -> str
    return os.path.join(root, path)


def _links(root, folder):
    # type: (str, str) -> set
    """Names of the init scripts that are called with stop in that runlevel."""
    return set(os.path.basename(path)[3:] for path in glob.glob(os.path.join(_below(root, folder), 'K[0-9][0-9]*')))


def _jobs(root):
    # type: (str) -> list
    """Names of upstart's jobs, without those that an override makes manual."""
    names = [os.path.basename(path)[:-len('.conf')] for path in glob.glob(_below(root, 'etc/init/*.conf'))]
    return sorted(name for name in names if not upstart.is_manual(root, name))


def _read(path):
    # type: (str) -> bytes
    try:
        with open(path, 'rb') as stream:
            return stream.read(1 << 20)
    except (IOError, OSError):
        return b''


def _text(path):
    # type: (str) -> str
    try:
        return native(_read(path))
    except UnicodeDecodeError:
        return ''


def _units(run, names):
    # type: (Any, list) -> dict
    """{unit: {property: value}} as `systemctl show` gives them, for those that it knows."""
    answer = run(['systemctl', 'show', '--no-pager', '--property=' + ','.join(_PROPERTIES)] + names) or ''
    found = {}
    for block in answer.split('\n\n'):
        unit = dict(line.split('=', 1) for line in block.splitlines() if '=' in line)
        if unit.get('Id'):
            found[unit['Id']] = unit
    return found


def span_s(text):
    # type: (str) -> float | None
    """Seconds of a span as systemd writes it, 29min or 1min 30s; None for infinity or what is none."""
    parts = re.findall(r'([0-9.]+)(us|ms|s|min|h|d|w)\b', text)
    units = {'us': 1e-6, 'ms': 1e-3, 's': 1, 'min': 60, 'h': 3600, 'd': 86400, 'w': 604800}
    return sum(float(number) * units[unit] for number, unit in parts) if parts else None


def _auto_shutdown(text):
    # type: (str) -> dict
    """qemu.conf of libvirt 11.2 and later: what the daemon itself does with guests when it stops."""
    found = re.findall(r'(?m)^[ \t]*(auto_shutdown_(?:try_save|try_shutdown|poweroff))[ \t]*=[ \t]*"([a-z]*)"', text)
    return dict((key, value) for key, value in found if value != 'none')


def _state(path):
    # type: (str) -> str
    back, answer = workers.bounded(lambda: _state_problem(path), DISK_S)
    if not back:
        return 'does not answer: the disk is dead, or hangs'
    return str(answer)


def _state_problem(path):
    # type: (str) -> str
    while not os.path.exists(path):  # it is made when it is needed
        path = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(path):
        return '%s is not a directory' % path
    disk = os.statvfs(path)
    if disk.f_flag & 1 or not os.access(path, os.W_OK | os.X_OK):  # ST_RDONLY
        return '%s is read-only' % path
    return 'the disk of %s is full' % path if not disk.f_bavail else ''
