"""drill on real guests: off and on again, measured, never forced, and never without having been asked for."""

import os
import pty
import signal
import subprocess
import time

import pytest

from tests.lab.libvirtd import wait_until


def test_a_guest_goes_off_is_measured_and_comes_back(tool, fleet):
    web, db = fleet.add('web', delay_s=3), fleet.add('db', delay_s=1)
    fleet.start()
    tool.configure(guests='[web]\nneeds = db\n')
    ended = tool.run('drill', '--yes', 'web')
    assert ended.exit == 0, ended
    wait_until(lambda: web.said() == ['READY', 'PRESSED', 'OFF', 'READY'], 20, 'web is up again')
    assert db.said() == ['READY']
    assert 'web is shut down now, for real, and started again' in ended.err
    assert 'went off by itself after 3' in ended.out or 'went off by itself after 4' in ended.out, ended
    assert 'never measured before' in ended.out
    assert 'is on again: started' in ended.out
    # What was learnt is what is planned with from now on, and another drill says so.
    plan = tool.run('plan', '--json')
    assert 3 <= plan.guest('web')['estimate'] < 30
    again = tool.run('drill', '--yes', '--json', 'web', 'db')
    assert (again.exit, [guest['name'] for guest in again.json['guests']]) == (0, ['web', 'db']), again
    assert again.guest('web')['estimate'] == plan.guest('web')['estimate']
    assert again.guest('db')['needed_by'] == ['web']
    assert fleet.is_on(web)
    assert fleet.is_on(db)
    # Nothing is left over that a later start would start.
    assert tool.run('start', '--json').json['acted'] is False


def test_a_guest_that_does_not_react_is_not_forced(tool, fleet):
    deaf, other = fleet.add('deaf', never=True), fleet.add('other')
    fleet.start()
    tool.configure('GRACE=1\n', '[deaf]\non-timeout = destroy\ngrace = 1\n')
    ended = tool.run('drill', '--yes', '--deadline', '4', 'deaf')
    assert ended.exit == 4, ended
    assert fleet.is_on(deaf)
    assert 'is still on' in ended.out
    assert 'would be forced' in ended.out
    assert other.said() == ['READY']


def test_a_paused_guest_comes_back_paused_and_the_list_of_a_stop_is_kept(tool, fleet):
    paused, stopped = fleet.add('paused', delay_s=1), fleet.add('stopped', delay_s=1)
    fleet.start()
    assert tool.run('stop', 'stopped').exit == 0
    fleet.domain(paused).suspend()
    ended = tool.run('drill', '--yes', '--json', 'paused')
    assert ended.exit == 0, ended
    assert fleet.domain(paused).state()[0] == 3
    assert not fleet.is_on(stopped)
    assert tool.run('start', '--json').guest('stopped')['started_as'] == 'started'


@pytest.mark.parametrize('answer,touched', [(b'n\n', False), (b'\n', False), (b'y\n', True)])
def test_on_a_terminal_it_asks_first(libvirtd, tool, fleet, answer, touched):
    guest = fleet.add('asked', delay_s=1)
    fleet.start()
    ours, theirs = pty.openpty()
    process = subprocess.Popen(libvirtd.command(tool.words('drill', 'asked')), stdin=theirs, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    said = b''
    while b'[y/N]' not in said:
        said += os.read(ours, 4096)
    assert guest.said() == ['READY']
    os.write(ours, answer)
    out = process.communicate(timeout=60)[0].decode()
    os.close(ours)
    assert process.returncode == 0
    assert ('PRESSED' in guest.said()) == touched
    assert ('no guest was touched' in out) == (not touched)


def test_without_a_terminal_or_a_yes_and_for_guests_that_cannot_come_back_it_refuses(tool, fleet):
    plain, gone, off, ignored = fleet.add('plain'), fleet.add('gone', transient=True), fleet.add('off'), fleet.add('ignored')
    fleet.define(off)
    fleet.start([plain, gone, ignored])
    tool.configure(guests='[ignored]\non-shutdown = ignore\n')
    for words, why in ((('plain',), '--yes'), (('--yes', 'gone'), 'transient'), (('--yes', 'off'), 'not running'),
                       (('--yes', 'ignored'), 'on-shutdown = ignore'), (('--yes', 'plian'), 'did you mean plain?'), ((), 'usage')):
        ended = tool.run('drill', *words)
        assert ended.exit == 2, ended
        assert why in ended.err, ended
    assert [guest.said() for guest in (plain, gone, ignored)] == [['READY']] * 3


def test_a_signal_in_the_middle_touches_nobody_further_and_the_guest_is_a_word_away(tool, fleet):
    slow, next_one = fleet.add('slow', delay_s=5), fleet.add('next')
    fleet.start()
    running = tool.start('drill', '--yes', 'slow', 'next')
    wait_until(lambda: 'PRESSED' in slow.said(), 20, 'it has been asked')
    at = time.monotonic()
    running.signal(signal.SIGINT)
    ended = running.wait()
    assert ended.exit == 130, ended
    assert time.monotonic() - at < 4
    assert next_one.said() == ['READY']
    wait_until(lambda: not fleet.is_on(slow), 30, 'it went off after all')
    assert tool.run('start', '--json').guest('slow')['started_as'] == 'started'
