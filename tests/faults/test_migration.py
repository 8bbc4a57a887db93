"""A guest on its way to another host when this one goes down: two private libvirtds, and a migration that takes minutes."""

import contextlib
import os
import threading

import libvirt
import pytest

from tests.faults.conftest import linux_files
from tests.lab.agentguest import LinuxGuest
from tests.lab.fleet import Fleet
from tests.lab.libvirtd import Libvirtd, wait_until

OTHER_HOST = '00000000-1111-2222-3333-444444444444'
MIB_S = 1


@pytest.fixture
def elsewhere():
    """Another host: a libvirtd that takes itself for one."""
    with contextlib.closing(Libvirtd()) as other:
        with open(os.path.join(other.state, 'etc', 'libvirtd.conf'), 'a') as f:
            f.write('host_uuid = "%s"\n' % OTHER_HOST)
        other.restart()
        yield other


@pytest.fixture
def files(tmp_path):
    return linux_files(tmp_path)


@contextlib.contextmanager
def on_its_way(guest, source, target):
    """The guest is being migrated between these two libvirtds, by a client of its own, 1 MiB a second."""
    here, there = [libvirt.open('qemu+unix:///system?socket=%s/run/libvirt/libvirt-sock' % one.state) for one in (source, target)]
    domain = here.lookupByUUIDString(guest.uuid)
    domain.migrateSetMaxSpeed(MIB_S, 0)
    errors = []

    def migrate():
        try:
            domain.migrate3(there, {libvirt.VIR_MIGRATE_PARAM_URI: 'tcp:127.0.0.1'},
                            libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_UNSAFE)
        except libvirt.libvirtError as error:
            errors.append(str(error))
    thread = threading.Thread(target=migrate)
    thread.start()
    try:
        wait_until(lambda: errors or domain.jobStats(0).get('operation') == libvirt.VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT, 30,
                   'it is on its way')
        assert not errors, errors
        yield
    finally:
        with contextlib.suppress(libvirt.libvirtError):
            domain.abortJob()
        thread.join(60)
        here.close()
        there.close()


def test_an_outgoing_migration_is_waited_for_and_then_aborted(night, files, elsewhere):
    linux, other = night.fleet.add('linux', kind=LinuxGuest, files=files), night.fleet.add('other', delay_s=1)
    night.fleet.start()
    night.tool.configure('DEADLINE=70\n', '[linux]\ngrace = 30\n')
    with on_its_way(linux, night.libvirtd, elsewhere):
        ended = night.over(night.host_stop())
    assert linux.said()[-1] == 'OFF'
    assert other.disk_says() == 'CLEAN'
    assert ended.guest('other')['asked'] < 5
    assert 20 <= ended.guest('linux')['asked'] <= 40, ended  # 70 s less its 30 s and 15 s for a forced end
    assert 'aborted' in [event['what'] for event in ended.json['events']]


def test_an_incoming_migration_is_left_to_the_host_from_which_it_comes(night, files, elsewhere):
    """Ours is the host to which it goes. It runs on over there, whatever becomes of its copy here."""
    other = night.guests(1, delay_s=1)[0]
    night.tool.configure('DEADLINE=30\n')
    fleet = Fleet(elsewhere.connection, elsewhere.folder)
    linux = fleet.add('linux', kind=LinuxGuest, files=files)
    try:
        fleet.start()
        with on_its_way(linux, elsewhere, night.libvirtd):
            ended = night.over(night.host_stop())
            assert ended.guest('linux')['outcome'] == 'left'
            assert ended.guest('linux')['asked'] is None
        assert other.disk_says() == 'CLEAN'
        assert linux.said() == ['READY']
        assert fleet.is_on(linux)
    finally:
        fleet.remove()


@pytest.mark.parametrize('cure', [('hypervisor/libvirt_.py', 'if moves is not None:', 'if False:'),
                                  ('hypervisor/libvirtwords.py', 'MIGRATION_IN, MIGRATION_OUT = 4, 5', 'MIGRATION_IN, MIGRATION_OUT = 5, 4')],
                         ids=['pressed all the same', 'taken for one that comes here'])
def test_control_an_outgoing_migration_without_the_cure(night, files, elsewhere, cure):
    night.tool.take_out(cure)
    with pytest.raises((AssertionError, TypeError)) as failed:
        test_an_outgoing_migration_is_waited_for_and_then_aborted(night, files, elsewhere)
    night.tell('fails without the cure: %s' % ' '.join(str(failed.value).split())[:150])


def test_control_an_incoming_migration_without_the_cure(night, files, elsewhere):
    night.tool.take_out(('hypervisor/libvirtcalls.py', "if why == 'migration' and _job_of", "if False and _job_of"),
                        ('hypervisor/libvirt_.py', 'if moves is not None:', 'if False:'))
    with pytest.raises((AssertionError, TypeError)) as failed:
        test_an_incoming_migration_is_left_to_the_host_from_which_it_comes(night, files, elsewhere)
    night.tell('fails without the cure: %s' % ' '.join(str(failed.value).split())[:150])
