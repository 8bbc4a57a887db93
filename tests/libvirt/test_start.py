"""Guests are started again: once, in order, as they were; whatever fails or is cut off in between."""

import json
import os
import signal
import time

import pytest

from tests.lab.fleet import Consoles
from tests.lab.libvirtd import wait_until

UP, DOWN = 'N 2', '2 0'


def host_stop(tool):
    ended = tool.run('host-stop', '--json', env=tool.runlevel(DOWN))
    assert ended.exit == 0, ended
    return ended


def host_start(tool, exit_code=0):
    ended = tool.run('host-start', '--json', env=tool.runlevel(UP))
    assert ended.exit == exit_code, ended
    return ended


def being_started(tool, fleet, count, delay_s):
    """([guest], a host-start that is at work on them, one every `delay_s` seconds)."""
    guests = [fleet.add('g%d' % number, delay_s=1) for number in range(count)]
    fleet.start()
    tool.configure('ON_BOOT=start\nSTART_DELAY=%d\n' % delay_s)
    host_stop(tool)
    return guests, tool.start('host-start', '--json', env=tool.runlevel(UP))


def listed(tool, name):
    try:
        with open(os.path.join(tool.state, name)) as f:
            return json.load(f)['guests']
    except FileNotFoundError:
        return []


def waiting(tool):
    return [guest['name'] for guest in listed(tool, 'restore.json')]


def state(fleet, guest):
    """(libvirt's state, whether a start would restore it)."""
    domain = fleet.domain(guest)
    return domain.state()[0], bool(domain.hasManagedSaveImage())


RUNNING, PAUSED, OFF = (1, False), (3, False), (5, False)


@pytest.mark.since('0.8.0', 'managed save')
def test_six_guests_come_back_as_they_were_and_in_order(tool, fleet):
    web, app, db = (fleet.add(name, delay_s=1) for name in ('web', 'app', 'db'))
    paused, half, off = fleet.add('paused', delay_s=1), fleet.add('half', delay_s=6), fleet.add('was-off')
    fleet.define(off)
    fleet.start([web, app, db, paused, half])
    fleet.domain(paused).suspend()
    tool.configure('ON_BOOT=start\nSTART_DELAY=1\n', '[web]\nneeds = app\n[app]\nneeds = db\n')
    running = tool.start('host-stop', '--json', env=tool.runlevel(DOWN))
    wait_until(lambda: 'PRESSED' in half.said(), 20, 'half has been asked')
    assert sorted(waiting(tool)) == ['app', 'db', 'half', 'paused', 'web']  # before the first is asked
    fleet.domain(half).managedSave()
    assert running.wait().exit == 0
    assert [guest.disk_says() for guest in (web, app, db, paused)] == ['CLEAN'] * 4
    assert state(fleet, half) == (5, True)

    with Consoles(fleet.guests) as consoles:
        ended = host_start(tool)
        wait_until(lambda: all(guest.said()[-1] == 'READY' for guest in (web, half)), 20, 'both are up')
    assert [state(fleet, guest) for guest in (web, app, db, half)] == [RUNNING] * 4, ended
    assert (state(fleet, paused), state(fleet, off)) == (PAUSED, OFF)
    # It went off after all, by itself, before it was started again.
    assert half.said() == ['READY', 'PRESSED', 'OFF', 'READY']
    assert consoles.when(db, 'READY') < consoles.when(app, 'READY') < consoles.when(web, 'READY')
    assert ended.guest('app')['at'] > ended.guest('db')['ready']
    assert {guest['name']: guest['started_as'] for guest in ended.json['guests']} == dict.fromkeys(
        ('web', 'app', 'db', 'paused', 'half'), 'started')
    assert waiting(tool) == []


@pytest.mark.since('0.8.0', 'managed save')
def test_a_guest_that_we_saved_in_the_middle_of_its_shutdown_finishes_it_and_is_started_again(tool, fleet):
    guest = fleet.add('slow', delay_s=15)
    fleet.start()
    tool.configure('ON_BOOT=start\n', '[slow]\ngrace = 3\non-timeout = save\n')
    ended = tool.run('host-stop', '--json', env=tool.runlevel(DOWN))
    assert (ended.exit, ended.guest('slow')['why']) == (0, 'saved in the middle of its shutdown'), ended
    assert (state(fleet, guest), guest.said(), guest.disk_says()) == ((5, True), ['READY', 'PRESSED'], 'DIRTY')
    ended = host_start(tool)
    wait_until(lambda: guest.said() == ['READY', 'PRESSED', 'OFF', 'READY'], 60, 'it has finished, and is up again')
    assert state(fleet, guest) == RUNNING, ended
    assert ended.guest('slow')['started_as'] == 'started', ended


def test_the_list_is_used_once(tool, fleet):
    guest = fleet.add('once', delay_s=1)
    fleet.start()
    tool.configure('ON_BOOT=start\n')
    host_stop(tool)
    host_start(tool)
    tool.run('stop')
    assert not fleet.is_on(guest)
    again = host_start(tool)
    assert again.json['acted'] is False
    assert not fleet.is_on(guest)
    # By hand it is on the list of the stop.
    ended = tool.run('start', '--json')
    assert (ended.exit, ended.guest('once')['started_as'], fleet.is_on(guest)) == (0, 'started', True), ended


@pytest.mark.parametrize('line', ['', 'ON_BOOT=ignore\n'])
def test_without_on_boot_nobody_is_started_and_by_hand_all_are(tool, fleet, line):
    guest = fleet.add('left', delay_s=1)
    fleet.start()
    tool.configure(line)
    host_stop(tool)
    assert host_start(tool).guest('left')['started_as'] == 'not started'
    assert not fleet.is_on(guest)
    assert tool.run('start', '--json').guest('left')['started_as'] == 'started'
    assert fleet.is_on(guest)


def test_what_libvirt_guests_was_told_about_the_boot_holds(tool, fleet):
    guest = fleet.add('kept', delay_s=1)
    fleet.start()
    with open(os.path.join(tool.folder, 'libvirt-guests'), 'w') as f:
        f.write('ON_BOOT=start\n')
    host_stop(tool)
    host_start(tool)
    assert fleet.is_on(guest)


def test_a_guest_that_cannot_start_is_tried_again_reported_and_stops_nobody(tool, fleet):
    broken, later, fine = (fleet.add(name, delay_s=1) for name in ('broken', 'later', 'fine'))
    fleet.start()
    tool.configure('ON_BOOT=start\n', '[fine]\nneeds = broken\n')
    host_stop(tool)
    for guest in (broken, later):
        os.rename(guest.image, guest.image + '.away')
    running = tool.start('host-start', '--json', env=tool.runlevel(UP))
    time.sleep(3)
    os.rename(later.image + '.away', later.image)
    ended = running.wait()
    assert ended.exit == 3, ended
    assert [ended.guest(name)['started_as'] for name in ('broken', 'later', 'fine')] == ['failed', 'started', 'started']
    assert [ended.guest(name)['tries'] for name in ('broken', 'later')] == [4, 2]
    assert broken.image in ended.guest('broken')['why']
    # In the morning one report tells both: how they went off, and who did not come back.
    text = tool.run('report').out
    assert 'host-stop' in text and 'Start at boot' in text and '2 started, 1 failed' in text and 'tried 4 times' in text, text
    assert fleet.is_on(later)
    assert fleet.is_on(fine)


def test_a_guest_that_libvirt_has_started_itself_is_not_started_twice(libvirtd, tool, fleet):
    auto, other = fleet.add('auto', delay_s=1), fleet.add('other', delay_s=1)
    fleet.start()
    fleet.domain(auto).setAutostart(1)
    tool.configure('ON_BOOT=start\n')
    host_stop(tool)
    # libvirtd starts what has autostart only once a boot: the mark of that goes.
    libvirtd.kill(signal.SIGTERM)
    mark = os.path.join(libvirtd.state, 'run/libvirt/qemu/autostarted')
    if os.path.exists(mark):
        os.remove(mark)
    libvirtd.start()
    wait_until(lambda: fleet.is_on(auto), 20, 'libvirtd has started what has autostart')
    ended = host_start(tool)
    assert (ended.guest('auto')['started_as'], ended.guest('other')['started_as']) == ('already on', 'started')
    wait_until(lambda: other.said().count('READY') == 2, 20, 'the other is up')
    assert auto.said().count('READY') == 2, ended
    assert other.said().count('READY') == 2


def test_the_host_goes_down_again_while_guests_are_being_started(tool, fleet):
    guests, starting = being_started(tool, fleet, 6, 2)
    wait_until(lambda: sum(guest.said().count('READY') == 2 for guest in guests) >= 2, 30, 'two are up')
    stopped = host_stop(tool)
    assert starting.wait(20).exit == 143
    assert not any(fleet.is_on(guest) for guest in guests)
    assert [guest.disk_says() for guest in guests] == ['CLEAN'] * 6
    on = [guest['name'] for guest in stopped.json['guests']]
    assert 2 <= len(on) < 6
    # The next boot brings all of them, also those that this one had not come to.
    assert sorted(waiting(tool)) == ['g%d' % number for number in range(6)]
    tool.configure('ON_BOOT=start\n')
    host_start(tool)
    assert all(fleet.is_on(guest) for guest in guests)


def test_host_start_sees_by_itself_that_the_host_goes_down(tool, fleet):
    guests, starting = being_started(tool, fleet, 3, 60)
    wait_until(lambda: any(fleet.is_on(guest) for guest in guests), 30, 'the first is on')
    tool.runlevel(DOWN)
    ended = starting.wait(30)
    assert ended.exit == 0, ended
    assert 'going down' in ended.json['cut_off']
    assert sum(fleet.is_on(guest) for guest in guests) == 1
    # And while it goes down none is started at all.
    assert tool.run('host-start', '--json', env=tool.runlevel(DOWN)).json['acted'] is False


def test_a_host_start_that_is_killed_starts_nobody_twice(tool, fleet):
    guests, starting = being_started(tool, fleet, 3, 60)
    wait_until(lambda: any(guest.get('started_as') for guest in listed(tool, 'started.json')), 30, 'the first is on record')
    starting.signal(signal.SIGKILL)
    starting.wait()
    first = next(guest for guest in guests if fleet.is_on(guest))
    fleet.domain(first).destroy()  # somebody does not want it any more
    assert host_start(tool).json['acted'] is False
    assert not any(fleet.is_on(guest) for guest in guests)
    # The others are only a word away.
    tool.configure('ON_BOOT=start\n')
    ended = tool.run('start', '--json')
    assert ended.exit == 0, ended
    assert [fleet.is_on(guest) for guest in guests] == [guest is not first for guest in guests]


def test_start_by_hand_takes_names_and_keeps_the_rest(tool, fleet):
    web, db = fleet.add('web', delay_s=1), fleet.add('db', delay_s=1)
    fleet.start()
    tool.run('stop')
    refused = tool.run('start', 'wbe')
    assert refused.exit == 2
    assert 'did you mean web?' in refused.err
    assert tool.run('start', 'web').exit == 0
    assert (fleet.is_on(web), fleet.is_on(db)) == (True, False)
    ended = tool.run('start')
    assert ended.exit == 0
    assert 'db: started' in ended.out
    assert fleet.is_on(db)
    assert 'no guest is to be started again' in tool.run('start').out


def test_who_is_shed_is_not_forced_and_is_on_a_list_of_its_own(tool, fleet):
    deaf, goes, hand = fleet.add('deaf', never=True), fleet.add('goes', delay_s=1), fleet.add('hand', delay_s=1)
    fleet.start()
    tool.configure('DEADLINE=5\nON_TIMEOUT=destroy\nGRACE=2\n', '[deaf]\non-timeout = save\n')
    ended = tool.run('stop', '--shed', '--json', 'deaf', 'goes')
    assert (ended.exit, ended.guest('deaf')['outcome'], ended.guest('goes')['outcome']) == (0, 'left', 'off'), ended
    assert (fleet.is_on(deaf), deaf.said()) == (True, ['READY', 'PRESSED'])
    tool.configure('DEADLINE=60\n')
    tool.run('stop', 'hand')
    assert [sorted(guest['name'] for guest in listed(tool, name)) for name in ('shed.json', 'stopped.json')] == [['deaf', 'goes'], ['hand']]
    ended = tool.run('start', '--shed', '--json')
    assert [ended.guest(name)['started_as'] for name in ('deaf', 'goes')] == ['already on', 'started'], ended
    assert (fleet.is_on(goes), fleet.is_on(hand)) == (True, False)
    assert tool.run('start', '--shed', '--json').json['acted'] is False
    # By hand both lists are meant.
    tool.run('stop', '--shed', 'goes')
    ended = tool.run('start', '--json')
    assert sorted((guest['name'], guest['started_as']) for guest in ended.json['guests']) == [('goes', 'started'), ('hand', 'started')]
    assert listed(tool, 'shed.json') == listed(tool, 'stopped.json') == []


def test_a_start_by_hand_ends_when_the_host_goes_down(tool, fleet):
    guests = [fleet.add('g%d' % number, delay_s=1) for number in range(3)]
    fleet.start()
    tool.configure('ON_BOOT=start\nSTART_DELAY=60\n')
    assert tool.run('stop').exit == 0
    starting = tool.start('start', '--json', env=tool.runlevel(UP))
    wait_until(lambda: any(fleet.is_on(guest) for guest in guests), 30, 'the first is on')
    host_stop(tool)
    assert starting.wait(20).exit == 143
    assert not any(fleet.is_on(guest) for guest in guests)
    # The next boot brings all three.
    assert sorted(waiting(tool)) == ['g0', 'g1', 'g2']


@pytest.mark.since('0.9.10', 'calls to guest agents')
def test_a_guest_starts_when_the_agents_of_those_that_it_needs_answer(tool, fleet, linux):
    db, web = linux('db'), fleet.add('web', delay_s=1)
    fleet.start()
    tool.configure('ON_BOOT=start\n', '[web]\nneeds = db\n')
    host_stop(tool)
    assert db.said()[-1] == 'OFF'
    ended = host_start(tool)
    # Not after the 90 s that a silent one would get.
    db_on, db_ready, web_on = ended.guest('db')['at'], ended.guest('db')['ready'], ended.guest('web')['at']
    assert db_on < db_ready < web_on, ended
    assert db_ready - db_on < 60
    assert fleet.is_on(web)
