"""NUT without hardware: the real upsd, and its driver dummy-ups that says what a file says. All of it in one folder, on the
loopback address."""

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from .libvirtd import LabError, wait_until

DAEMONS = '/lib/nut'  # /sbin has wrappers that refuse to start unless /etc/nut/nut.conf has a MODE
START_LIMIT_S = 20


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Nut:
    """UPSes that say what the test says. To be ended with close(). `prefix`: words in front of every command, such as those
    that enter a namespace."""

    def __init__(self, names=('ups',), address='127.0.0.1', port=None, prefix=()):
        if not os.path.exists(DAEMONS + '/dummy-ups'):
            raise LabError('nut-server is not installed')
        self.folder = tempfile.mkdtemp(prefix='kgs-nut-')
        os.chmod(self.folder, 0o755)
        self.address, self.port, self._prefix = address, port or free_port(), list(prefix)
        self.environment = dict(os.environ, NUT_CONFPATH=self.folder, NUT_STATEPATH=self.folder, NUT_ALTPIDPATH=self.folder)
        self._names, self._server, self._drivers = names, None, {}
        self._falling, self._lock, self._written = {}, threading.Lock(), {}
        self._write('nut.conf', 'MODE=netserver\n')
        self._write('ups.conf', 'maxretry = 3\npollinterval = 1\n' + ''.join(
            '[%s]\ndriver = dummy-ups\nport = %s/%s.%s\nmode = dummy-%s\n' % (
                name, self.folder, name, *(('seq', 'loop') if name.startswith('seq') else ('dev', 'once'))) for name in names))
        self._write('upsd.conf', 'LISTEN %s %d\nSTATEPATH %s\nMAXAGE 6\n' % (address, self.port, self.folder))
        self._write('upsd.users', '[one]\npassword = one\nupsmon primary\nactions = SET FSD\n[two]\npassword = two\nupsmon secondary\n')
        try:
            for name in names:
                self.says(name, 'OL', 1200, 100)
        except BaseException:
            self.close()
            raise

    def start(self):
        """The drivers, and the server."""
        for name in self._names:
            self.start_driver(name)
        self.start_server()

    def start_driver(self, name):
        self._drivers[name] = self._run([DAEMONS + '/dummy-ups', '-u', 'root', '-D', '-a', name])

    def start_server(self):
        self._server = self._run([DAEMONS + '/upsd', '-u', 'root', '-D'])
        for name in self._names:
            wait_until(lambda name=name: self.upsc(name) not in ('', 'WAIT'), START_LIMIT_S, 'upsd knows %s' % name)

    def stop_driver(self, name):
        self._end(self._drivers.pop(name))

    def stop_server(self):
        server, self._server = self._server, None
        self._end(server)

    def server_pid(self):
        return self._server.pid

    def says(self, name, status, runtime_s=None, charge=None, **more):
        """What the UPS is to say from now on (the driver looks for a new file every second); None: no such variable."""
        values = {'ups.status': status, 'battery.runtime': runtime_s, 'battery.charge': charge}
        values.update((key.replace('_', '.'), value) for key, value in more.items())
        with self._lock:
            self._stop_falling(name)
            self._say(name, values)

    def _stop_falling(self, name):
        if name in self._falling:
            self._falling.pop(name).set()

    def _say(self, name, values):
        self._write('%s.dev' % name, ''.join('%s: %s\n' % (key, value) for key, value in values.items() if value is not None))

    def discharges(self, name, status, runtime_s, charge=None):
        """On battery from now on, until it says something else: the runtime falls by a second a second."""
        over = threading.Event()
        begun = time.monotonic()
        self.says(name, status, runtime_s, charge)

        def fall():
            while not over.wait(1):
                with self._lock:
                    if self._falling.get(name) is over:
                        left_s = max(0, runtime_s - (time.monotonic() - begun))
                        self._say(name, {'ups.status': status, 'battery.runtime': round(left_s), 'battery.charge': charge})
        with self._lock:
            self._falling[name] = over
        threading.Thread(target=fall, daemon=True).start()

    def plays(self, name, steps):
        """A curve for a UPS whose name begins with seq: [(status, runtime in seconds, charge, for how many seconds)]."""
        self._write('%s.seq' % name, ''.join('ups.status: %s\nbattery.runtime: %d\nbattery.charge: %d\nTIMER %d\n' % step
                                             for step in steps))

    def upsc(self, name, variable='ups.status'):
        """What upsd says of a UPS now; an empty text where it says nothing."""
        words = self._prefix + ['upsc', '%s@%s:%d' % (name, self.address, self.port), variable]
        return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=10).stdout.strip()

    def heard(self, name, status, limit_s=10):
        """Wait until upsd says that status."""
        wait_until(lambda: self.upsc(name) == status, limit_s, '%s says %s' % (name, status), 0.1)

    def close(self):
        with self._lock:
            for name in list(self._falling):
                self._stop_falling(name)
        for process in [self._server] + list(self._drivers.values()):
            if process is not None:
                self._end(process)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, words):
        log = open(os.path.join(self.folder, 'log'), 'a')
        with log:
            return subprocess.Popen(self._prefix + words, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _end(self, process):
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path + '.new', 'w') as f:
            f.write(text)
        os.chmod(path + '.new', 0o640)
        # The driver compares whole seconds.
        self._written[name] = max(int(time.time()), self._written.get(name, 0) + 1)
        os.utime(path + '.new', (self._written[name],) * 2)
        os.rename(path + '.new', path)
