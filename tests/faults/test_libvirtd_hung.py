"""libvirtd lives and is silent (SIGSTOP): ended only where the host is proved to be going down, and no sooner than it must be."""

import contextlib
import fcntl
import os
import threading
import time

import libvirt
import pytest

from kvm_graceful.hypervisor.savedir import SYSTEM as SAVES
from tests.faults.conftest import hung, linux_files
from tests.lab.agentguest import LinuxGuest
from tests.lab.libvirtd import wait_until


@pytest.mark.quick
def test_libvirtd_hung_before_the_connect(night):
    guests = night.guests(3, delay_s=2)
    night.libvirtd.freeze()
    ended = night.over(night.host_stop())
    assert [guest.disk_says() for guest in guests] == ['CLEAN'] * 3
    assert 'hung, and was ended' in night.notices(ended)
    assert ended.guest('g00')['asked'] >= 14
    assert not night.libvirtd.thaw()


def test_libvirtd_hung_in_the_middle_of_the_asks(night):
    guests = night.guests(3, delay_s=2)
    night.tool.configure(guests='[g00]\nneeds = g01\n[g01]\nneeds = g02\n')
    running = night.host_stop()
    night.asked(running, guests[:1])
    night.libvirtd.freeze()
    ended = night.over(running)
    assert [guest.disk_says() for guest in guests] == ['CLEAN'] * 3
    assert 'hung, and was ended' in night.notices(ended)


def test_a_hung_libvirtd_is_ended_sooner_where_guests_would_lose_time(night):
    """Thirty seconds for everything, and a guest that takes long: it has its whole estimate all the same."""
    guests = night.guests(1, delay_s=2)
    night.tool.configure('DEADLINE=30\n', '[g00]\ngrace = 8\n')
    night.libvirtd.freeze()
    ended = night.over(night.host_stop())
    assert guests[0].disk_says() == 'CLEAN'
    asked = ended.guest('g00')['asked']
    assert 6 <= asked <= 10, ended  # 30 s less 15 s for a forced end less its grace of 8 s


def test_a_libvirtd_that_hangs_for_8_s_is_not_ended(night):
    guests = night.guests(2, delay_s=1)
    night.libvirtd.freeze()
    running = night.host_stop()
    time.sleep(8)
    assert night.libvirtd.thaw()
    ended = night.over(running)
    assert [guest.disk_says() for guest in guests] == ['CLEAN'] * 2
    assert 'ended' not in night.notices(ended)
    assert night.libvirtd.is_running()


def test_a_second_short_hang_is_judged_by_itself(night):
    """In the first there was a guest whose time ran out; now it has been asked."""
    guest = night.guests(1, delay_s=25)[0]
    night.tool.configure('DEADLINE=60\n', '[g00]\ngrace = 38\n')
    night.libvirtd.freeze()
    running = night.host_stop()
    time.sleep(5)
    assert night.libvirtd.thaw()
    night.asked(running, [guest])
    time.sleep(4)
    night.libvirtd.freeze()
    time.sleep(9)
    assert night.libvirtd.thaw()
    ended = night.over(running)
    assert guest.disk_says() == 'CLEAN'
    assert 'was ended' not in night.notices(ended)
    assert night.libvirtd.is_running()


def test_a_manual_stop_never_ends_a_hung_libvirtd(night):
    guests = night.guests(2, delay_s=2)
    night.tool.configure(guests='[g00]\nneeds = g01\n')
    running = night.tool.start('stop', '--json')
    night.asked(running, guests[:1])
    night.libvirtd.freeze()
    time.sleep(25)
    assert running.is_running()
    assert night.libvirtd.thaw()
    night.over(running)
    assert [guest.disk_says() for guest in guests] == ['CLEAN'] * 2


def test_a_hung_libvirtd_is_not_ended_where_nothing_proves_that_the_host_goes_down(night):
    """The init system asked for the stop, and does not say that the host goes down: enough to ask guests, not for this."""
    night.guests(1, delay_s=1)
    night.tool.configure('DEADLINE=25\n')
    night.libvirtd.freeze()
    ended = night.host_stop(env=dict(night.tool.runlevel('unknown'), RUNLEVEL='0')).wait()
    assert ended.exit == 3, ended
    assert night.libvirtd.thaw()
    night.tell('libvirtd left alone; the guest, which nobody could ask, ended by SIGTERM')


@contextlib.contextmanager
def being_saved(night, tmp_path):
    """A guest that is being saved, by libvirtd's own order, to a disk that takes 1 MiB a second as long as `take()` is called."""
    files = linux_files(tmp_path)
    saved = night.fleet.add('saved', kind=LinuxGuest, files=files)
    night.fleet.start()
    domain = night.fleet.domain(saved)
    fifo = os.path.join(night.libvirtd.folder, 'save')
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 1 << 20)
    save = threading.Thread(target=lambda: _quietly(lambda: domain.save(fifo)))

    def take():
        time.sleep(0.1)
        return len(_quietly(lambda: os.read(reader, 1 << 17)) or b'')
    try:
        save.start()
        wait_until(lambda: _is_saving(night, saved), 20, 'the save has begun')
        # libvirt's own head comes first: from the second MiB on it is QEMU that writes.
        got = []
        wait_until(lambda: got.append(take()) or sum(got) > 2 << 20, 30, 'the memory is being written')
        yield saved, take
    finally:
        os.close(reader)
        os.unlink(fifo)
        night.libvirtd.thaw()  # where it was not ended
        save.join()


def test_a_hung_libvirtd_is_not_ended_while_a_save_makes_progress(night, tmp_path):
    """Another guest is to be asked meanwhile."""
    other = night.fleet.add('other', delay_s=1)
    with being_saved(night, tmp_path) as (saved, take):
        night.libvirtd.freeze()
        running = night.host_stop()
        began = time.monotonic()
        while time.monotonic() - began < 25:
            take()
        assert running.is_running()
        assert 'PRESSED' not in other.said()
        # Nobody takes the memory any more: no progress. It is given up, and the guest goes on and is asked like the other one.
        ended = night.over(running)
        assert 'hung, and was ended' in night.notices(ended)
        assert not night.libvirtd.thaw()
    assert other.disk_says() == 'CLEAN'
    assert saved.said()[-1] == 'OFF'


def test_the_time_is_over_while_a_hung_libvirtd_saves_a_guest(night, tmp_path):
    """Nobody goes past it as long as the save makes progress; the forced ends do."""
    deaf = night.fleet.add('deaf', never=True)
    night.tool.configure('DEADLINE=35\n')
    with being_saved(night, tmp_path) as (_, take):
        running = night.host_stop()
        night.asked(running, [deaf])
        night.libvirtd.freeze()
        while running.is_running():
            take()
        ended = night.over(running, exit_code=3)
    assert ended.guest('deaf')['outcome'] == 'destroyed'
    assert 'SIGTERM was sent past it' in night.notices(ended)
    assert ended.json['finished'] <= 35


def test_libvirtd_hung_while_our_own_save_runs(night, tmp_path):
    """What it had begun nobody can end without it: the guest is let go on, and asked to shut down."""
    files = linux_files(tmp_path)
    saved, other = night.fleet.add('saved', kind=LinuxGuest, files=files), night.fleet.add('other', delay_s=1)
    night.fleet.start()
    night.tool.configure('DEADLINE=120\n', '[saved]\non-shutdown = save\nneeds = other\n')
    running = night.host_stop()
    wait_until(lambda: _is_saving(night, saved), 30, 'the save has begun', step_s=0.001)
    night.libvirtd.freeze()
    ended = night.over(running, limit_s=150)
    assert 'hung, and was ended' in night.notices(ended)
    assert saved.said()[-1] == 'OFF'
    assert other.disk_says() == 'CLEAN'
    assert ended.guest('other')['asked'] >= ended.guest('saved')['off']


def test_disk_for_saves_that_dies_while_a_save_is_to_run(night):
    """It answered when it was looked at. libvirtd hangs in the save, and in nothing else; the guest is switched off in time."""
    web, other = night.fleet.add('web', delay_s=5), night.fleet.add('other', delay_s=8)
    night.fleet.add('saved', never=True)
    night.fleet.start()
    night.tool.configure('DEADLINE=60\n', '[web]\nneeds = saved\ngrace = 20\n[saved]\non-shutdown = save\n')
    running = night.host_stop()
    night.asked(running, [web, other])
    with hung(night, SAVES):
        ended = night.over(running, exit_code=3, limit_s=100)
    assert [guest.disk_says() for guest in (web, other)] == ['CLEAN'] * 2
    assert ended.guest('saved')['outcome'] == 'destroyed'
    assert ended.json['finished'] <= 60 + 15
    assert 'SIGTERM was sent past it' in night.notices(ended)


def _quietly(call):
    try:
        return call()
    except (libvirt.libvirtError, OSError):
        return None


def _is_saving(night, guest):
    with open(os.path.join(night.libvirtd.state, 'run', 'libvirt', 'qemu', guest.name + '.xml')) as f:
        return "async='save'" in f.read()
