"""The host's own files and streams fail: the guests go down all the same, in time, and the process ends and can be collected."""

import contextlib
import os
import signal
import stat
import subprocess
import time

import pytest

from kvm_graceful.hypervisor.savedir import SYSTEM as SAVES
from tests.faults.conftest import hung
from tests.lab.libvirtd import wait_until
from tests.lab.tool import Running


def clean(night):
    assert {guest.disk_says() for guest in night.fleet.guests} == {'CLEAN'}


@pytest.mark.quick
def test_state_directory_on_a_hung_file_system(night):
    night.guests(2, delay_s=2)
    os.makedirs(night.tool.state)
    run_dir = os.path.join(night.tool.folder, 'run')
    with hung(night, night.tool.state):
        began = time.monotonic()
        running = night.host_stop('--run-dir', run_dir)
        ended = night.over(running, limit_s=40)
        assert time.monotonic() - began < 20  # 2 s for the history, 2 s for the guests, 3 s for the record
    clean(night)
    assert 'does not answer' in ' '.join(ended.json['warnings'])
    assert [told['outcome'] for told in ended.json['guests']] == ['off', 'off']


def test_control_a_process_that_looks_at_a_hung_file_system_cannot_even_be_killed(night):
    os.makedirs(night.tool.state)
    with hung(night, night.tool.state):
        looks = Running(['ls', night.tool.state], night.libvirtd)
        pid = looks.pid()
        time.sleep(1)
        assert looks.is_running()
        os.kill(pid, signal.SIGKILL)
        time.sleep(1)
        with open('/proc/%d/stat' % pid) as f:
            state = f.read().rsplit(')', 1)[1].split()[0]
    looks.wait(20)
    night.tell('a plain look: state %s after SIGKILL' % state)


def test_state_directory_on_a_hung_file_system_and_our_own_death(night):
    guests = night.guests(2, delay_s=3)
    os.makedirs(night.tool.state)
    run_dir = os.path.join(night.tool.folder, 'run')
    with hung(night, night.tool.state):
        first = night.host_stop('--run-dir', run_dir)
        night.asked(first, guests)
        first.signal(signal.SIGKILL)
        first.wait()
        night.over(night.host_stop('--run-dir', run_dir), limit_s=60)
    clean(night)


@pytest.mark.parametrize('options', ['ro', 'size=4k,nr_inodes=3'], ids=['read only', 'full'])
def test_state_directory_that_takes_no_record(night, options):
    night.guests(2, delay_s=1)
    os.makedirs(night.tool.state)
    subprocess.run(night.libvirtd.command(['mount', '-t', 'tmpfs', '-o', options, 'none', night.tool.state]), check=True)
    if options != 'ro':
        fill = 'dd if=/dev/zero of="%s/filler" bs=4k count=8' % night.tool.state
        subprocess.run(night.libvirtd.command(['sh', '-c', fill]), stderr=subprocess.DEVNULL)
    ended = night.over(night.host_stop())
    clean(night)
    assert 'cannot be written' in ' '.join(ended.json['warnings'])


def test_state_directory_that_vanishes_in_the_middle(night):
    guests = night.guests(2, delay_s=3)
    running = night.host_stop()
    night.asked(running, guests)
    time.sleep(0.3)
    subprocess.run(['rm', '-rf', night.tool.state], check=True)
    ended = night.over(running)
    clean(night)
    assert [told['outcome'] for told in ended.json['guests']] == ['off', 'off']


def test_configuration_on_a_hung_file_system(night):
    """Whose guests.conf is a link to a share of all hosts, say. What stands in it is lost, the guests are not."""
    night.guests(2, delay_s=2)
    folder = os.path.join(night.tool.folder, 'etc')
    os.mkdir(folder)
    night.tool.config, night.tool.guests = os.path.join(folder, 'default'), os.path.join(folder, 'guests.conf')
    with hung(night, folder):
        ended = night.over(night.host_stop(), limit_s=60)
        assert ended.seconds < 30  # 2 s for each of three files
    clean(night)
    assert night.tool.guests + ': cannot be read: does not answer' in ' '.join(ended.json['warnings'])


def test_disk_for_saves_is_dead(night):
    """libvirt's folder on a share that is gone: known beforehand, and no thread of ours is left in it."""
    night.guests(2, delay_s=2)
    night.tool.configure('ON_SHUTDOWN=suspend\n')
    with hung(night, SAVES):
        ended = night.over(night.host_stop(), limit_s=60)
        assert ended.seconds < 30
    clean(night)
    assert 'the disk for it does not answer' in ' '.join(ended.json['warnings'])


def test_no_state_directory_yet_and_it_is_for_root_alone(night):
    night.guests(1, delay_s=1)
    night.over(night.host_stop())
    assert stat.S_IMODE(os.stat(night.tool.state).st_mode) == 0o700
    assert all(stat.S_IMODE(os.stat(os.path.join(night.tool.state, name)).st_mode) & 0o077 == 0
               for name in os.listdir(night.tool.state))


@pytest.mark.parametrize('make', [
    lambda path: open(path, 'w').write('{"schema": 1, "guests"'), lambda path: open(path, 'w').write('[' * 100000),
    lambda path: os.symlink('/etc/passwd', path), os.mkfifo, os.mkdir,
    lambda path: open(path, 'wb').truncate(1 << 34)],
    ids=['torn', 'nested', 'a link', 'a pipe', 'a folder', 'of 16 GiB'])
def test_hostile_history(night, make):
    night.guests(1, delay_s=1)
    os.makedirs(night.tool.state)
    path = os.path.join(night.tool.state, 'history.json')
    make(path)
    ended = night.over(night.host_stop())
    clean(night)
    assert 'history' in ' '.join(ended.json['warnings'])


@pytest.mark.parametrize('make', [
    lambda path: open(path, 'w').write('{"schema": 1, "guests"'), lambda path: open(path, 'wb').truncate(1 << 34),
    lambda path: os.symlink('/etc/passwd', path), os.mkfifo], ids=['torn', 'of 16 GiB', 'a link', 'a pipe'])
def test_hostile_list_of_guests_to_start(night, make):
    """It is set aside, and the list of this shutdown takes its place."""
    guests = night.guests(1, delay_s=1)
    os.makedirs(night.tool.state)
    path = os.path.join(night.tool.state, 'restore.json')
    make(path)
    ended = night.over(night.host_stop())
    clean(night)
    assert 'restore.json' in ' '.join(ended.json['warnings'])
    assert os.path.lexists(path + '.damaged')
    with open(path) as f:
        assert guests[0].uuid in f.read()


def test_configuration_that_cannot_be_read(night):
    """Root reads what others may not; what it cannot read is a folder, or a disk that fails."""
    night.guests(1, delay_s=1)
    os.mkdir(night.tool.config)
    os.mkdir(night.tool.guests)
    ended = night.over(night.host_stop())
    clean(night)
    assert night.tool.config in ' '.join(ended.json['warnings'])


def shell(night, text, *arguments):
    """host-stop started by a shell inside, as "$@" of `text`."""
    return night.tool.start('host-stop', *arguments, env=night.env, before=['sh', '-c', text, 'sh'])


@pytest.mark.parametrize('redirect', ['>&- 2>&- <&-', '>/dev/full 2>&1'], ids=['closed', 'full'])
def test_console(night, redirect):
    night.guests(2, delay_s=1)
    ended = shell(night, 'exec "$@" ' + redirect).wait()
    assert ended.exit == 0, ended
    clean(night)
    night.tell('exit 0, 2 of 2 CLEAN')


def test_console_that_blocks(night):
    """A pipe that is full and that nobody reads: flow control on a serial console does the same."""
    night.guests(2, delay_s=1)
    fifo = os.path.join(night.tool.folder, 'console')
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b'x' * 4096)
    began = time.monotonic()
    running = shell(night, 'exec "$@" >%s 2>&1' % fifo)
    wait_until(lambda: [guest.disk_says() for guest in night.fleet.guests] == ['CLEAN'] * 2, 30, 'the guests are off')
    took = running.wait(40)
    os.close(reader)
    os.close(writer)
    assert took.exit == 0
    assert time.monotonic() - began < 30
    night.tell('exit 0 after %.1f s, 2 of 2 CLEAN' % took.seconds)


def test_syslog_that_blocks(night):
    """/dev/log is a socket whose queue is full: syslog(3) waits for ever."""
    import socket
    night.guests(2, delay_s=1)
    path = os.path.join(night.libvirtd.state, 'run', 'log')
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind(path)
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sender.connect(path)
    sender.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            sender.send(b'x')
    text = 'mount -t tmpfs none /dev/shm; touch /dev/log 2>/dev/null; mount --bind /run/log /dev/log || exit 99; exec "$@"'
    running = night.tool.start('host-stop', '--json', env=night.env,
                               before=['unshare', '--mount', '--propagation', 'unchanged', 'sh', '-c', text, 'sh'])
    ended = running.wait(40)
    for one in (log, sender):
        one.close()
    os.unlink(path)
    if ended.exit == 99:
        pytest.skip('/dev/log cannot be covered here')
    assert ended.exit == 0, ended
    clean(night)
    night.tell('exit 0 after %.1f s, 2 of 2 CLEAN' % ended.seconds)


@pytest.mark.parametrize('limit', [16, 24, 32])
def test_out_of_file_descriptors(night, limit):
    """A hard limit, which not even root may raise here: it goes on with what it has."""
    guests = night.guests(2, delay_s=1)
    night.tool.configure('DEADLINE=60\n')
    ended = shell(night, 'ulimit -n %d; exec setpriv --bounding-set -sys_resource "$@"' % limit).wait(90)
    assert 'Traceback' not in ended.err, ended
    night.tell('exit %d with %d file descriptors, %d of 2 CLEAN' % (ended.exit, limit, sum(one.disk_says() == 'CLEAN' for one in guests)))
    assert ended.exit == 0, ended
    clean(night)


@pytest.mark.parametrize('limit', [8, 10, 12])
def test_far_too_few_file_descriptors(night, limit):
    """Python alone takes some: with so few it may not come far, but it never says that all is well with guests on."""
    guests = night.guests(2, delay_s=1)
    night.tool.configure('DEADLINE=30\n')
    ended = shell(night, 'ulimit -n %d; exec setpriv --bounding-set -sys_resource "$@"' % limit).wait(60)
    off = [guest.disk_says() == 'CLEAN' for guest in guests]
    night.tell('exit %d with %d file descriptors, %d of 2 CLEAN' % (ended.exit, limit, sum(off)))
    assert all(off) if ended.exit == 0 else ended.exit in (1, 3, 4) and ended.err, ended


def past_libvirtd(night, count, delay_s, limits):
    """That many guests and no libvirtd, under limits that a shell sets: all go off, and the program ends in so many seconds."""
    night.guests(count, delay_s=delay_s)
    night.libvirtd.kill()
    ended = shell(night, limits + ' "$@"').wait(110)
    assert ended.exit == 0, ended
    clean(night)
    night.tell('exit 0 under %s: %d of %d CLEAN in %.1f s' % (limits.split(';')[0], count, count, ended.seconds))
    return ended.seconds


def test_usual_limit_of_file_descriptors_is_too_low(night):
    """A soft limit, such as the usual 1024 on a host with 600 guests: it is raised."""
    assert past_libvirtd(night, 12, 2, 'ulimit -S -n 16; exec') < 10


def test_more_guests_than_file_descriptors(night):
    """Each takes one: those that have one go off, and the next are asked."""
    past_libvirtd(night, 24, 1, 'ulimit -n 32; exec setpriv --bounding-set -sys_resource')


@pytest.mark.parametrize('kib', [250000, 150000])
def test_out_of_memory_for_us(night, kib):
    """So much address space and no more: what Python and the binding need, and one stack for each thread."""
    guests = night.guests(2, delay_s=1)
    ended = shell(night, 'ulimit -v %d; exec setpriv --bounding-set -sys_resource "$@"' % kib).wait(60)
    night.tell('exit %d, %d of 2 CLEAN' % (ended.exit, sum(guest.disk_says() == 'CLEAN' for guest in guests)))
    assert ended.exit == 0, ended
    clean(night)
