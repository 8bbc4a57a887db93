"""Guests whose memory is saved, at once or at the end of their time; and those for which that does not go well."""

import os

import libvirt
import pytest

from tests.lab.libvirtd import wait_until
from tests.lab.tracer import held

pytestmark = pytest.mark.since('0.8.0', 'managed save')


def how(ended, name):
    guest = ended.guest(name)
    return guest['outcome'], guest['forced'] is not None


def is_saved(fleet, guest):
    domain = fleet.domain(guest)
    return not domain.isActive() and bool(domain.hasManagedSaveImage())


def test_on_shutdown_save_saves_and_the_next_start_goes_on_where_it_was(tool, fleet):
    web, db = fleet.add('web', delay_s=1), fleet.add('db', delay_s=1)
    fleet.start()
    tool.configure(guests='[web]\nneeds = db\non-shutdown = save\n')
    ended = tool.run('stop', '--json')
    assert ended.exit == 0, ended
    assert (how(ended, 'web'), how(ended, 'db')) == (('saved', False), ('off', False)), ended
    assert is_saved(fleet, web)
    assert (web.said(), web.disk_says(), db.disk_says()) == (['READY'], 'DIRTY', 'CLEAN')
    # db was needed until web was saved.
    assert ended.guest('db')['asked'] >= ended.guest('web')['off']
    fleet.domain(web).create()
    ended = tool.run('stop', '--json', '--guests', os.devnull)
    assert ended.exit == 0, ended
    # It never booted again.
    assert (web.said(), web.disk_says()) == (['READY', 'PRESSED', 'OFF'], 'CLEAN')


def test_a_guest_that_is_saved_at_the_end_of_its_time_finishes_its_shutdown_when_it_is_restored(tool, fleet):
    slow = fleet.add('slow', delay_s=15)
    fleet.start()
    tool.configure(guests='[slow]\ngrace = 3\non-timeout = save\n')
    ended = tool.run('stop', '--json')
    assert ended.exit == 0, ended
    assert how(ended, 'slow') == ('saved', True)
    assert 2.5 <= ended.guest('slow')['forced'] <= 5, ended
    assert ended.guest('slow')['why'] == 'saved in the middle of its shutdown'
    assert (is_saved(fleet, slow), slow.said(), slow.disk_says()) == (True, ['READY', 'PRESSED'], 'DIRTY')
    fleet.domain(slow).create()
    wait_until(lambda: slow.said() == ['READY', 'PRESSED', 'OFF'], 60, 'it has finished what it had begun')
    assert slow.disk_says() == 'CLEAN'


@pytest.mark.parametrize('key', ['on-timeout', 'on-shutdown'])
def test_a_transient_guest_cannot_be_saved_and_plan_says_so_before(tool, fleet, key):
    guest = fleet.add('passing', delay_s=1, transient=True)
    fleet.start()
    tool.configure(guests='[passing]\n%s = save\n' % key)
    warning = 'passing cannot be saved: it is transient; shut down instead, and switched off at the end of its time'
    assert warning in tool.run('plan', '--json').json['warnings']
    ended = tool.run('stop', '--json')
    assert (ended.exit, how(ended, 'passing')) == (0, ('off', False)), ended
    assert warning in ended.json['warnings']
    assert guest.disk_says() == 'CLEAN'


@pytest.fixture
def no_save_dir(libvirtd):
    """A file in the place of the directory for saves: there is room, and no save can be written."""
    path = os.path.join(libvirtd.state, 'lib', 'qemu', 'save')
    os.rename(path, path + '.away')
    with open(path, 'w'):
        pass
    yield
    os.unlink(path)
    os.rename(path + '.away', path)


def test_a_save_that_fails_is_followed_by_a_request_or_by_the_end(tool, fleet, no_save_dir):
    asked, deaf = fleet.add('asked', delay_s=1), fleet.add('deaf', never=True)
    fleet.start()
    tool.configure('DEADLINE=30\n', '[asked]\non-shutdown = save\n[deaf]\ngrace = 3\non-timeout = save\n')
    ended = tool.run('stop', '--json')
    assert ended.exit == 3, ended
    assert (how(ended, 'asked'), how(ended, 'deaf')) == (('off', False), ('destroyed', True)), ended
    assert (asked.disk_says(), deaf.disk_says()) == ('CLEAN', 'DIRTY')
    assert len([event for event in ended.json['events'] if event['what'] == 'save failed']) == 2, ended


@pytest.mark.parametrize('key', ['', 'on-shutdown = save'])
def test_a_guest_with_a_block_job_goes_off_by_itself(tool, fleet, key):
    """libvirt saves no guest with one, and is asked to all the same; pressing the button needs nobody's leave."""
    guest = fleet.add('copied', delay_s=1)
    fleet.start()
    xml = "<disk type='file'><source file='%s.copy'/><driver type='raw'/></disk>" % guest.image
    fleet.domain(guest).blockCopy('hda', xml, flags=libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB)
    assert fleet.domain(guest).blockJobInfo('hda')
    tool.configure(guests='[copied]\n%s\n' % key)
    ended = tool.run('stop', '--json')
    assert (ended.exit, how(ended, 'copied')) == (0, ('off', False)), ended
    assert guest.disk_says() == 'CLEAN'
    assert [event['what'] for event in ended.json['events']].count('save failed') == (1 if key else 0), ended


def test_a_save_that_hangs_gives_way_at_the_deadline(tool, fleet, libvirtd):
    """QEMU stands still in the middle of it, and then finds that it has been told to end."""
    deaf, well = fleet.add('deaf', never=True), fleet.add('well', delay_s=1)
    fleet.start()
    tool.configure('DEADLINE=25\n', '[deaf]\non-shutdown = save\n')
    with held(libvirtd.qemu_pid(deaf)):
        ended = tool.run('stop', '--json', limit_s=60)
    assert ended.exit in (3, 4), ended
    assert ended.seconds < 25 + 15 + 5, ended
    assert how(ended, 'well') == ('off', False)
    assert how(ended, 'deaf')[1], ended
    assert well.disk_says() == 'CLEAN'
    wait_until(lambda: not fleet.is_on(deaf), 30, 'QEMU has ended')
    assert not fleet.domain(deaf).hasManagedSaveImage()
