"""A shutdown that is disturbed in the middle: by a libvirtd that goes away and comes back, and by signals."""

import signal
import time

import pytest

from tests.lab.fleet import Consoles
from tests.lab.libvirtd import wait_until


def asked(running, guest):
    """Wait until the guest has been asked."""
    def has_been():
        assert running.is_running(), running.wait()
        return 'PRESSED' in guest.said()
    wait_until(has_been, 20, '%s has been asked' % guest.name)


def restart(libvirtd):
    libvirtd.restart()


def kill_and_come_back_later(libvirtd):
    libvirtd.kill()
    time.sleep(3)
    libvirtd.start()


@pytest.mark.parametrize('disturb', [restart, kill_and_come_back_later])
def test_the_shutdown_goes_on_when_libvirtd_comes_back(libvirtd, tool, fleet, disturb):
    # web goes off while libvirtd is away or just back; db has to be asked after that; win is pressed again after that.
    web, db = fleet.add('web', delay_s=2), fleet.add('db', delay_s=2)
    win = fleet.add('win', delay_s=2, ignore=1)
    fleet.start()
    tool.configure(guests='[web]\nneeds = db\n[win]\npress-again = 6\n')
    with Consoles(fleet.guests) as consoles:
        running = tool.start('stop', '--json')
        asked(running, web)
        asked(running, win)
        disturb(libvirtd)
        ended = running.wait()
    assert ended.exit == 0, ended
    assert [guest.disk_says() for guest in fleet.guests] == ['CLEAN'] * 3
    assert [guest['outcome'] for guest in ended.json['guests']] == ['off'] * 3
    assert consoles.when(db, 'PRESSED') >= consoles.when(web, 'OFF')
    assert win.said().count('PRESSED') == 2


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_a_manual_stop_forces_nobody_and_asks_nobody_further(tool, fleet, number):
    web, db = fleet.add('web', delay_s=3), fleet.add('db', delay_s=1)
    deaf = fleet.add('deaf', never=True)
    fleet.start()
    tool.configure(guests='[web]\nneeds = db\n[deaf]\npress-again = 2\n')
    running = tool.start('stop', '--json')
    asked(running, web)
    asked(running, deaf)
    at = time.monotonic()
    running.signal(number)
    ended = running.wait()
    assert time.monotonic() - at < 2
    assert ended.exit == 128 + number, ended
    # What was asked goes on by itself; nobody is pressed again, asked or forced.
    wait_until(lambda: not fleet.is_on(web), 20, 'web is off')
    time.sleep(3)
    assert web.disk_says() == 'CLEAN'
    assert db.said() == ['READY']
    assert deaf.said() == ['READY', 'PRESSED']
    assert fleet.is_on(db)
    assert fleet.is_on(deaf)
