"""libvirtd is killed, before the run or in the middle of it, and comes back or not: guests go down all the same."""

import os
import signal
import threading
import time

import libvirt
import pytest

from tests.bench.clients import BARE_CLIENT
from tests.faults.conftest import end_as_sendsigs_does, linux_files
from tests.lab.agentguest import LinuxGuest
from tests.lab.fleet import Consoles
from tests.lab.libvirtd import wait_until
from tests.lab.tool import Running


@pytest.mark.quick
def test_libvirtd_dead_before_the_run(night):
    web, db = night.fleet.add('web', delay_s=1), night.fleet.add('d b,x', delay_s=1, transient=True)
    night.fleet.start()
    night.tool.configure(guests='[web]\nneeds = d*\n')
    night.libvirtd.kill()
    ended = night.over(night.host_stop())
    assert [web.disk_says(), db.disk_says()] == ['CLEAN', 'CLEAN']
    assert ended.guest('d b,x')['asked'] >= ended.guest('web')['off']
    assert [told['outcome'] for told in ended.json['guests']] == ['off', 'off']
    assert 'asked past it' in night.notices(ended)


def test_control_a_client_of_libvirtd_alone_loses_the_guests_of_a_dead_one(night):
    guests = night.guests(2, delay_s=1)
    night.libvirtd.kill()
    assert Running(['/usr/bin/python3', '-BEs', BARE_CLIENT], night.libvirtd).wait().exit != 0
    assert [guest.said() for guest in guests] == [['READY']] * 2
    end_as_sendsigs_does(night)
    assert [guest.disk_says() for guest in guests] == ['DIRTY'] * 2
    night.tell('without the cure: 0 of 2 CLEAN')


@pytest.mark.quick
def test_libvirtd_killed_in_the_middle(night):
    # win is pressed again, db is asked, and the stubborn one is forced, all without libvirtd.
    web, db = night.fleet.add('web', delay_s=2), night.fleet.add('db', delay_s=1)
    win = night.fleet.add('win', delay_s=1, ignore=1)
    stubborn = night.fleet.add('stubborn', never=True)
    night.fleet.start()
    night.tool.configure('DEADLINE=60\n', '[web]\nneeds = db\n[win]\npress-again = 3\n[stubborn]\ngrace = 10\n')
    with Consoles(night.fleet.guests) as consoles:
        running = night.host_stop()
        night.asked(running, [web, win, stubborn])
        night.libvirtd.kill()
        ended = night.over(running, exit_code=3)
    assert [guest.disk_says() for guest in (web, db, win)] == ['CLEAN'] * 3
    assert consoles.when(db, 'PRESSED') >= consoles.when(web, 'OFF')
    assert win.said().count('PRESSED') == 2
    assert ended.guest('stubborn')['outcome'] == 'destroyed'
    assert ended.json['finished'] <= 60


def test_twenty_guests_of_5_s_without_libvirtd_in_1_3_times_the_time_with_it(night):
    guests = night.guests(20, delay_s=5)
    with_it = night.over(night.host_stop()).seconds
    spans = []
    for when in ('before', 'in the middle'):
        night.fleet.start(guests)
        if when == 'before':
            night.libvirtd.kill()
        presses = {guest.uuid: guest.said().count('PRESSED') for guest in guests}
        running = night.host_stop()
        if when != 'before':
            while not any(guest.said().count('PRESSED') > presses[guest.uuid] for guest in guests):
                time.sleep(0.01)
            night.libvirtd.kill()
        spans.append(night.over(running).seconds)
        assert [guest.disk_says() for guest in guests] == ['CLEAN'] * 20
        night.libvirtd.start()
    night.tell('20 of 20 CLEAN: %.2f s with libvirtd, %.2f s with it dead before, %.2f s killed in the middle'
               % (with_it, spans[0], spans[1]))
    assert max(spans) <= 1.3 * with_it, (with_it, spans)


def asked_before_the_last(night, count, delay_s):
    """A host-stop in which so many guests have been asked, and one more waits for them."""
    guests = night.guests(count, delay_s=delay_s)
    night.fleet.start([night.fleet.add('last', delay_s=1)])
    night.tool.configure(guests='[g*]\nneeds = last\n')
    running = night.host_stop()
    night.asked(running, guests)
    return running


def test_libvirtd_killed_and_back_after_5_s(night):
    running = asked_before_the_last(night, 3, 8)
    night.libvirtd.kill()
    time.sleep(5)
    night.libvirtd.start()
    ended = night.over(running)
    assert [guest.disk_says() for guest in night.fleet.guests] == ['CLEAN'] * 4
    assert 'asked through it' in night.notices(ended)


def test_libvirtd_restarted_in_a_loop(night):
    guests = night.guests(4, delay_s=3)
    night.tool.configure(guests='[g00]\nneeds = g01\n[g01]\nneeds = g02\n[g02]\nneeds = g03\n')
    over = threading.Event()

    def restart():
        while not over.wait(1.0):
            night.libvirtd.restart()
    running = night.host_stop()
    night.asked(running, guests[:1])
    loop = threading.Thread(target=restart)
    loop.start()
    try:
        night.over(running)
    finally:
        over.set()
        loop.join()
    assert [guest.disk_says() for guest in guests] == ['CLEAN'] * 4


def test_a_guest_whose_qemu_the_libvirtd_before_has_ended_has_not_crashed(night):
    """That one died before it had noted the guest's end. The next one finds no QEMU, and calls that a crash."""
    guest = night.guests(1, delay_s=2)[0]
    pid = night.libvirtd.qemu_pid(guest)
    running = night.host_stop()
    night.asked(running, [guest])
    night.libvirtd.freeze()
    wait_until(lambda: guest.said()[-1] == 'OFF', 30, 'the guest has shut down')
    os.kill(pid, signal.SIGTERM)
    os.kill(night.libvirtd.pid(), signal.SIGKILL)
    assert not night.libvirtd.thaw()
    night.libvirtd.start()
    ended = night.over(running)
    assert ended.json['guests'][0]['outcome'] == 'off'
    assert night.fleet.domain(guest).state()[1] == libvirt.VIR_DOMAIN_SHUTOFF_CRASHED


def test_libvirtd_that_comes_back_only_to_die_again(night):
    """Whatever it has come to by then: connections, the list of guests."""
    running = asked_before_the_last(night, 8, 12)
    night.libvirtd.kill()
    for lives_s in (0.0, 0.1, 0.2, 0.3, 0.5):
        time.sleep(1)
        night.libvirtd.start()
        time.sleep(lives_s)
        night.libvirtd.kill()
    night.over(running)
    assert [guest.disk_says() for guest in night.fleet.guests] == ['CLEAN'] * 9


def test_guests_that_go_off_as_libvirtd_dies(night):
    running = asked_before_the_last(night, 12, 2)
    time.sleep(1.8)
    night.libvirtd.freeze()  # it tells nobody that they go off
    time.sleep(1.5)
    os.kill(night.libvirtd.pid(), signal.SIGKILL)
    assert not night.libvirtd.thaw()
    ended = night.over(running)
    assert [guest.disk_says() for guest in night.fleet.guests] == ['CLEAN'] * 13
    assert ended.seconds < 12


def test_the_agent_over_its_channel_without_libvirtd(night, tmp_path):
    files = linux_files(tmp_path)
    works = night.fleet.add('works', kind=LinuxGuest, files=files)
    frozen = night.fleet.add('frozen', kind=LinuxGuest, files=files, frozen=True)
    night.fleet.start()
    night.libvirtd.kill()
    ended = night.over(night.host_stop())
    assert works.said()[-2:] == ['SHUTDOWN', 'OFF']   # through the agent
    assert frozen.said()[-2:] == ['PRESSED', 'OFF']   # which does not answer: the power button
    assert [told['outcome'] for told in ended.json['guests']] == ['off', 'off']


def test_a_guest_paused_by_its_user_is_resumed_without_libvirtd(night):
    guests = night.guests(2, delay_s=1)
    night.fleet.domain(guests[0]).suspend()
    night.libvirtd.kill()
    night.over(night.host_stop())
    assert [guest.disk_says() for guest in guests] == ['CLEAN'] * 2


def test_a_manual_stop_that_loses_libvirtd_goes_on_past_it(night):
    guests = night.guests(2, delay_s=1)
    night.tool.configure(guests='[g00]\nneeds = g01\n')
    running = night.tool.start('stop', '--json')
    night.asked(running, guests[:1])
    night.libvirtd.kill()
    night.over(running)
    assert [guest.disk_says() for guest in guests] == ['CLEAN'] * 2


def test_qemu_killed_while_libvirtd_is_dead(night):
    victim, well = night.fleet.add('victim', never=True), night.fleet.add('well', delay_s=3)
    night.fleet.start()
    pid = night.libvirtd.qemu_pid(victim)
    night.libvirtd.kill()
    running = night.host_stop()
    night.asked(running, [victim, well])
    os.kill(pid, signal.SIGKILL)
    ended = night.over(running, exit_code=3)
    assert ended.guest('victim')['outcome'] == 'crashed'
    assert well.disk_says() == 'CLEAN'


def test_a_guest_that_joined_is_gone_when_libvirtd_is(night):
    """It was started in the middle, and is killed together with libvirtd: nobody else could tell that it is off."""
    slow = night.guests(1, delay_s=12)[0]
    late = night.fleet.add('late', never=True)
    running = night.host_stop()
    night.asked(running, [slow])
    night.fleet.start([late])
    night.asked(running, [late])
    pid = night.libvirtd.qemu_pid(late)
    night.libvirtd.kill()
    os.kill(pid, signal.SIGKILL)
    ended = night.over(running, limit_s=60)
    assert ended.guest('late')['outcome'] == 'off'
    assert slow.disk_says() == 'CLEAN'


def test_a_guest_that_was_to_be_saved_is_shut_down_without_libvirtd(night):
    guests = night.guests(2, delay_s=1)
    night.tool.configure('ON_SHUTDOWN=suspend\n')
    night.libvirtd.kill()
    ended = night.over(night.host_stop())
    assert [guest.disk_says() for guest in guests] == ['CLEAN'] * 2
    assert 'only libvirtd can do that' in ' '.join(event['text'] for event in ended.json['events'])
