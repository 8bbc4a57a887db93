"""What the tests of faults share: the lab of tests/libvirt, who is run when, and the table of faults at the end.

script/test runs those marked `quick`; script/test --faults (KVM_GRACEFUL_FAULTS=all) runs all of them.
"""

import contextlib
import os
import signal
import subprocess
import sys

import pytest

pytest.importorskip('libvirt')

from tests.lab import hungfs  # noqa: E402 (needs libvirt)
from tests.lab.agentguest import build  # noqa: E402
from tests.lab.libvirtd import LabError, wait_until  # noqa: E402
from tests.libvirt.conftest import fleet, new_tool, session_libvirtd  # noqa: E402, F401 (fixtures)

ALL = os.environ.get('KVM_GRACEFUL_FAULTS') == 'all'
rows = []


def pytest_configure(config):
    config.addinivalue_line('markers', 'quick: a fault that script/test tries too')


def pytest_collection_modifyitems(config, items):
    here = os.path.dirname(__file__)
    left = [item for item in items if str(item.path).startswith(here) and not ALL and not item.get_closest_marker('quick')]
    if left and not any('::' in word for word in config.args):  # one that is named is meant
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]


def pytest_runtest_logreport(report):
    if report.when == 'call' and report.nodeid.startswith('tests/faults/'):
        name = report.nodeid.rpartition('::')[2]
        rows.append((name.replace('test_', '', 1).replace('_', ' '), report.outcome, dict(report.user_properties).get('told', '')))


def pytest_terminal_summary(terminalreporter):
    if rows:
        width = min(90, max(len(name) for name, _, _ in rows))
        terminalreporter.section('faults and their outcomes')
        for name, outcome, told in rows:
            terminalreporter.write_line('%-*s  %-7s  %s' % (width, name, outcome, told))


@pytest.fixture
def libvirtd(session_libvirtd):  # noqa: F811 (the fixture)
    """The private libvirtd, running; a test may restart, kill or freeze it."""
    if not session_libvirtd.is_running():
        session_libvirtd.start()
    return session_libvirtd


@pytest.fixture
def tool(libvirtd):  # noqa: F811
    return new_tool(libvirtd, os.environ.get('KVM_GRACEFUL_PYTHON', '3'), os.environ.get('KVM_GRACEFUL_LIBVIRT'))


def linux_files(folder):
    """(kernel, initramfs) of a Linux guest, made below `folder`; the test is skipped where their packages cannot be had."""
    try:
        return build(str(folder / 'linux'))
    except LabError as error:
        pytest.skip(str(error))


class Night:
    """A host that goes down: its guests, the program as the init system calls it, and what is told of it in the table."""

    def __init__(self, item, libvirtd, fleet, tool):  # noqa: F811
        self._item = item
        self.libvirtd, self.fleet, self.tool = libvirtd, fleet, tool
        self.env = tool.runlevel('2 0')

    def guests(self, count, **options):
        """That many guests, started."""
        found = [self.fleet.add('g%02d' % len(self.fleet.guests), **options) for _ in range(count)]
        self.fleet.start(found)
        return found

    def host_stop(self, *arguments, **options):
        return self.tool.start('host-stop', '--json', *arguments, env=dict(self.env, **options.pop('env', {})), **options)

    def asked(self, running, guests):
        """Wait until each of these guests has noticed a press."""
        def has_been():
            assert running.is_running(), running.wait()
            return all('PRESSED' in guest.said() for guest in guests)
        wait_until(has_been, 40, 'the guests have been asked')

    def over(self, running, exit_code=0, limit_s=120):
        """Its end: the exit code, and no guest reported off whose QEMU lives. A row of the table comes of it."""
        ended = running.wait(limit_s)
        print(ended.err)  # for whoever reads of a failure: pytest shortens what an assertion says
        assert ended.exit == exit_code, ended
        return self.over_already(ended)

    def over_already(self, ended):
        assert 'Traceback' not in ended.err, ended
        by_uuid = {told['uuid']: told for told in ended.json['guests']}
        alive = qemus(self.libvirtd)
        for guest in self.fleet.guests:
            told = by_uuid.get(guest.uuid)
            if told and told['outcome'] in ('off', 'saved', 'destroyed', 'crashed'):
                assert guest.uuid not in alive, (guest.name, told)
        tally = {}
        for told in ended.json['guests']:
            tally[told['outcome']] = tally.get(told['outcome'], 0) + 1
        clean = sum(guest.disk_says() == 'CLEAN' for guest in self.fleet.guests)
        self.tell('exit %d after %.1f s of %d: %s; %d of %d CLEAN' % (
            ended.exit, ended.seconds, ended.json['deadline'],
            ', '.join('%d %s' % (count, outcome) for outcome, count in sorted(tally.items())), clean, len(self.fleet.guests)))
        return ended

    def tell(self, text):
        self._item.user_properties.append(('told', text))  # goes with the report, from whatever process of pytest-xdist

    def notices(self, ended):
        return ' '.join(event['text'] for event in ended.json['events'] if event['what'] == 'notice')


@contextlib.contextmanager
def hung(night, folder):
    """`folder`, as seen inside, is on a file system that never answers."""
    server = subprocess.Popen(night.libvirtd.command([sys.executable, hungfs.__file__, folder]), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
    try:
        line = server.stdout.readline()
        if line != 'mounted\n':
            pytest.skip('no file system of our own can be mounted: %s' % line.strip())
        yield
    finally:
        with open('/proc/%d/task/%d/children' % (server.pid, server.pid)) as f:
            for pid in f.read().split():
                os.kill(int(pid), signal.SIGKILL)
        server.wait()
        server.stdout.close()
        subprocess.run(night.libvirtd.command(['umount', '-l', folder]), check=True)


def qemus(libvirtd):  # noqa: F811
    """UUIDs of the guests whose QEMU lives."""
    found = set()
    for pid, name in libvirtd.processes().items():
        if name.startswith('qemu-system'):
            with contextlib.suppress(OSError), open('/proc/%d/cmdline' % pid) as f:
                words = f.read().split('\0')
                if '-uuid' in words:
                    found.add(words[words.index('-uuid') + 1])
    return found


@pytest.fixture
def night(request, libvirtd, fleet, tool):  # noqa: F811
    night = Night(request.node, libvirtd, fleet, tool)
    yield night
    for running in tool.started:
        if running.is_running():  # its test has failed, or was meant to
            with contextlib.suppress(OSError, LabError):  # it ends at this very moment
                running.signal(signal.SIGKILL)
            wait_until(lambda running=running: not running.is_running(), 20, 'what was killed has ended')
    libvirtd.thaw()


def end_as_sendsigs_does(night):
    """SIGTERM to every QEMU: what the end of a host's shutdown brings to a guest that is still on."""
    for guest in night.fleet.guests:
        os.kill(night.libvirtd.qemu_pid(guest), signal.SIGTERM)
    wait_until(lambda: not qemus(night.libvirtd), 20, 'all guests are gone')
