"""Guests that do not go off when asked: pressed again, destroyed at the deadline, left; and what happens without us."""

import os
import signal

from tests.lab.libvirtd import wait_until

# What is kept back of the deadline for a forced end.
FALLBACK_S = 15


def test_a_stubborn_guest_is_destroyed_at_the_deadline_and_the_others_go_off_by_themselves(tool, fleet):
    stubborn = fleet.add('stubborn', never=True)
    web, db = fleet.add('web', delay_s=1), fleet.add('db', delay_s=1)
    fleet.start()
    tool.configure('DEADLINE=20\n', '[web]\nneeds = db\n')
    ended = tool.run('stop', '--json')
    assert ended.exit == 3, ended
    told = ended.guest('stubborn')
    assert told['outcome'] == 'destroyed'
    # Not before its latest time, and not after the deadline.
    assert 20 - FALLBACK_S - 1 <= told['forced'] <= told['off'] <= 20
    assert not fleet.is_on(stubborn)
    assert stubborn.disk_says() == 'DIRTY'
    for guest in (web, db):
        assert guest.disk_says() == 'CLEAN'
        assert (ended.guest(guest.name)['outcome'], ended.guest(guest.name)['forced']) == ('off', None)
    assert tool.run('report', '--json').json == ended.json


def test_a_stubborn_guest_that_others_wait_for_does_not_eat_their_time(tool, fleet):
    fleet.add('web', never=True)
    db = fleet.add('db', delay_s=4)
    fleet.start()
    tool.configure(guests='[web]\nneeds = db\ngrace = 3\n')
    ended = tool.run('stop', '--json')
    assert ended.exit == 3, ended
    assert ended.guest('web')['outcome'] == 'destroyed'
    assert 2.5 <= ended.guest('web')['forced'] <= 4
    assert ended.guest('db')['asked'] >= ended.guest('web')['off']
    assert db.disk_says() == 'CLEAN'


def test_on_timeout_leave_leaves_it_running_and_says_so(tool, fleet):
    left, well = fleet.add('left', never=True), fleet.add('well', delay_s=1)
    fleet.start()
    tool.configure('DEADLINE=18\n', '[left]\non-timeout = leave\n')
    ended = tool.run('stop', '--json')
    assert ended.exit == 0, ended
    assert (ended.guest('left')['outcome'], ended.guest('left')['forced']) == ('left', None)
    assert ended.guest('left')['off'] is None
    assert fleet.is_on(left)
    assert well.disk_says() == 'CLEAN'
    assert ended.json['finished'] <= 18.5


def test_on_shutdown_ignore_never_asks_it(tool, fleet):
    ignored, well = fleet.add('ignored'), fleet.add('well', delay_s=1)
    fleet.start()
    tool.configure(guests='[ignored]\non-shutdown = ignore\n')
    ended = tool.run('stop', '--json')
    assert ended.exit == 0, ended
    assert fleet.is_on(ignored)
    assert ignored.said() == ['READY']
    assert well.disk_says() == 'CLEAN'


def test_press_again_reaches_a_guest_that_ignores_the_first_press(tool, fleet):
    guest = fleet.add('win', delay_s=1, ignore=1)
    fleet.start()
    tool.configure(guests='[win]\npress-again = 2\n')
    ended = tool.run('stop', '--json')
    assert ended.exit == 0, ended
    assert guest.said() == ['READY', 'PRESSED', 'PRESSED', 'OFF']
    assert guest.disk_says() == 'CLEAN'
    assert ended.guest('win')['presses'] == 2
    assert 3 <= ended.guest('win')['off'] <= 5


def test_negative_control_without_the_tool_a_guest_ended_by_sigterm_is_dirty(libvirtd, fleet):
    """What sendsigs does at the end of a host's shutdown."""
    guest = fleet.add('unlucky', delay_s=1)
    fleet.start()
    os.kill(libvirtd.qemu_pid(guest), signal.SIGTERM)
    wait_until(lambda: not fleet.is_on(guest), 10, 'the guest is off')
    assert guest.said() == ['READY']
    assert guest.disk_says() == 'DIRTY'
