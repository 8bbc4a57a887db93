"""QEMUs that are none of qemu:///system's guests: found, reported, never touched."""

import contextlib
import os
import signal
import subprocess

import pytest

from tests.lab.guest import LabGuest
from tests.lab.libvirtd import child_of, wait_until

NOBODY = 65534


@contextlib.contextmanager
def inside(libvirtd, words):
    """A process inside, ended by its id."""
    process = subprocess.Popen(libvirtd.command(words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: child_of(process.pid), 10, 'it has started')
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child_of(process.pid), signal.SIGKILL)
        process.wait(10)


@pytest.fixture
def session_guest(libvirtd):
    """A guest of a user's own libvirtd."""
    home = os.path.join(libvirtd.folder, 'home')
    os.makedirs(os.path.join(home, 'run'))
    guest = LabGuest(home, 'mine', delay_s=1)
    with open(os.path.join(home, 'mine.xml'), 'w') as f:
        f.write(guest.xml)
    for folder, _, names in os.walk(home):
        for path in [folder] + [os.path.join(folder, name) for name in names]:
            os.chown(path, NOBODY, NOBODY)
    user = ['setpriv', '--reuid=%d' % NOBODY, '--regid=%d' % NOBODY, '--clear-groups', 'env', 'HOME=' + home,
            'XDG_RUNTIME_DIR=%s/run' % home, 'LIBVIRT_DRIVER_DIR=/run/drivers']
    virsh = libvirtd.command(user + ['virsh', '-c', 'qemu:///session'])
    with inside(libvirtd, user + ['/usr/sbin/libvirtd']):
        wait_until(lambda: os.path.exists(home + '/run/libvirt/libvirt-sock'), 20, 'the session daemon is there')
        subprocess.run(virsh + ['create', home + '/mine.xml'], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_until(lambda: 'READY' in guest.said(), 60, 'it has booted')
        yield guest
        subprocess.run(virsh + ['destroy', 'mine'], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def test_a_session_guest_and_a_qemu_of_nobody_are_reported_and_stay_on(tool, fleet, libvirtd, session_guest):
    ours = fleet.add('ours', delay_s=1)
    fleet.start()
    with inside(libvirtd, ['qemu-system-x86_64', '-name', 'by hand', '-display', 'none', '-m', '2', '-accel', 'tcg', '-S']):
        wait_until(lambda: len([name for name in libvirtd.processes().values() if name.startswith('qemu')]) == 3, 10, 'three QEMUs')
        ended = tool.run('host-stop', '--json', env=tool.runlevel('2 0'))
        assert ended.exit == 0, ended
        assert [guest['name'] for guest in ended.json['guests']] == ['ours']
        warnings = '\n'.join(ended.json['warnings'])
        assert 'mine is a guest of qemu:///session of user %d: not handled' % NOBODY in warnings, ended
        assert '("by hand") is no guest of qemu:///system: not handled' in warnings, ended
        assert len([name for name in libvirtd.processes().values() if name.startswith('qemu')]) == 2
    assert (ours.disk_says(), session_guest.disk_says()) == ('CLEAN', 'DIRTY')
