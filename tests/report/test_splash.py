"""The line on plymouth's picture: under the real plymouthd, without one, and with a client that hangs."""
import os
import subprocess
import time

import pytest

from kvm_graceful.host import command
from kvm_graceful.splash import Splash
from tests.report.beside import unpacked

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'plymouthrun.py')


def host_stop(running, folder):
    """What a host-stop of two guests said, and plymouth."""
    layers = ':'.join([unpacked(package) + '/usr' for package in ('plymouth', 'libplymouth5')] + ['/usr'])
    # plymouth's socket belongs to the network namespace; its files lie over /usr in a mount namespace.
    alone = ['unshare', '--net', '--mount', '--propagation', 'private', 'sh', '-c',
             'mount -t overlay overlay -o "lowerdir=$1" /usr || exit 77; shift; exec "$@"', 'sh', layers]
    done = subprocess.run(alone + ['/usr/bin/python3', '-B', PROGRAM, 'yes' if running else 'no', str(folder)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
    if done.returncode == 77:
        pytest.skip('no overlay can be mounted over /usr here')
    return done.stdout.decode('utf-8', 'replace')


def test_plymouth_shows_how_far_it_is(tmp_path):
    said = host_stop(True, tmp_path)
    assert 'db: off by itself' in said
    assert 'of 2 guests off, 300 s left' in said.split('plymouth: ')[1], said


def test_without_plymouthd_it_goes_its_way(tmp_path):
    said = host_stop(False, tmp_path)
    assert 'db: off by itself' in said
    assert said.endswith("plymouth: b''\n"), said


def test_a_client_that_hangs_holds_nobody_up(tmp_path):
    client = tmp_path / 'plymouth'
    client.write_text('#!/bin/sh\necho "$@" >>%s/calls\n[ "$1" = --ping ] || exec sleep 1000\n' % tmp_path)
    client.chmod(0o755)
    ended = []

    def run(words, limit_s):
        ended.append(command.status(words, 0.5))
        return ended[-1]
    splash = Splash(run, (str(client),))
    started = time.monotonic()
    for number in range(1000):
        splash.say('text %d \x1b[2J' % number)
    assert time.monotonic() - started < 1
    while len(ended) < 3 and time.monotonic() - started < 30:
        time.sleep(0.05)
    assert ended[:2] == [0, None]
    calls = (tmp_path / 'calls').read_text()
    assert '\x1b' not in calls and calls.startswith('--ping\n') and '--text=text' in calls
