"""libvirtd that answers, but slowly, or not everybody, or only for a while."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys

from tests.lab import proxy
from tests.lab.fleet import Consoles
from tests.lab.libvirtd import wait_until


@contextlib.contextmanager
def through(night, delay_s=0, reset_s=0, program=sys.executable):
    """A URI that leads to libvirtd through a proxy inside."""
    path = '/run/proxy-sock'
    words = [program, proxy.__file__, path, '/run/libvirt/libvirt-sock', str(delay_s), str(reset_s)]
    server = subprocess.Popen(night.libvirtd.command(words), stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout.readline() == 'listens\n'
        yield 'qemu+unix:///system?socket=' + path
    finally:
        with contextlib.suppress(OSError), open('/proc/%d/task/%d/children' % (server.pid, server.pid)) as f:
            for pid in f.read().split():
                os.kill(int(pid), signal.SIGKILL)
        server.wait()
        server.stdout.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(night.libvirtd.state, 'run', 'proxy-sock'))


def test_libvirtd_that_takes_2_s_for_each_call(night):
    web, db = night.fleet.add('web', delay_s=1), night.fleet.add('db', delay_s=1)
    night.fleet.start()
    night.tool.configure(guests='[web]\nneeds = db\n')
    with through(night, delay_s=2) as uri, Consoles(night.fleet.guests) as consoles:
        ended = night.over(night.host_stop('--uri', uri), limit_s=200)
    assert [guest.disk_says() for guest in (web, db)] == ['CLEAN', 'CLEAN']
    assert consoles.when(db, 'PRESSED') >= consoles.when(web, 'OFF')
    assert night.libvirtd.is_running()  # slow is not hung
    assert 'ended' not in night.notices(ended)


def test_connections_that_are_reset_every_3_s(night):
    guests = night.guests(4, delay_s=3)
    night.tool.configure(guests='[g00]\nneeds = g01\n[g01]\nneeds = g02\n[g02]\nneeds = g03\n')
    with through(night, reset_s=3) as uri:
        night.over(night.host_stop('--uri', uri), limit_s=200)
    assert [guest.disk_says() for guest in guests] == ['CLEAN'] * 4
    assert night.libvirtd.is_running()


def test_a_daemon_that_drops_whoever_comes(night):
    """As one with a client too many. The proxy runs as a program named libvirtd; when it is ended, the one behind it ends too."""
    guests = night.guests(2, delay_s=1)
    program = os.path.join(night.libvirtd.state, 'run', 'libvirtd')
    shutil.copy(os.path.realpath(sys.executable), program)
    with through(night, reset_s=-1, program='/run/libvirtd') as uri:
        running = night.host_stop('--uri', uri)
        wait_until(lambda: 'libvirtd' not in [name for pid, name in night.libvirtd.processes().items()
                                              if pid != night.libvirtd.pid()], 60, 'the proxy has been ended')
        night.libvirtd.kill()
        ended = night.over(running)
    assert 'hung, and was ended' in night.notices(ended)
    assert [guest.disk_says() for guest in guests] == ['CLEAN'] * 2


def test_a_stranger_in_the_place_of_libvirtd_is_never_ended(night):
    """Something else listens there, and is silent: that is not ours to end. Nobody can be asked; all are told to end in time."""
    guests = night.guests(2, delay_s=1)
    night.tool.configure('DEADLINE=40\n')
    with through(night, delay_s=1000) as uri:
        ended = night.over(night.host_stop('--uri', uri), exit_code=3)
        assert subprocess.run(['kill', '-0', str(night.libvirtd.pid())]).returncode == 0
    assert 'not ours to end' in night.notices(ended)
    assert 'was ended' not in night.notices(ended)
    assert [told['outcome'] for told in ended.json['guests']] == ['destroyed'] * len(guests)


@contextlib.contextmanager
def few_clients(night):
    """libvirtd takes in five clients and no more."""
    path = os.path.join(night.libvirtd.state, 'etc', 'libvirtd.conf')
    with open(path) as f:
        usual = f.read()
    try:
        with open(path, 'w') as f:
            f.write(usual + 'max_clients = 5\nmax_anonymous_clients = 5\n')
        night.libvirtd.restart()
        yield
    finally:
        with open(path, 'w') as f:
            f.write(usual)
        if night.libvirtd.is_running():
            night.libvirtd.kill()


def test_max_clients_are_there_already(night):
    """libvirtd takes nobody in any more: to a new client it is silent."""
    guests = night.guests(2, delay_s=1)
    with few_clients(night), contextlib.ExitStack() as clients:
        for _ in range(8):
            client = clients.enter_context(contextlib.closing(socket.socket(socket.AF_UNIX)))
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.connect(os.path.join(night.libvirtd.state, 'run', 'libvirt', 'libvirt-sock'))
        night.over(night.host_stop())
    assert [guest.disk_says() for guest in guests] == ['CLEAN'] * 2


def test_more_guests_than_max_clients(night):
    guests = night.guests(8, delay_s=1)
    with few_clients(night):
        ended = night.over(night.host_stop())
    assert [guest.disk_says() for guest in guests] == ['CLEAN'] * 8
    assert 'ended' not in night.notices(ended)


def test_another_hypervisor_cannot_be_had_and_clients_are_few(night):
    """It is tried for half a minute; the one that is there is connected to once."""
    guests = night.guests(2, delay_s=1)
    with few_clients(night):
        ended = night.over(night.host_stop('--uri', 'qemu:///system', '--uri', 'xen:///system'), exit_code=4)
        assert night.libvirtd.is_running()
    assert [guest.disk_says() for guest in guests] == ['CLEAN'] * 2
    assert 'ended' not in night.notices(ended)
    assert ended.guest('g00')['asked'] < 35
