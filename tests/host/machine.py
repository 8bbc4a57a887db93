"""One host VM under QEMU's own emulation (TCG): started, told what to do over a serial port, listened to, and its disk read.

All lines that leave it are stamped here, outside, by one clock: the console, and the serial consoles of its guests, each of
which is joined to a port of the host VM that leads out.
"""

import base64
import contextlib
import itertools
import json
import os
import re
import selectors
import shutil
import socket
import subprocess
import tarfile
import tempfile
import threading
import time
from collections import namedtuple

from tests.host.hardware import COMMANDS, MONITOR, PAYLOAD_SIZE, SOURCES, qemu
from tests.lab.libvirtd import LabError

BOOT_LIMIT_S = 600
COMMAND_LIMIT_S = 240
INSTALL_LIMIT_S = 300
DOWN_LIMIT_S = 600
NOT_TEXT = re.compile(rb'\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1bc|[\r\a]')
# virsh last: each call of it takes a second of the boot's own time away.
UNTIL_UP = r"""
if [ -d /run/systemd/system ]; then
    until systemctl is-system-running --wait | grep -q 'running\|degraded'; do sleep 2; done
else
    until [ -S /run/libvirt/libvirt-sock ]; do sleep 1; done
    while pgrep -f '^/bin/sh /etc/init.d/rc'; do sleep 2; done
fi
until virsh -q -c qemu:///system version; do sleep 2; done
"""

Line = namedtuple('Line', 'at source text')
Answer = namedtuple('Answer', 'code text')


class Machine:
    """Goes on from the image's memory, or boots where there is none yet. To be ended with close().

    `files`: {name: path}, put into /lab.
    """

    def __init__(self, image, files=None):
        self.image = image
        self._folder = tempfile.TemporaryDirectory(prefix='kgs-host-')
        self.lines, self._changed = [], threading.Condition()
        self._started = time.monotonic()
        self._numbers = itertools.count(1)
        self._process = self._reader = None
        self._streams = {}
        try:
            self._disk = self._path('disk.qcow2')
            command(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', image.disk, self._disk])
            self._write_payload(files or {})
            self._start(os.path.exists(image.memory))
            if files:
                self.run('mkdir -p /lab && dd if=/dev/vdb bs=1M iflag=direct status=none | tar -C /lab -xf -')
        except BaseException:
            self.close()
            raise

    # -- what a test does with it

    def run(self, script, limit_s=COMMAND_LIMIT_S):
        """What a shell script prints, run by root in there. An exit code other than 0 fails the test."""
        answer = self.attempt(script, limit_s)
        assert answer.code == 0, '%s\nended with code %d:\n%s' % (script, answer.code, answer.text)
        return answer.text

    def attempt(self, script, limit_s=COMMAND_LIMIT_S):
        """The same, as Answer (code, text)."""
        number = self.send(script)
        line = self.wait_for('%d ' % number, limit_s, COMMANDS)
        code, text = (line.text.split() + [''])[1:3]
        return Answer(int(code), base64.b64decode(text).decode(errors='replace').rstrip('\n'))

    def send(self, script):
        """Starts a script, and does not wait for its end: the machine may go down meanwhile."""
        number = next(self._numbers)
        self._write(COMMANDS, b'%d %s\n' % (number, base64.b64encode(script.encode())))
        return number

    def wait_for(self, pattern, limit_s, source=None, since=0):
        """The first Line, from number `since` on, that has the regular expression at its beginning."""
        found = re.compile(pattern)

        def look():
            return next((line for line in self.lines[since:] if line.source == (source or line.source)
                         and found.match(line.text)), None)
        with self._changed:
            if not self._changed.wait_for(lambda: look() or self.has_ended(), limit_s) or not look():
                raise AssertionError('%s within %d s: %s\n%s' % (
                    'the machine ended' if self.has_ended() else 'not', limit_s, pattern, self.log()))
            return look()

    def wait_until_again(self, script, limit_s):
        """Starts a script that ends the system and begins another without a power-off; waits until that one listens."""
        since = len(self.lines)
        self.send(script)
        self.wait_for('HELLO', limit_s, COMMANDS, since)

    def wait_until_off(self, limit_s=DOWN_LIMIT_S):
        """How it ended, in QEMU's words: guest-shutdown (powered off), guest-reset (rebooted)."""
        with self._changed:
            if not self._changed.wait_for(self.has_ended, limit_s):
                raise AssertionError('still on after %d s\n%s' % (limit_s, self.log()))
        self._process.wait()
        for line in reversed(self.lines):  # it may have been started again: the last end counts
            if line.source == MONITOR and '"SHUTDOWN"' in line.text:
                return json.loads(line.text)['data']['reason']
        raise AssertionError('QEMU ended by itself: %s' % self._read('qemu.log'))

    def has_ended(self):
        return not self._reader.is_alive() or self._process.poll() is not None and not self._streams

    def press_power_button(self):
        self.monitor('system_powerdown')

    def press_ctrl_alt_del(self):
        self.monitor('send-key', keys=[{'type': 'qcode', 'data': name} for name in ('ctrl', 'alt', 'delete')])

    def switch_off(self):
        """As a power cut, or for a machine that has halted."""
        self.monitor('quit')
        self._process.wait()
        self._reader.join()

    def start_again(self):
        """Boots from its disk as the last shutdown left it."""
        self._start(from_memory=False)

    def disk(self):
        """Path of its disk as a raw file, once it is off."""
        raw = self._path('disk.raw')
        command(['qemu-img', 'convert', '-O', 'raw', self._disk, raw])
        return raw

    def seconds(self):
        """Since the first start, as lines are stamped."""
        return time.monotonic() - self._started

    def log(self, last=60):
        """The last lines, for messages."""
        lines = [line for line in list(self.lines) if line.source not in (COMMANDS, MONITOR)]
        return '\n'.join('%8.2f %-8s %s' % line for line in lines[-last:])

    def close(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._reader is not None:
            self._reader.join()
        self._folder.cleanup()

    # -- the image's memory

    def wait_until_up(self):
        """Until the boot is finished and libvirtd answers."""
        self.run(UNTIL_UP, BOOT_LIMIT_S)

    def keep(self, image):
        """Leaves disk and memory in an image, from which other machines go on."""
        self.monitor('stop')
        self.monitor('migrate', uri='exec:cat >"%s"' % image.memory)
        while True:
            status = self.monitor('query-migrate').get('status')
            if status == 'completed':
                break
            if status not in ('setup', 'active', 'device'):
                raise LabError('the memory of a host VM could not be saved: %s' % status)
            time.sleep(0.1)
        self.switch_off()
        shutil.move(self.disk(), image.disk)

    # -- inside

    def _path(self, name):
        return os.path.join(self._folder.name, name)

    def _write(self, source, data):
        stream = self._streams.get(source)  # the thread that reads takes it out when the machine has ended
        try:
            assert stream is not None
            stream.sendall(data)
        except (AssertionError, OSError):
            raise AssertionError('the machine has ended, and takes no more %s\n%s' % (source, self.log()))

    def _read(self, name):
        with open(self._path(name), errors='replace') as f:
            return f.read()

    def _write_payload(self, files):
        path = self._path('payload.tar')
        with tarfile.open(path, 'w', format=tarfile.GNU_FORMAT) as tar:
            for name, source in files.items():
                tar.add(source, name)
        if os.path.getsize(path) > PAYLOAD_SIZE:
            raise LabError('files for a host VM: more than %d bytes' % PAYLOAD_SIZE)
        os.truncate(path, PAYLOAD_SIZE)

    def _start(self, from_memory):
        listening = {}
        for source in SOURCES:
            with_path = self._path(source)
            if os.path.exists(with_path):
                os.remove(with_path)
            listening[source] = socket.socket(socket.AF_UNIX)
            listening[source].bind(with_path)
            listening[source].listen(1)
        with open(self._path('qemu.log'), 'w') as log:
            words = qemu(self.image, self._disk, self._path('payload.tar'), self._folder.name, from_memory)
            # It ends with us, also where we are ended.
            self._process = subprocess.Popen(['setpriv', '--pdeathsig', 'KILL'] + words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            for source, waiting in listening.items():
                waiting.settimeout(30)
                self._streams[source] = waiting.accept()[0]
                waiting.close()
        except socket.timeout:
            raise LabError('QEMU did not start: %s' % self._read('qemu.log'))
        self._reader = threading.Thread(target=self._read_lines, daemon=True)
        since = len(self.lines)
        self._reader.start()
        self.monitor('qmp_capabilities')
        if from_memory:
            # It was stopped when its memory was kept, and comes back so.
            while self.monitor('query-status')['status'] == 'inmigrate':
                time.sleep(0.05)
            self.monitor('cont')
        else:
            self.wait_for('HELLO', BOOT_LIMIT_S, COMMANDS, since)

    def _read_lines(self):
        selector = selectors.DefaultSelector()
        for source, stream in self._streams.items():
            selector.register(stream, selectors.EVENT_READ, [source, b''])
        while self._streams:
            for chosen, _ in selector.select():
                try:
                    data = chosen.fileobj.recv(65536)
                except ConnectionResetError:
                    data = b''
                at, (source, rest) = self.seconds(), chosen.data
                *whole, chosen.data[1] = (rest + data).split(b'\n')
                with self._changed:
                    for text in (NOT_TEXT.sub(b'', line).decode(errors='replace').strip() for line in whole):
                        if text:
                            self.lines.append(Line(at, source, text))
                    if not data:
                        selector.unregister(chosen.fileobj)
                        self._streams.pop(source).close()
                    self._changed.notify_all()

    def monitor(self, name, **arguments):
        """What QEMU answers to a command."""
        number = next(self._numbers)
        words = dict({'execute': name, 'id': number}, **({'arguments': arguments} if arguments else {}))
        self._write(MONITOR, json.dumps(words).encode() + b'\n')
        if name == 'quit':
            return {}
        line = self.wait_for(r'.*"id": %d\b' % number, 30, MONITOR)
        answer = json.loads(line.text)
        if 'error' in answer:
            raise LabError('QEMU: %s: %s' % (name, answer['error']['desc']))
        return answer['return']


def command(words):
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def boot_and_keep(image):
    """Boots an image's disk once, and leaves the memory of the machine beside it."""
    with contextlib.closing(Machine(image)) as machine:
        machine.wait_until_up()
        machine.keep(image)


def install_and_keep(base, deb, image):
    """Installs a package on the machine of an image, and leaves that one's disk and memory in another."""
    with contextlib.closing(Machine(base, {'package.deb': deb})) as machine:
        machine.run('dpkg -i /lab/package.deb 2>&1 && rm -r /lab && sync', INSTALL_LIMIT_S)
        machine.keep(image)
