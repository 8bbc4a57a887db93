"""Guests whose QEMU or agent misbehaves, signals to us, and a clock that somebody sets."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.faults.conftest import linux_files
from tests.lab import pidreuse
from tests.lab.agentguest import LinuxGuest
from tests.lab.libvirtd import child_of, wait_until
from tests.lab.tracer import held

FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1'


@pytest.mark.quick
def test_qemu_stopped_before_the_run(night):
    guests = night.guests(7, delay_s=1)
    for guest in guests[:6]:  # more than libvirtd carries out at a time for one client
        os.kill(night.libvirtd.qemu_pid(guest), signal.SIGSTOP)
    ended = night.over(night.host_stop())
    assert [guest.disk_says() for guest in guests] == ['CLEAN'] * 7
    assert 'goes on' in night.notices(ended)


def test_qemu_stopped_in_the_middle(night):
    guests = night.guests(2, delay_s=4)
    running = night.host_stop()
    night.asked(running, guests)
    os.kill(night.libvirtd.qemu_pid(guests[0]), signal.SIGSTOP)
    night.over(running)
    assert [guest.disk_says() for guest in guests] == ['CLEAN'] * 2


def test_qemu_killed(night):
    victim, well = night.fleet.add('victim', delay_s=10), night.fleet.add('well', delay_s=2)
    night.fleet.start()
    night.tool.configure(guests='[victim]\nneeds = well\n')
    running = night.host_stop()
    night.asked(running, [victim])
    os.kill(night.libvirtd.qemu_pid(victim), signal.SIGKILL)
    ended = night.over(running, exit_code=3)
    assert ended.guest('victim')['outcome'] == 'crashed'
    assert well.disk_says() == 'CLEAN'


@pytest.mark.parametrize('agent', ['floods', 'nonsense'])
@pytest.mark.parametrize('daemon', ['alive', 'dead'])
def test_agent_that(night_of_linux, agent, daemon):
    night, files = night_of_linux
    hostile = night.fleet.add('hostile', kind=LinuxGuest, files=files, agent=agent)
    other = night.fleet.add('other', delay_s=1)
    night.fleet.start()
    if daemon == 'dead':
        night.libvirtd.kill()
    ended = night.over(night.host_stop())
    assert hostile.said()[-2:] == ['PRESSED', 'OFF'], ended  # the power button
    assert other.disk_says() == 'CLEAN'
    assert ended.guest('other')['asked'] < 2


@pytest.fixture
def night_of_linux(night, tmp_path):
    return linux_night(night, tmp_path)


def linux_night(night, folder):
    """A night, and the files of a Linux guest."""
    return night, linux_files(folder)


def test_sigterm_once_halves_the_time_that_is_left(night):
    night.guests(1, never=True)
    night.tool.configure('DEADLINE=60\n')
    running = night.host_stop()
    night.asked(running, night.fleet.guests)
    running.signal(signal.SIGHUP)  # ignored
    running.signal(signal.SIGTERM)
    ended = night.over(running, exit_code=3)
    assert 10 <= ended.guest('g00')['forced'] <= 20, ended


def test_sigterm_twice_forces_now(night):
    slow = night.guests(1, delay_s=60)[0]
    running = night.host_stop()
    night.asked(running, [slow])
    for _ in range(2):
        running.signal(signal.SIGTERM)
        time.sleep(0.5)
    ended = night.over(running, exit_code=3)
    assert ended.seconds < 15
    assert ended.guest('g00')['outcome'] == 'destroyed'


@pytest.mark.parametrize('step', ['+1h', '-1h'])
def test_clock_that_is_set(night, step):
    """The wall clock alone is faked: nobody may set that of the machine. A guest that takes 4 s is asked, then the hour jumps."""
    if not os.path.exists(FAKETIME):
        pytest.skip('libfaketime is not installed')
    web, db = night.fleet.add('web', delay_s=4), night.fleet.add('db', delay_s=1)
    deaf = night.fleet.add('deaf', never=True)
    night.fleet.start()
    night.tool.configure('DEADLINE=60\n', '[web]\nneeds = db\n[deaf]\ngrace = 10\n')
    path = os.path.join(night.tool.folder, 'faketime')
    with open(path, 'w') as f:
        f.write('+0\n')
    running = night.host_stop(env={'LD_PRELOAD': FAKETIME, 'FAKETIME_TIMESTAMP_FILE': path, 'FAKETIME_NO_CACHE': '1',
                                   'DONT_FAKE_MONOTONIC': '1'})
    night.asked(running, [web, deaf])
    with open(path, 'w') as f:
        f.write(step + '\n')
    ended = night.over(running, exit_code=3)
    assert [guest.disk_says() for guest in (web, db)] == ['CLEAN', 'CLEAN']
    assert 9 <= ended.guest('deaf')['forced'] - ended.guest('deaf')['asked'] <= 13
    assert ended.seconds < 30


@pytest.mark.parametrize('daemon', ['alive', 'dead'])
def test_qemu_that_does_not_end_on_sigterm(night, daemon):
    """A tracer holds its main thread, as the kernel holds one that waits for a dead disk: still on, and never SIGKILLed by us."""
    stubborn, well = night.guests(1, never=True)[0], night.fleet.add('well', delay_s=1)
    night.fleet.start([well])
    night.tool.configure('DEADLINE=25\n')
    pid = night.libvirtd.qemu_pid(stubborn)
    if daemon == 'dead':
        night.libvirtd.kill()
    with held(pid):
        ended = night.over(night.host_stop(), exit_code=4)
    assert ended.guest('g00')['outcome'] == 'left'
    assert ended.seconds < 25 + 15 + 5
    assert well.disk_says() == 'CLEAN'
    wait_until(lambda: not os.path.exists('/proc/%d/exe' % pid), 20, 'our SIGTERM has ended it')


def uuid_pid(night, guest):
    """Process id, as seen inside, of a guest's QEMU: what libvirt's files say."""
    with open(os.path.join(night.libvirtd.state, 'run', 'libvirt', 'qemu', guest.name + '.pid')) as f:
        return int(f.read())


def bystander(night, pid):
    """Somebody else's process gets this process id, which is free, inside. Its server: closing its standard input ends it."""
    server = subprocess.Popen(night.libvirtd.command([sys.executable, pidreuse.__file__, str(pid)]), stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    assert server.stdout.readline() == 'has it\n'
    return server


@pytest.mark.quick
def test_pid_of_a_dead_qemu_is_used_again_before_the_run(night):
    """libvirtd is dead, so that its files still name the pid of a QEMU that was killed."""
    victim, well = night.fleet.add('victim', delay_s=1), night.fleet.add('well', delay_s=1)
    night.fleet.start()
    pid, outside = uuid_pid(night, victim), night.libvirtd.qemu_pid(victim)
    night.libvirtd.kill()
    os.kill(outside, signal.SIGKILL)
    wait_until(lambda: not os.path.exists('/proc/%d' % outside), 20, 'it has been collected')
    server = bystander(night, pid)
    ended = night.over(night.host_stop())
    assert server.communicate('', 20)[0] == 'left alone\n'
    assert [told['name'] for told in ended.json['guests']] == ['well']
    assert well.disk_says() == 'CLEAN'


def test_pid_of_a_qemu_is_used_again_in_the_middle_of_the_run(night):
    """We are stopped while it happens, and go on when the guest's time is over."""
    victim, well = night.fleet.add('victim', never=True), night.fleet.add('well', delay_s=2)
    night.fleet.start()
    night.tool.configure(guests='[victim]\ngrace = 8\n')
    pid, outside = uuid_pid(night, victim), night.libvirtd.qemu_pid(victim)
    night.libvirtd.kill()
    running = night.host_stop()
    night.asked(running, [victim, well])
    running.signal(signal.SIGSTOP)
    os.kill(outside, signal.SIGKILL)
    wait_until(lambda: not os.path.exists('/proc/%d' % outside), 20, 'it has been collected')
    server = bystander(night, pid)
    try:
        time.sleep(8)
        running.go_on()
        ended = night.over(running, exit_code=3)
    finally:
        said = server.communicate('', 20)[0]
    assert said == 'left alone\n'
    assert ended.guest('victim')['outcome'] in ('crashed', 'destroyed')
    assert well.disk_says() == 'CLEAN'


def test_control_a_script_that_goes_by_the_pid_file_hits_the_bystander(night):
    victim = night.guests(1)[0]
    pid, outside = uuid_pid(night, victim), night.libvirtd.qemu_pid(victim)
    night.libvirtd.kill()
    os.kill(outside, signal.SIGKILL)
    wait_until(lambda: not os.path.exists('/proc/%d' % outside), 20, 'it has been collected')
    server = bystander(night, pid)
    subprocess.run(night.libvirtd.command(['sh', '-c', 'kill $(cat /run/libvirt/qemu/%s.pid)' % victim.name]), check=True)
    said = server.communicate('', 20)[0]
    assert said == 'hit by signal 15\n'
    night.tell('without the cure: ' + said.strip())


def test_a_strangers_process_that_bears_the_uuid_of_a_guest(night):
    """Anybody may write what he likes on a command line: it is not waited for, and no signal reaches it."""
    guests = night.guests(2, delay_s=1)
    words = ['setpriv', '--reuid', '65534', '--clear-groups', 'sh', '-c', 'while :; do sleep 1; done', 'qemu-system-x86_64',
             '-name', 'guest=g00', '-uuid', guests[0].uuid]
    stranger = subprocess.Popen(night.libvirtd.command(words))
    try:
        wait_until(lambda: 'sh' in night.libvirtd.processes().values(), 20, 'the stranger is there')
        ended = night.host_stop().wait()
        assert ended.exit == 0, ended
        assert [told['outcome'] for told in ended.json['guests']] == ['off', 'off']
        assert stranger.poll() is None
        assert [guest.disk_says() for guest in guests] == ['CLEAN'] * 2
        night.tell('exit 0 after %.1f s of %d, 2 of 2 CLEAN' % (ended.seconds, ended.json['deadline']))
    finally:
        os.kill(child_of(stranger.pid), signal.SIGKILL)
        stranger.wait()


@pytest.mark.parametrize('count', [7, 24])
def test_qemus_that_hang(night, count):
    """As on a dead disk: their monitors are silent, and no signal reaches them. Others are asked all the same, whether they are
    more than libvirtd carries out for one client (5), or at all (20)."""
    stuck = [night.fleet.add('a%02d' % n, never=True) for n in range(count)]
    well = [night.fleet.add('w%d' % n, delay_s=2) for n in range(3)]
    night.fleet.start()
    night.tool.configure('DEADLINE=60\n', '[w0]\nneeds = w1\n')
    with contextlib.ExitStack() as stack:
        for guest in stuck:
            stack.enter_context(held(night.libvirtd.qemu_pid(guest)))
        ended = night.over(night.host_stop(), exit_code=4)
    assert [guest.disk_says() for guest in well] == ['CLEAN'] * 3, ended
    assert {ended.guest(guest.name)['outcome'] for guest in stuck} == {'left'}
    assert ended.seconds < 60 + 15 + 5


def test_init_system_that_does_not_answer(night):
    """As systemctl does where D-Bus hangs: two questions, 5 s for each; then the stop that it asked for counts."""
    night.guests(2, delay_s=1)
    with open(os.path.join(night.env['PATH'].split(':')[0], 'runlevel'), 'w') as f:
        f.write('#!/bin/sh\nexec sleep 1000\n')
    ended = night.over(night.host_stop(env={'RUNLEVEL': '0'}))
    assert [guest.disk_says() for guest in night.fleet.guests] == ['CLEAN'] * 2
    assert 'does not say' in night.tool.run('report', '--json').json['why']
    assert ended.seconds < 40
