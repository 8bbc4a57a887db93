"""Our hook under the real molly-guard: `shutdown` at a terminal says what would go down, and is never kept from it."""
import os
import subprocess
import time

import pytest

from tests.report.beside import unpacked

pytest.importorskip('pyte')

from tests.report.screen import Screen  # noqa: E402 (needs pyte)

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HOOK = os.path.join(TOP, 'molly-guard', '20-kvm-graceful-shutdown')
GUEST = '<domain type="test"><name>%s</name><memory>1024</memory><os><type>hvm</type></os></domain>'
NAMESPACE = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', '''
    mount -t overlay overlay -o "lowerdir=$1/usr:/usr" /usr && mount -t overlay overlay -o "lowerdir=$1/etc:/etc" /etc || exit 77
    shift; exec "$@"
''', 'sh']


@pytest.fixture
def host(tmp_path):
    """Words that run a command where molly-guard and our hook are installed, and `shutdown` only says that it was called."""
    molly = unpacked('molly-guard')
    for folder in ('usr/lib/molly-guard', 'usr/sbin', 'etc/molly-guard/run.d'):
        (tmp_path / folder).mkdir(parents=True)
    script = next(path for path in (molly + '/lib/molly-guard/molly-guard', molly + '/usr/lib/molly-guard/molly-guard')
                  if os.path.exists(path))
    subprocess.run(['cp', script, str(tmp_path / 'usr/lib/molly-guard/')], check=True)
    subprocess.run(['cp', HOOK, str(tmp_path / 'etc/molly-guard/run.d/')], check=True)
    executable(tmp_path / 'usr/lib/molly-guard/shutdown', 'echo "REALLY $*"')
    os.symlink('/lib/molly-guard/molly-guard', str(tmp_path / 'usr/sbin/shutdown'))
    (tmp_path / 'node.xml').write_text('<node>%s</node>' % ''.join(GUEST % name for name in ('web', 'db')))
    (tmp_path / 'guests.conf').write_text('[web]\nneeds = db\n')
    program(tmp_path, '/usr/bin/python3 -B %s/bin/kvm-graceful "$@" --config /none --guests %s/guests.conf --uri test://%s/node.xml'
            ' --state-dir %s/state' % (TOP, tmp_path, tmp_path, tmp_path))
    alone = NAMESPACE + [str(tmp_path)]
    if subprocess.call(alone + ['true']) == 77:
        pytest.skip('no overlay can be mounted here')
    return alone


def executable(path, does):
    path.write_text('#!/bin/sh\n%s\n' % does)
    path.chmod(0o755)


def program(folder, does):
    executable(folder / 'usr' / 'sbin' / 'kvm-graceful', does)


def shutdown(host, *words):
    """What stands on the terminal of somebody who shuts the host down, and how long it took."""
    started = time.monotonic()
    with Screen(host + ['/usr/sbin/shutdown'] + list(words), columns=120) as screen:
        assert screen.wait() == 0
        return screen.everything(), time.monotonic() - started


def test_it_says_how_many_guests_would_go_down_and_how_long_that_takes(host):
    assert shutdown(host, '-h', 'now')[0] == [
        'kvm-graceful: 2 guests are on. A shutdown now is expected to take 120 s of 300 s.', 'REALLY -h now']


def test_without_guests_it_says_nothing(host, tmp_path):
    (tmp_path / 'node.xml').write_text('<node/>')
    assert shutdown(host, 'now')[0] == ['REALLY now']


@pytest.mark.parametrize('does', ['exit 1', 'echo broken >&2; exit 139', 'kill -9 $$', 'echo "Traceback (most recent call last):"; exit 1'])
def test_whatever_goes_wrong_the_shutdown_goes_on(host, tmp_path, does):
    program(tmp_path, does)
    assert shutdown(host, 'now')[0] == ['REALLY now']


def test_a_program_that_hangs_costs_five_seconds_at_most(host, tmp_path):
    program(tmp_path, 'trap "" TERM; while :; do sleep 1; done')
    lines, seconds = shutdown(host, 'now')
    assert lines == ['REALLY now'] and 3.5 < seconds < 10


def test_a_removed_package_is_no_hindrance(host, tmp_path):
    (tmp_path / 'usr/sbin/kvm-graceful').unlink()
    assert shutdown(host, 'now')[0] == ['REALLY now']


def test_a_shutdown_that_nobody_sits_before_loses_no_second(host, tmp_path):
    program(tmp_path, 'touch %s/called; sleep 100' % tmp_path)
    started = time.monotonic()
    said = subprocess.run(host + ['/usr/sbin/shutdown', '-h', '+0'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout
    assert said == b'REALLY -h +0\n' and time.monotonic() - started < 3.5
    assert not (tmp_path / 'called').exists()


def test_control_a_hook_that_fails_does_keep_a_shutdown_from_happening(host, tmp_path):
    executable(tmp_path / 'etc/molly-guard/run.d/30-other', 'exit 1')
    assert subprocess.run(host + ['/usr/sbin/shutdown', 'now'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE).stdout == b''
