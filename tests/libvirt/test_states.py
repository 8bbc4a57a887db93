"""Guests that are not simply running: paused, started again by their own XML, started in the middle, pressed before us."""

import time

import libvirt
import pytest

from tests.lab.fleet import Consoles
from tests.lab.libvirtd import wait_until

# What a forced end, and the least that a guest is given, take of the deadline (model.py).
DESTROY_S, FLOOR_S = 15, 10


def press_seen(running, guest):
    def has_been():
        assert running.is_running(), running.wait()
        return 'PRESSED' in guest.said()
    wait_until(has_been, 20, '%s has been asked' % guest.name)


def told(ended, name, what):
    """The events of that kind that the run told of the guest."""
    key = ended.guest(name)['key']
    return [event for event in ended.json['events'] if (event['guest'], event['what']) == (key, what)]


def went_off(ended, name):
    guest = ended.guest(name)
    return (guest['outcome'], guest['forced']) == ('off', None)


@pytest.mark.parametrize('transient', [False, True])
def test_a_guest_that_the_user_has_paused_is_resumed_once_and_asked(tool, fleet, transient):
    guest, db = fleet.add('paused', delay_s=1, transient=transient), fleet.add('db', delay_s=1)
    fleet.start()
    fleet.domain(guest).suspend()
    tool.configure(guests='[paused]\nneeds = db\n')
    ended = tool.run('stop', '--json')
    assert ended.exit == 0, ended
    assert went_off(ended, 'paused'), ended
    assert guest.said() == ['READY', 'PRESSED', 'OFF']
    assert guest.disk_says() == db.disk_says() == 'CLEAN'
    assert ended.guest('paused')['presses'] == 1
    # As fast as one that was running, and once.
    assert ended.guest('paused')['asked'] < 1
    assert len(told(ended, 'paused', 'state')) == 1, ended
    assert ended.guest('db')['asked'] >= ended.guest('paused')['off']


def test_a_guest_that_is_paused_in_the_middle_is_resumed_and_goes_off(tool, fleet):
    """Somebody pauses it after it was asked: nobody else would let it go on."""
    guest = fleet.add('paused', delay_s=2)
    fleet.start()
    tool.configure('DEADLINE=30\n')
    running = tool.start('stop', '--json')
    press_seen(running, guest)
    fleet.domain(guest).suspend()
    ended = running.wait()
    assert went_off(ended, 'paused'), ended
    assert guest.disk_says() == 'CLEAN'


@pytest.mark.since('0.9.8', 'event that tells of a reboot')
def test_on_poweroff_restart_does_not_start_the_guest_again(tool, fleet):
    guest = fleet.add('again', delay_s=1, on_poweroff='restart')
    fleet.start()
    ended = tool.run('stop', '--json')
    assert ended.exit == 0, ended
    assert went_off(ended, 'again'), ended
    time.sleep(2)
    assert not fleet.is_on(guest)
    assert guest.said() == ['READY', 'PRESSED', 'OFF']
    assert guest.disk_says() == 'CLEAN'
    # Ended by itself, and not in the middle of a start.
    assert told(ended, 'again', 'rebooted') == []


def test_negative_control_on_poweroff_restart_starts_a_guest_again_that_is_merely_pressed(fleet):
    guest = fleet.add('again', delay_s=1, on_poweroff='restart')
    fleet.start()
    fleet.domain(guest).shutdownFlags(libvirt.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN)
    wait_until(lambda: guest.said().count('READY') == 2, 20, 'it has started again')
    assert fleet.is_on(guest)
    assert guest.disk_says() == 'DIRTY'


def test_guests_started_in_the_middle_of_a_stop_of_all_join_it(tool, fleet):
    slow = fleet.add('slow', delay_s=4)
    late, gone = fleet.add('late', delay_s=1), fleet.add('late-transient', delay_s=1, transient=True)
    fleet.start([slow])
    running = tool.start('stop', '--json')
    press_seen(running, slow)
    fleet.start([late, gone])
    ended = running.wait()
    assert ended.exit == 0, ended
    assert sorted(guest['name'] for guest in ended.json['guests']) == ['late', 'late-transient', 'slow']
    for guest in (slow, late, gone):
        assert went_off(ended, guest.name), ended
        assert guest.disk_says() == 'CLEAN'
        assert not fleet.is_on(guest)
    # The press may have come before its system could hear it: then it was pressed again (guestrun.YOUNG_AGAIN_S).
    for guest in (late, gone):
        assert len(told(ended, guest.name, 'joined')) == 1
        assert ended.guest(guest.name)['off'] < 30
    report = tool.run('report', '--json')
    assert report.json == ended.json


def test_a_guest_started_in_the_middle_of_a_stop_of_others_is_left_alone(tool, fleet):
    named, late = fleet.add('named', delay_s=4), fleet.add('late', delay_s=1)
    fleet.start([named])
    running = tool.start('stop', '--json', 'named')
    press_seen(running, named)
    fleet.start([late])
    ended = running.wait()
    assert ended.exit == 0, ended
    assert [guest['name'] for guest in ended.json['guests']] == ['named']
    assert named.disk_says() == 'CLEAN'
    assert fleet.is_on(late)
    assert late.said() == ['READY']


def test_the_last_of_a_chain_keeps_its_reserve_behind_one_that_never_reacts_and_a_slow_one(tool, fleet):
    # Ten seconds and a forced end for each of three: one more and there would be no order at all.
    deadline_s = 3 * (FLOOR_S + DESTROY_S) + 1
    first, second, third = fleet.add('first', never=True), fleet.add('second', delay_s=11), fleet.add('third', delay_s=2)
    fleet.start()
    tool.configure('DEADLINE=%d\n' % deadline_s, '[first]\nneeds = second\n[second]\nneeds = third\n')
    with Consoles(fleet.guests) as consoles:
        ended = tool.run('stop', '--json')
    assert ended.exit == 3, ended
    assert [event for event in ended.json['events'] if event['what'] == 'order'] == []
    # It has what the deadline leaves it, not its usual minute.
    assert ended.guest('first')['outcome'] == 'destroyed'
    assert FLOOR_S - 0.5 <= ended.guest('first')['forced'] <= FLOOR_S + 2
    # Slower than planned, and let go on: the time that the first has not used flows to it.
    assert went_off(ended, 'second'), ended
    assert went_off(ended, 'third'), ended
    assert [guest.disk_says() for guest in (first, second, third)] == ['DIRTY', 'CLEAN', 'CLEAN']
    assert consoles.when(third, 'PRESSED') >= consoles.when(second, 'OFF')
    assert ended.guest('second')['asked'] >= ended.guest('first')['off']
    assert ended.json['finished'] <= deadline_s


def test_a_guest_that_is_shutting_down_already_is_waited_for_and_not_called_forced(tool, fleet):
    guest, db = fleet.add('pressed', delay_s=5), fleet.add('db', delay_s=1)
    fleet.start()
    fleet.domain(guest).shutdownFlags(libvirt.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN)
    wait_until(lambda: 'PRESSED' in guest.said(), 10, 'it has seen the press')
    tool.configure(guests='[pressed]\nneeds = db\n')
    ended = tool.run('stop', '--json')
    assert ended.exit == 0, ended
    assert went_off(ended, 'pressed'), ended
    assert guest.disk_says() == db.disk_says() == 'CLEAN'
    assert 2 <= ended.guest('pressed')['off'] <= 8
    assert ended.guest('db')['asked'] >= ended.guest('pressed')['off']


@pytest.mark.since('0.9.10', 'metadata')
def test_needs_by_tag_and_from_the_domains_own_metadata(tool, fleet):
    web = fleet.add('web', delay_s=2, keys={'needs': 'tag:storage'})
    app = fleet.add('app', delay_s=2)
    nfs, san = fleet.add('nfs', delay_s=1, keys={'tags': 'big, storage'}), fleet.add('san', delay_s=1)
    other = fleet.add('other', delay_s=1, keys={'tags': 'store'})
    fleet.start()
    tool.configure(guests='[app]\nneeds = tag:storage\n[san]\ntags = storage\n')
    with Consoles(fleet.guests) as consoles:
        ended = tool.run('stop', '--json')
    assert ended.exit == 0, ended
    for needs in (web, app):
        assert sorted(ended.guest(needs.name)['needs']) == ['nfs', 'san']
        for need in (nfs, san):
            assert consoles.when(need, 'PRESSED') >= consoles.when(needs, 'OFF')
    assert ended.guest('other')['asked'] < 0.5
    assert [guest.disk_says() for guest in (web, app, nfs, san, other)] == ['CLEAN'] * 5


@pytest.mark.since('0.9.10', 'metadata')
def test_policy_from_metadata_holds_until_the_file_says_otherwise_and_a_mistake_there_is_a_warning(tool, fleet):
    own, both = [fleet.add(name, never=True, keys={'grace': '3'}) for name in ('own', 'both')]
    wrong = fleet.add('wrong', delay_s=1, keys={'grace': 'long', 'flavour': 'vanilla', 'tags': 'a<&"b'})
    kept = fleet.add('kept', keys={'on-shutdown': 'ignore'})
    fleet.start()
    tool.configure(guests='[both]\ngrace = 6\n')
    ended = tool.run('stop', '--json')
    assert ended.exit == 3, ended
    assert 2.5 <= ended.guest('own')['forced'] <= 4
    assert 5.5 <= ended.guest('both')['forced'] <= 7
    assert own.disk_says() == both.disk_says() == 'DIRTY'
    assert wrong.disk_says() == 'CLEAN'
    warnings = [text for text in ended.json['warnings'] if 'wrong' in text]
    assert len(warnings) == 2, ended.json['warnings']
    assert fleet.is_on(kept)
    assert kept.said() == ['READY']
    assert ended.guest('kept')['outcome'] == 'left'
