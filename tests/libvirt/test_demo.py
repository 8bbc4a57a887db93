"""script/demo ends as described, touches no guest but its own, and leaves nothing behind, however it ends."""

import contextlib
import os
import signal
import subprocess
import time

import pytest

from tests.lab.libvirtd import child_of
from tests.lab.tool import CHECKOUT

DEMO = os.path.join(CHECKOUT, 'script', 'demo')

# The demo among processes and mounts of its own, so that nothing else of this machine is taken for what it left behind.
ALONE = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc', '--mount', '--propagation', 'unchanged',
         'sh', '-c', '''
    mount --make-rshared / 2>/dev/null  # what the demo mounts without care shows here; fails in a plain chroot
    look() {
        cut -d " " -f 5 /proc/self/mountinfo
        ls -d "$TMPDIR"/* /tmp/kvm-graceful* /run/libvirt* /etc/libvirt/* /var/*/libvirt* /var/lib/libvirt/* \
            /etc/*graceful* /etc/*/*graceful* /var/*/*graceful* /run/*graceful* 2>/dev/null
    }
    look >"$1/before"
    "$2" $3
    echo "exit code $?"
    for process in /proc/[0-9]*; do
        [ "$process" = /proc/1 ] || { echo "left behind: process"; cat "$process/comm"; }
    done
    look >"$1/after"
    diff "$1/before" "$1/after" | sed "s/^/left behind: /"
''', 'sh']


@contextlib.contextmanager
def demo_alone(libvirtd, option='', program=DEMO):
    """The demo under way (Popen), its output a pipe."""
    folder = os.path.join(libvirtd.folder, 'demo-%d' % time.monotonic_ns())
    tmp = os.path.join(folder, 'tmp')
    os.makedirs(tmp)
    with subprocess.Popen(ALONE + [folder, program, option], env=dict(os.environ, TMPDIR=tmp), text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            yield process
        finally:
            process.kill()
    assert os.listdir(tmp) == []


@pytest.mark.parametrize('option', ['', '--stubborn'])
def test_the_demo_ends_as_described_and_leaves_nothing(libvirtd, option):
    started = time.monotonic()
    with demo_alone(libvirtd, option) as demo:
        said = demo.communicate()[0]
    assert said.endswith('\nThe demo ended as described.\nexit code 0\n'), said
    assert time.monotonic() - started < 120


def test_control_what_a_demo_leaves_behind_is_seen(libvirtd, tmp_path):
    careless = tmp_path / 'careless'
    careless.write_text('#!/bin/sh\nmkdir /tmp/kvm-graceful-careless\nmount -t tmpfs none /tmp/kvm-graceful-careless\n'
                        # Until it has become sleep it is a shell of the script's own name.
                        'sleep 60 &\nuntil [ "$(cat /proc/$!/comm)" = sleep ]; do :; done\n')
    careless.chmod(0o755)
    try:
        with demo_alone(libvirtd, program=str(careless)) as demo:
            said = demo.communicate()[0]
    finally:
        os.rmdir('/tmp/kvm-graceful-careless')
    assert 'left behind: process\nsleep\n' in said
    # As a mount, and as a file.
    assert said.count('> /tmp/kvm-graceful-careless\n') == 2


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_demo_leaves_nothing(libvirtd, number):
    with demo_alone(libvirtd) as demo:
        for line in demo.stdout:
            if 'asked to shut down' in line:
                break
        os.kill(child_of(child_of(demo.pid)), number)
        said = demo.communicate(timeout=60)[0]
    assert 'The guests and all files of the demo are removed.\n' in said
    assert said.endswith('\nexit code %d\n' % (128 + number)), said


def test_beside_a_running_libvirtd_the_demo_touches_no_guest_but_its_own(libvirtd, fleet):
    db, off = fleet.add('db', delay_s=1), fleet.add('demo-win')
    fleet.start([db])
    fleet.define(off)
    images = os.path.join(libvirtd.state, 'lib', 'images')
    os.makedirs(images, exist_ok=True)
    before = sorted(os.listdir(os.path.join(libvirtd.state, 'log', 'qemu')))
    # Inside the namespaces of the tests' libvirtd it is the running one.
    demo = subprocess.run(libvirtd.command([DEMO]), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert 'demo2-web1: off by itself' in demo.stdout
    assert fleet.is_on(db)
    assert db.said() == ['READY']
    assert {domain.name() for domain in libvirtd.connection().listAllDomains()} == {'db', 'demo-win'}
    assert os.listdir(images) == []
    assert sorted(os.listdir(os.path.join(libvirtd.state, 'log', 'qemu'))) == before
