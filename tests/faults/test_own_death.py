"""Our own process is killed, or called twice: the next one takes the run up, with the same record and the same deadline."""

import json
import os
import signal
import threading
import time

import pytest

from kvm_graceful import watchdog
from tests.faults.conftest import end_as_sendsigs_does
from tests.lab.libvirtd import wait_until
from tests.lab.tracer import WALL, held


@pytest.mark.quick
def test_killed_in_the_middle_and_called_again(night):
    web, db = night.fleet.add('web', delay_s=4), night.fleet.add('db', delay_s=1)
    illumos = night.fleet.add('illumos', delay_s=4)
    night.fleet.start()
    night.tool.configure(guests='[web]\nneeds = db\n')
    first = night.host_stop()
    night.asked(first, [web, illumos])
    time.sleep(0.5)  # the record says so by now
    first.signal(signal.SIGKILL)
    assert first.wait().exit == 137
    ended = night.over(night.host_stop())
    assert [guest.disk_says() for guest in night.fleet.guests] == ['CLEAN'] * 3
    # The same run: nobody was pressed twice, its clock goes on, and there is one record of it.
    assert [guest.said().count('PRESSED') for guest in (web, illumos, db)] == [1, 1, 1]
    assert ended.json['run'] == 1
    assert ended.guest('web')['asked'] < 1
    assert ended.guest('db')['asked'] >= ended.guest('web')['off'] >= 3.5
    assert 'takes its run up' in night.notices(ended)
    report = night.tool.run('report', '--json')
    assert dict(report.json, acted=True) == ended.json


def test_control_killed_in_the_middle_and_not_called_again(night):
    web, db = night.fleet.add('web', delay_s=4), night.fleet.add('db', delay_s=1)
    night.fleet.start()
    night.tool.configure(guests='[web]\nneeds = db\n')
    first = night.host_stop()
    night.asked(first, [web])
    first.signal(signal.SIGKILL)
    first.wait()
    time.sleep(5)
    assert (web.disk_says(), db.said()) == ('CLEAN', ['READY'])
    night.fleet.guests.remove(web)
    end_as_sendsigs_does(night)
    assert db.disk_says() == 'DIRTY'
    night.tell('without the cure: 1 of 2 CLEAN')


def test_guests_that_went_off_while_nobody_was_there_are_told(night):
    guests = night.guests(2, delay_s=2)
    first = night.host_stop()
    night.asked(first, guests)
    time.sleep(0.5)
    first.signal(signal.SIGKILL)
    first.wait()
    time.sleep(4)
    ended = night.over(night.host_stop())
    assert [told['outcome'] for told in ended.json['guests']] == ['off', 'off']
    assert ended.json['run'] == 1
    # And after that there is nothing left to do.
    third = night.host_stop('--again').wait()
    assert (third.exit, third.json['acted']) == (0, False)


def test_the_second_process_keeps_to_the_deadline_of_the_first(night):
    night.guests(1, never=True)
    night.tool.configure('DEADLINE=30\n')
    began = time.monotonic()
    first = night.host_stop()
    night.asked(first, night.fleet.guests)
    time.sleep(12)
    first.signal(signal.SIGKILL)
    first.wait()
    ended = night.over(night.host_stop(), exit_code=3)
    assert 14 <= ended.guest('g00')['forced'] <= 17, ended
    assert time.monotonic() - began < 26  # 15 s for a forced end before its deadline, not before one of the second's own


@pytest.mark.parametrize('torn', [b'', b'{"what": "asked", "at": 0.', b'\xff\xfe{]\n'], ids=['not', 'in half', 'to nonsense'])
def test_killed_while_the_record_was_written(night, torn):
    guests = night.guests(2, delay_s=4)
    first = night.host_stop()
    night.asked(first, guests)
    time.sleep(0.5)
    first.signal(signal.SIGKILL)
    first.wait()
    with open(os.path.join(night.tool.state, 'run-1.jsonl'), 'ab') as f:
        f.write(torn)
    ended = night.over(night.host_stop())
    assert [told['outcome'] for told in ended.json['guests']] == ['off', 'off']
    assert [guest.said().count('PRESSED') for guest in guests] == [1, 1]
    assert ended.json['run'] == 1


def test_two_at_once_the_second_waits_and_gives_the_exit_code_of_the_first(night):
    guests = night.guests(2, delay_s=3)
    night.fleet.start([night.fleet.add('never', never=True)])
    night.tool.configure(guests='[never]\ngrace = 6\n')
    first = night.host_stop()
    night.asked(first, guests)
    second = night.host_stop()
    ended = night.over(first, exit_code=3)
    again = second.wait()
    assert (again.exit, again.json['acted']) == (3, False), again
    assert [guest.said().count('PRESSED') for guest in night.fleet.guests] == [1, 1, 1]
    assert ended.seconds <= again.seconds + 1.5
    assert os.listdir(night.tool.state).count('run-2.jsonl') == 0


def test_a_no_op_after_a_finished_run_is_quick_and_imports_no_libvirt(night):
    night.guests(1, delay_s=0)
    night.over(night.host_stop())
    trace = os.path.join(night.tool.folder, 'trace')
    before = ['strace', '-f', '-qq', '-e', 'trace=connect,openat', '-o', trace]
    assert night.host_stop('--again', before=before).wait().json['acted'] is False
    with open(trace) as f:
        text = f.read()
    assert 'kvm_graceful' in text
    assert 'libvirtmod' not in text
    assert 'libvirt-sock' not in text
    plain = night.host_stop('--again').wait()
    night.tell('over in %.2f s' % plain.seconds)
    assert plain.seconds < 1.0


def test_a_guest_left_on_purpose_is_not_asked_again_by_the_second_call(night):
    night.guests(1, never=True)
    night.tool.configure('DEADLINE=20\n', '[g00]\non-timeout = leave\n')
    night.over(night.host_stop())
    presses = night.fleet.guests[0].said().count('PRESSED')
    second = night.host_stop().wait()
    assert (second.exit, second.json['acted']) == (0, False), second
    assert night.fleet.guests[0].said().count('PRESSED') == presses


def test_a_host_that_came_back_and_has_guests_again_is_shut_down_again(night):
    guests = night.guests(1, delay_s=1)
    night.over(night.host_stop())
    night.fleet.start(guests)
    ended = night.over(night.host_stop())
    assert ended.json['run'] == 2
    assert guests[0].said() == ['READY', 'PRESSED', 'OFF'] * 2


@pytest.mark.parametrize('text', ['', '{', '[]', '{"boot": 3}', '\0' * 70000, '{"boot": "x", "started_at": 1, "deadline_at": 2}'],
                         ids=['empty', 'torn', 'a list', 'of wrong types', 'of zeros', 'of another boot'])
def test_a_hostile_lock_file_is_none(night, text):
    night.guests(1, delay_s=1)
    folder = os.path.join(night.tool.state, 'run')
    os.makedirs(folder)
    with open(os.path.join(folder, 'host-stop.json'), 'w') as f:
        f.write(text)
    night.over(night.host_stop())
    assert night.fleet.guests[0].disk_says() == 'CLEAN'
    with open(os.path.join(folder, 'host-stop.json')) as f:
        assert json.load(f)['exit'] == 0


def test_killed_again_and_again(night):
    """Each second a SIGKILL, as the unit and the init script call it again each time."""
    guests = [night.fleet.add('g%d' % n, delay_s=2) for n in range(4)]
    night.fleet.start()
    night.tool.configure(guests='[g0]\nneeds = g1\n[g1]\nneeds = g2\n[g2]\nneeds = g3\n')
    runs, killed = [], 0
    while killed < 30:
        running = night.host_stop()
        timer = threading.Timer(1.0, lambda running=running: running.is_running() and running.signal(signal.SIGKILL))
        timer.start()
        ended = running.wait()
        timer.cancel()
        runs.append(ended)
        if ended.exit != 137:
            break
        killed += 1
    assert ended.exit == 0, ended
    assert [guest.disk_says() for guest in guests] == ['CLEAN'] * 4
    told = night.tool.run('report', '--json').json
    assert {guest['outcome'] for guest in told['guests']} == {'off'}
    night.tell('4 of 4 CLEAN with %d SIGKILLs' % killed)


def test_called_again_after_the_deadline(night):
    """What is still on is told to end all the same, instead of being left to the power cut."""
    guest = night.guests(1, never=True)[0]
    night.tool.configure('DEADLINE=20\n')
    first = night.host_stop()
    night.asked(first, [guest])
    first.signal(signal.SIGKILL)
    first.wait()
    time.sleep(20 + 15 + 2)  # not even the time of a forced end is left
    ended = night.over(night.host_stop(), exit_code=3, limit_s=20)
    assert ended.guest('g00')['outcome'] == 'destroyed'
    assert ended.json['run'] == 1


def test_our_own_loop_hangs(night):
    """A tracer holds our main thread: the process is ended when its run must be over, as if killed, and the next call does what
    can still be done."""
    guest = night.guests(1, never=True)[0]
    night.tool.configure('DEADLINE=30\n')
    first = night.host_stop()
    night.asked(first, [guest])
    time.sleep(0.5)
    pid = first.pid()
    began = time.monotonic()
    with held(pid):
        wait_until(lambda: os.waitpid(pid, os.WNOHANG | WALL)[0] == pid, 70, 'it has ended')
    assert first.wait().exit == 137
    assert time.monotonic() - began < 30 + 15 + watchdog.MARGIN_S + 5
    ended = night.over(night.host_stop(), exit_code=3, limit_s=20)
    assert ended.guest('g00')['outcome'] == 'destroyed'
