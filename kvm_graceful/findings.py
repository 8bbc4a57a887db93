"""What would go wrong at the next shutdown of this host: findings from what was seen of it. Pure."""
from __future__ import absolute_import, division, print_function

from collections import namedtuple

from kvm_graceful import inspection
from kvm_graceful.compat import Any  # noqa: F401 (type comments)

# One finding. `id`: never changes its meaning; `level`: error (guests will be lost, or time runs out) or warning; `guest`:
# its name or an empty text; `what` and `todo`: for people.
Finding = namedtuple('Finding', 'id level guest what todo')

TARGET_LIMIT_S = 30 * 60  # poweroff.target and its siblings force the end then
UNIT_MARGIN_S = 45        # what a unit's own limit has to leave beyond the deadline: one forced end, and the record
# libvirt orders a guest's scope before one of these, by its release and settings; our unit is ordered after all of them.
_ORDERED = frozenset(['virt-guest-shutdown.target', 'libvirtd.service', 'virtqemud.service', 'libvirt-guests.service'])
REFUSED = {'lxc': 'a container is asked by a signal to its init, and this program knows only power buttons and agents',
           'xen': 'Xen shuts its guests down by means of its own (xendomains)',
           'vbox': 'VirtualBox runs as a user, who is logged out before', 'vz': 'Virtuozzo has a service of its own',
           'esx': 'the guests run on another host', 'vpx': 'the guests run on other hosts',
           'hyperv': 'the guests run on another host'}


def error(id_, what, todo, guest=''):
    # type: (str, str, str, str) -> Finding
    return Finding(id_, 'error', guest, what, todo)


def warning(id_, what, todo, guest=''):
    # type: (str, str, str, str) -> Finding
    return Finding(id_, 'warning', guest, what, todo)


def of_host(host, settings, deadline_s, limit_s):
    # type: (inspection.Host, Any, float, float) -> list
    """`deadline_s`: what a shutdown may take, `limit_s`: what the init system leaves it."""
    found = _of_systemd(host, deadline_s) if host.init == 'systemd' else {'upstart': _of_upstart}.get(host.init, _of_sysv)(host)
    found += _other_managers(host, settings)
    if host.state:
        found.append(error('state-directory', 'no record can be kept: %s' % host.state,
                           'make it writable: without it no time is learnt and no guest is started again'))
    wanted_s = settings.deadline_s
    if wanted_s is not None and wanted_s > limit_s:
        found.append(warning('deadline-above-limit', 'DEADLINE is %d s, and the init system ends everything after %d s'
                             % (wanted_s, limit_s), 'set DEADLINE to %d, or to 0 for that limit' % limit_s))
    if settings.on_boot == 'start' and not host.starts:
        found.append(warning('start-not-enabled', 'ON_BOOT=start, and nothing starts the guests at boot',
                             'systemctl enable %s' % inspection.START if host.init == 'systemd'
                             else 'put back /etc/init/%s.conf' % inspection.START_JOB if host.init == 'upstart'
                             else 'update-rc.d kvm-graceful-shutdown defaults'))
    return found


def _of_systemd(host, deadline_s):
    # type: (inspection.Host, float) -> list
    found = []
    unit = host.units.get(inspection.UNIT, {})
    if unit.get('UnitFileState') not in ('enabled', 'enabled-runtime', 'static'):
        found.append(error('unit-not-enabled', '%s is %s: after the next boot no guest is shut down'
                           % (inspection.UNIT, unit.get('UnitFileState') or 'not installed'),
                           'systemctl unmask %s; systemctl enable %s' % (inspection.UNIT, inspection.UNIT)))
    if unit.get('ActiveState') != 'active':
        found.append(error('unit-not-active', '%s is not active: the next shutdown passes the guests by' % inspection.UNIT,
                           'systemctl start %s' % inspection.UNIT))
    found += _unit_timeout(unit, deadline_s)
    if host.scopes and host.units.get(inspection.TARGET, {}).get('ActiveState') != 'active':
        found.append(error('target-not-active', '%s is not active: nothing keeps systemd from ending QEMU before its guest '
                           'is off' % inspection.TARGET, 'systemctl start %s' % inspection.TARGET))
    for name in sorted(host.scopes):
        if not _ORDERED.intersection(host.scopes[name]):
            found.append(error('scope-order', '%s is not ordered before %s: systemd ends it while guests shut down'
                               % (name, inspection.TARGET),
                               'another release or setting of libvirt started it: shut this guest down and start it again'))
    return found


def _unit_timeout(unit, deadline_s):
    # type: (dict, float) -> list
    text = unit.get('TimeoutStopUSec', '')
    span_s = inspection.span_s(text)
    if span_s is not None and span_s < deadline_s + UNIT_MARGIN_S:
        return [error('unit-timeout', '%s is given up by systemd after %s, and a shutdown may take %d s'
                      % (inspection.UNIT, text, deadline_s),
                      'take TimeoutStopSec out of its drop-in (systemctl edit %s), or lower DEADLINE' % inspection.UNIT)]
    if text == 'infinity' or (span_s or 0) > TARGET_LIMIT_S:
        return [warning('unit-timeout-unbounded',
                        '%s may take %s, and systemd forces a poweroff after 30 minutes whatever that says'
                        % (inspection.UNIT, text),
                        'take TimeoutStopSec out of its drop-in (systemctl edit %s)' % inspection.UNIT)]
    return []


def _of_sysv(host):
    # type: (inspection.Host) -> list
    if 'kvm-graceful-shutdown' in host.links:
        if 'libvirt-guests' not in host.disabled:
            return []
        # insserv has libvirtd wait for us only through libvirt-guests, and startpar takes a disabled script out of the chain.
        return [warning('libvirt-guests-disabled',
                        'libvirt-guests is disabled, and libvirtd then stops beside us: guests are asked '
                        'past it, but none can be saved', 'update-rc.d libvirt-guests enable; it finds nothing left to do')]
    return [error('init-script-not-enabled', 'the init script is not called on the way to halt and reboot: no guest is shut down',
                  'update-rc.d kvm-graceful-shutdown defaults')]


def _of_upstart(host):
    # type: (inspection.Host) -> list
    found = []
    if 'kvm-graceful-shutdown-wait' not in host.links:
        found.append(error('init-script-not-enabled', 'the waiting script is not called on the way to halt and reboot: the host '
                           'does not wait until its guests are off',
                           'update-rc.d kvm-graceful-shutdown-wait start 01 0 6 . stop 01 0 1 6 .'))
    for job, why in (('kvm-graceful-shutdown', 'nothing holds libvirt-bin until the guests are off'),
                     ('kvm-graceful-shutdown-takeover', "libvirt-bin itself destroys guests after 30 s (from Ubuntu 11.10 on)")):
        if job not in host.jobs:
            found.append(error('job-missing', 'upstart has no job %s, or it is switched off: %s' % (job, why),
                               'rm -f /etc/init/%s.override; without its .conf: dpkg -i --force-confmiss' % job))
    return found


def _other_managers(host, settings):
    # type: (inspection.Host, Any) -> list
    found = []
    if host.auto_shutdown:
        said = ', '.join('%s = "%s"' % pair for pair in sorted(host.auto_shutdown.items()))
        found.append(warning('auto-shutdown', 'qemu.conf has %s: libvirt shuts guests down by itself, in no order' % said,
                             'set it to "none", restart libvirt, and restart the guests when that suits them'))
    ours = dict((reading.name, reading.value) for reading in settings.readings if not reading.where.endswith('/libvirt-guests'))
    if _is_on(host, inspection.LIBVIRT_GUESTS, 'libvirt-guests'):
        for name in ('ON_SHUTDOWN', 'ON_BOOT'):
            theirs = host.libvirt_guests.get(name)
            if theirs and name in ours and ours[name] != theirs:
                found.append(warning('libvirt-guests-differs',
                                     'libvirt-guests is enabled and says %s=%s, ours %s=%s; ours goes first'
                                     % (name, theirs, name, ours[name]),
                                     'say the same in both files, or: systemctl disable libvirt-guests'))
    if _is_on(host, inspection.PACEMAKER, 'pacemaker'):
        found.append(warning('pacemaker',
                             'Pacemaker runs on this host, and starts guests that are its resources again while they are '
                             'shut down', 'leave those guests to it (on-shutdown = ignore), or stop its resources before'))
    return found


def _is_on(host, unit, script):
    # type: (inspection.Host, str, str) -> bool
    state = host.units.get(unit, {})
    return state.get('ActiveState') == 'active' or state.get('UnitFileState') == 'enabled' or script in host.links


def of_uris(uris):
    # type: (list) -> tuple
    """([Finding], [URIs that can be used])."""
    found, good = [], []
    for uri in uris:
        driver = uri.split(':')[0].split('+')[0]
        if driver in REFUSED:
            found.append(error('uri-refused', '%s: %s' % (uri, REFUSED[driver]), 'take it out of URIS'))
        else:
            good.append(uri)
    return found, good
