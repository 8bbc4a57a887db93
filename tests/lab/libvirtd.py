"""A libvirtd of our own, started by hand in namespaces of its own (namespace.py), with all its state in one folder."""

import contextlib
import glob
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import libvirt

NAMESPACE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'namespace.py')
CONNECTION_DRIVERS = '/usr/lib/*/libvirt/connection-driver'
START_LIMIT_S = 60
STOP_LIMIT_S = 10

# QEMU runs as root, without confinement, cgroups and log daemon: none of them is there without systemd.
QEMU_CONF = """\
security_driver = "none"
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
stdio_handler = "file"
cgroup_controllers = []
namespaces = []
"""
LIBVIRTD_CONF = 'auth_unix_rw = "none"\nlog_outputs = "3:stderr"\n'

libvirt.registerErrorHandler(lambda *_: None, None)


class LabError(Exception):
    """The lab cannot be set up on this machine; the text says why."""


def wait_until(condition, limit_s, what, step_s=0.02):
    """What `condition()` gives once that is true; LabError after `limit_s`."""
    end = time.monotonic() + limit_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise LabError('not within %d s: %s' % (limit_s, what))
        time.sleep(step_s)


class Libvirtd:
    """A private libvirtd with the QEMU driver alone. To be ended with close(), by the thread that made it."""

    drivers = ('qemu',)
    # In a network of its own, from which nothing leads out. The network driver, for one, would work on the machine's firewall.
    own_network = False

    def __init__(self):
        if os.geteuid():
            raise LabError('a libvirtd of our own needs root')
        self.folder = tempfile.mkdtemp(prefix='kgs-lab-')
        os.chmod(self.folder, 0o755)
        self.state = os.path.join(self.folder, 'state')
        self._first = self._first_pid = self._daemon = self._connection = None
        try:
            self._write_settings()
            self._enter_namespaces()
            self.start()
        except BaseException:
            self.close()
            raise

    # -- the daemon

    def start(self):
        """Start the daemon, and wait until it answers."""
        self._forget_connection()  # the last daemon may have been ended by others
        words = ['/usr/sbin/libvirtd', '--config', '/etc/libvirt/libvirtd.conf',
                 '--pid-file', '/run/libvirt/libvirtd.pid']
        self._daemon = subprocess.Popen(self.command(words), env=dict(os.environ, LIBVIRT_DRIVER_DIR='/run/drivers'),
                                        stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)

        def answers():
            if self._daemon.poll() is not None:
                with open(self._log.name) as f:
                    raise LabError('libvirtd ended: %s' % f.read().strip())
            with contextlib.suppress(libvirt.libvirtError):
                return self.connection().getVersion()
        wait_until(answers, START_LIMIT_S, 'libvirtd answers')

    def is_running(self):
        return self._daemon is not None and self._daemon.poll() is None

    def kill(self, number=signal.SIGKILL):
        """End the daemon alone; its QEMUs go on."""
        self._forget_connection()
        os.kill(self.pid(), number)
        self._daemon.wait()

    def freeze(self):
        """The daemon lives and is silent, like one that hangs, until thaw()."""
        os.kill(self.pid(), signal.SIGSTOP)

    def thaw(self):
        """True if the daemon goes on, False if somebody ended it meanwhile."""
        if not self.is_running():
            return False
        # nsenter stops itself with what it has started; when it goes on it lets that go on too.
        os.kill(self._daemon.pid, signal.SIGCONT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._daemon.wait(0.5)
        return self.is_running()

    def restart(self):
        self.kill(signal.SIGTERM)
        self.start()

    def pid(self):
        """The daemon's process id, as seen from outside."""
        return child_of(self._daemon.pid)

    # -- clients

    def connection(self):
        """A connection of this process; a new one when the daemon was restarted meanwhile."""
        if self._connection is None or not self._connection.isAlive():
            # Inside it is qemu:///system. The same socket is to be seen from outside below the folder that covers /run.
            self._connection = libvirt.open('qemu+unix:///system?socket=%s/run/libvirt/libvirt-sock' % self.state)
        return self._connection

    def command(self, words):
        """`words` as a command that runs inside, in /."""
        enter = ['nsenter', '--target', str(self._first_pid), '--mount', '--pid', '--root']
        return enter + (['--net'] if self.own_network else []) + ['env', '--chdir=/'] + list(words)

    # -- what runs inside

    def processes(self):
        """{process id seen from outside: command name} of every process inside but the first."""
        ours = os.readlink('/proc/%d/ns/pid' % self._first_pid)
        inside = {}
        for entry in os.listdir('/proc'):
            with contextlib.suppress(OSError):
                if entry.isdigit() and int(entry) != self._first_pid and os.readlink('/proc/%s/ns/pid' % entry) == ours:
                    with open('/proc/%s/comm' % entry) as f:
                        inside[int(entry)] = f.read().strip()
        return inside

    def qemu_pid(self, guest):
        """Process id, as seen from outside, of the QEMU of a LabGuest."""
        for pid, name in self.processes().items():
            if name.startswith('qemu-system'):
                with open('/proc/%d/cmdline' % pid) as f:
                    if guest.uuid in f.read().split('\0'):
                        return pid
        raise LabError('%s has no QEMU' % guest.label)

    def close(self):
        """End every process inside, by its id, and remove the folder."""
        self._forget_connection()
        if self._first_pid is not None:
            # Where the first process is gone already, the kernel has ended all others.
            with contextlib.suppress(OSError, LabError):
                for pid in self.processes():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGTERM)
                wait_until(lambda: not self.processes(), STOP_LIMIT_S, 'all have ended')
            # It takes with it whatever is left.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._first_pid, signal.SIGKILL)
            self._first_pid = None
        for process in (self._first, self._daemon):
            # They wait for whoever has to collect the last of those inside, which may be somebody who never does.
            with contextlib.suppress(subprocess.TimeoutExpired):
                if process is not None:
                    process.wait(timeout=STOP_LIMIT_S)
        if self._first is not None:
            self._first.stdout.close()
            self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- setting up

    def _write_settings(self):
        for name, text in (('etc/qemu.conf', QEMU_CONF), ('etc/libvirtd.conf', LIBVIRTD_CONF)):
            path = os.path.join(self.state, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, 'w') as f:
                f.write(text)
        for name in ('run/libvirt', 'run/lock', 'run/drivers', 'lib', 'log', 'cache'):
            os.makedirs(os.path.join(self.state, name))
        # libvirt looks up the user that its package runs QEMU as, though qemu.conf names another; it is
        # libvirt-daemon-system that makes that user.
        self._add_line('passwd', 'libvirt-qemu:x:64055:64055::/nonexistent:/bin/false\n')
        self._add_line('group', 'libvirt-qemu:x:64055:\n')
        self._add_line('group', 'kvm:x:64056:\n')
        for driver in self.drivers:
            found = glob.glob(CONNECTION_DRIVERS + '/libvirt_driver_%s.so' % driver)
            if not found:
                raise LabError('libvirt-daemon-driver-%s is not installed' % driver)
            os.symlink(found[0], os.path.join(self.state, 'run/drivers', os.path.basename(found[0])))

    def _add_line(self, name, line):
        """Make a copy of /etc/`name` that has some line for the user or group of `line`."""
        start = line.split(':')[0] + ':'
        copy = os.path.join(self.state, name)
        with open(copy if os.path.exists(copy) else '/etc/' + name) as f:
            lines = f.readlines()
        with open(copy, 'w') as f:
            f.writelines(lines if any(each.startswith(start) for each in lines) else lines + [line])

    def _enter_namespaces(self):
        self._log = open(os.path.join(self.state, 'log/lab.log'), 'w')
        words = [sys.executable, '-EsS', NAMESPACE, self.state]
        self._first = subprocess.Popen((['unshare', '--net'] if self.own_network else []) + words, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=self._log, text=True)
        line = self._first.stdout.readline()
        if not line:
            with open(self._log.name) as f:
                raise LabError('no namespaces for a libvirtd of our own: %s' % f.read().strip().split('\n')[-1])
        self._first_pid = int(line)
        if self.own_network:
            # The devices in /sys are those of the network that it was mounted in.
            subprocess.run(self.command(['sh', '-c', 'mount -t sysfs sys /sys && ip link set lo up']), check=True)

    def _forget_connection(self):
        if self._connection is not None:
            with contextlib.suppress(libvirt.libvirtError):
                self._connection.close()
            self._connection = None


def children_of(pid):
    """The process ids of those that a process's first thread has begun and not yet ended."""
    with open('/proc/%d/task/%d/children' % (pid, pid)) as f:
        return [int(child) for child in f.read().split()]


def child_of(pid, limit_s=5):
    """The first child of a process. nsenter, for one, stays in front of what it starts, and hands on no signal."""
    return wait_until(lambda: children_of(pid), limit_s, 'process %d has a child' % pid)[0]
