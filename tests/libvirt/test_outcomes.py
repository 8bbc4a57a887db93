"""The outcome that is told is what really happened to the guest."""

import os
import signal

import pytest

from tests.lab.libvirtd import wait_until


def press_seen(running, guest):
    def has_been():
        assert running.is_running(), running.wait()
        return 'PRESSED' in guest.said()
    wait_until(has_been, 20, '%s has been asked' % guest.name)


@pytest.mark.since('0.9.2', 'reasons why a guest is off')
@pytest.mark.parametrize('transient', [False, True])
def test_a_guest_destroyed_by_somebody_else_is_told_as_destroyed(tool, fleet, transient):
    victim, well = fleet.add('victim', never=True, transient=transient), fleet.add('well', delay_s=3)
    fleet.start()
    running = tool.start('stop', '--json')
    press_seen(running, victim)
    fleet.domain(victim).destroy()
    ended = running.wait()
    told = ended.guest('victim')
    # Not by itself, and not by us.
    assert (told['outcome'], told['forced']) == ('destroyed', None)
    assert ended.exit == 3, ended
    assert victim.disk_says() == 'DIRTY'
    assert ended.guest('well')['outcome'] == 'off'
    assert well.disk_says() == 'CLEAN'


@pytest.mark.since('0.9.2', 'reasons why a guest is off')
def test_a_guest_whose_qemu_is_killed_is_told_as_crashed(libvirtd, tool, fleet):
    victim = fleet.add('victim', never=True)
    fleet.start()
    running = tool.start('stop', '--json')
    press_seen(running, victim)
    os.kill(libvirtd.qemu_pid(victim), signal.SIGKILL)
    ended = running.wait()
    assert ended.guest('victim')['outcome'] == 'crashed'
    assert ended.exit == 3, ended


def test_a_guest_that_was_off_already_is_neither_asked_nor_started(tool, fleet):
    off, on = fleet.add('was-off'), fleet.add('was-on', delay_s=1)
    fleet.define(off)
    fleet.start([on])
    ended = tool.run('stop', '--json')
    assert ended.exit == 0, ended
    told = {guest['name']: guest for guest in ended.json['guests']}
    assert 'was-off' not in told or told['was-off']['asked'] is None
    assert told['was-on']['outcome'] == 'off'
    assert not fleet.is_on(off)


def test_a_needed_guest_that_is_off_holds_nobody_up(tool, fleet):
    fleet.add('web', delay_s=1)
    fleet.start()
    tool.configure(guests='[web]\nneeds = db\n\n[db]\nneeds = nas\n')
    ended = tool.run('stop', '--json')
    assert ended.exit == 0, ended
    assert ended.guest('web')['outcome'] == 'off'
    assert ended.json['finished'] < 6


def test_a_transient_guest_that_is_gone_is_told_as_off(tool, fleet):
    guest = fleet.add('transient', delay_s=1, transient=True)
    fleet.start()
    ended = tool.run('stop', '--json')
    assert ended.exit == 0, ended
    told = ended.guest('transient')
    assert (told['outcome'], told['forced'], told['presses']) == ('off', None, 1)
    assert guest.disk_says() == 'CLEAN'
    assert fleet.domain(guest) is None


def test_without_guests_stop_has_nothing_to_do(tool, libvirtd):
    ended = tool.run('stop', '--json')
    assert ended.exit == 0, ended
    assert ended.json['guests'] == []
