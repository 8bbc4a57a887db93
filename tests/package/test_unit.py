"""The systemd unit: ordered after all that guests need, bound to nothing, free of what could keep it from stopping."""
import os

import pytest

from kvm_graceful import limits

ORDERED_AFTER = """
    virt-guest-shutdown.target libvirt-guests.service libvirtd.service libvirtd.socket libvirt-bin.service
    virtqemud.service virtqemud.socket virtlogd.service virtlockd.service systemd-machined.service dbus.service
    network.target remote-fs.target iscsid.service nut-server.service nut-monitor.service apcupsd.service
""".split()

# They need a mount namespace (systemd.exec(5)) or a directory: a missing or hung one would keep ExecStop from running.
NOT_ALLOWED = """
    ProtectSystem ProtectHome ProtectKernelTunables ProtectKernelModules ProtectKernelLogs ProtectControlGroups
    ProtectProc ProcSubset PrivateTmp PrivateDevices PrivateMounts PrivateIPC PrivateUsers PrivateNetwork MountFlags
    MountAPIVFS ReadWritePaths ReadOnlyPaths InaccessiblePaths ExecPaths NoExecPaths ReadWriteDirectories
    ReadOnlyDirectories InaccessibleDirectories BindPaths BindReadOnlyPaths TemporaryFileSystem RootDirectory
    RootImage RootHash DynamicUser NetworkNamespacePath IPCNamespacePath LogNamespace ExtensionImages
    ExtensionDirectories MountImages StateDirectory RuntimeDirectory CacheDirectory LogsDirectory
    ConfigurationDirectory WorkingDirectory RequiresMountsFor EnvironmentFile LoadCredential
""".split()


@pytest.fixture(scope='module')
def unit(package):
    """The unit as installed."""
    return parsed(package, 'kvm-graceful-shutdown.service')


def parsed(package, name):
    """{(section, name): [value]} of an installed unit."""
    found, section = {}, None
    with open(package.root + '/usr/lib/systemd/system/' + name) as stream:
        for line in stream.read().splitlines():
            assert not line.endswith('\\')
            if line.startswith('['):
                section = line.strip('[]')
            elif line and line[0] not in '#;':
                name, _, value = line.partition('=')
                found.setdefault((section, name), []).append(value)
    return found


def test_is_active_at_once_and_its_stop_is_the_program(unit):
    assert unit['Service', 'Type'] == ['oneshot']
    assert unit['Service', 'RemainAfterExit'] == ['yes']
    assert unit['Service', 'ExecStart'] == ['/bin/true']
    # The minus: without it systemd would not go on to the second line when the first process was killed.
    assert unit['Service', 'ExecStop'] == ['-/usr/sbin/kvm-graceful host-stop', '/usr/sbin/kvm-graceful host-stop --again']
    assert unit['Service', 'ExecStopPost'] == ['/usr/sbin/kvm-graceful host-stop --again']
    assert unit['Install', 'WantedBy'] == ['multi-user.target']


def test_stops_before_all_that_guests_need(unit):
    after = ' '.join(unit['Unit', 'After']).split()
    assert set(ORDERED_AFTER) <= set(after)
    assert len(after) == len(set(after))
    assert ('Unit', 'Before') not in unit
    # A target orders only while it is active.
    assert 'virt-guest-shutdown.target' in unit['Unit', 'Wants']


def test_restarting_a_daemon_cannot_stop_it(unit):
    bound = {'Requires', 'Requisite', 'BindsTo', 'PartOf', 'Upholds', 'ConsistsOf', 'PropagatesStopTo',
             'StopPropagatedFrom', 'Conflicts'}
    assert not [name for _, name in unit if name in bound]
    assert unit['Unit', 'IgnoreOnIsolate'] == ['yes']
    # Without its default dependencies it would not be stopped when the host goes down.
    assert ('Unit', 'DefaultDependencies') not in unit


def test_time_limit_is_finite_and_below_the_targets_own(unit):
    assert unit['Service', 'TimeoutStopSec'] == ['29min']
    assert ('Service', 'TimeoutSec') not in unit


def test_descriptors_for_ten_thousand_guests(unit):
    """As many as the program would give itself where nothing forbids it."""
    assert unit['Service', 'LimitNOFILE'] == [str(limits.DESCRIPTORS)]


def test_a_child_on_a_dead_disk_holds_up_nothing(unit):
    """After a SIGKILL systemd would wait for the end of a process that cannot end as long as TimeoutStopSec says."""
    assert unit['Service', 'KillMode'] == ['mixed']
    assert unit['Service', 'SendSIGKILL'] == ['no']


def test_is_active_before_what_it_is_ordered_after(unit, package):
    """A boot that waits for a UPS driver or for the time must not leave guests that run already without protection."""
    assert 'kvm-graceful-shutdown-arm.service' in unit['Unit', 'Wants']
    arm = parsed(package, 'kvm-graceful-shutdown-arm.service')
    assert arm['Service', 'ExecStart'] == [
        '/bin/systemctl --no-block --job-mode=ignore-dependencies start kvm-graceful-shutdown.service']
    assert arm['Service', 'Type'] == ['oneshot']
    # It stands in nobody's way, and comes and goes with the unit that it serves.
    assert not [name for _, name in arm if name in ('After', 'Before', 'Requires', 'WantedBy', 'RemainAfterExit')]


def test_needs_no_mount_namespace_and_no_directory(unit):
    assert not [name for _, name in unit if name in NOT_ALLOWED]


def test_lists_only_system_calls_that_are_denied(unit):
    """systemd before 239 does not know @system-service: an allow list of it would allow nothing there."""
    assert all(value.startswith('~') for value in unit['Service', 'SystemCallFilter'])


def test_documentation_is_in_the_package(unit, package):
    assert unit['Unit', 'Documentation'] == ['man:kvm-graceful-shutdown(8) man:kvm-graceful(8)']
    for page in ('kvm-graceful', 'kvm-graceful-shutdown'):
        assert os.path.exists(package.root + '/usr/share/man/man8/%s.8.gz' % page)


@pytest.fixture(scope='module')
def start(package):
    return parsed(package, 'kvm-graceful-start.service')


def test_a_start_can_never_keep_the_shutdown_from_its_turn(start, unit):
    """It stops before the other one; within its time whatever hangs, and without leaving it anything to wait for."""
    assert 'kvm-graceful-shutdown.service' in ' '.join(start['Unit', 'After']).split()
    assert start['Service', 'TimeoutStopSec'] == ['15s']
    assert start['Service', 'KillMode'] == ['mixed']
    assert start['Service', 'SendSIGKILL'] == ['no']
    # Neither is bound to the other, nor to a daemon.
    bound = {'Requires', 'Requisite', 'BindsTo', 'PartOf', 'Upholds', 'Conflicts', 'OnFailure', 'Before', 'Wants'}
    assert not [name for _, name in start if name in bound]
    assert not [name for values in unit.values() for name in values if 'kvm-graceful-start' in name]


def test_a_start_does_not_hold_up_the_boot_and_runs_only_for_a_list(start):
    assert start['Service', 'Type'] == ['simple']
    assert start['Service', 'ExecStart'] == ['/usr/sbin/kvm-graceful host-start']
    assert start['Unit', 'ConditionPathExists'] == ['/var/lib/kvm-graceful-shutdown/restore.json']
    assert start['Install', 'WantedBy'] == ['multi-user.target']
    assert not [name for _, name in start if name in NOT_ALLOWED + ['RemainAfterExit', 'Restart']]


def test_a_start_comes_after_what_guests_need(start):
    after = ' '.join(start['Unit', 'After']).split()
    assert {'libvirtd.service', 'virtqemud.service', 'virtnetworkd.service', 'network.target', 'remote-fs.target',
            'libvirt-guests.service'} <= set(after)
    assert len(after) == len(set(after))
