"""A host that sysvinit runs, as far as the watcher's init script can tell: /run, /dev/log and processes of its own; the real
script, program and python-daemon."""

import contextlib
import os
import signal
import socket
import subprocess

from tests.lab.libvirtd import child_of, wait_until
from tests.lab.tool import CHECKOUT, as_installed

SCRIPT = os.path.join(CHECKOUT, 'initscripts', 'kvm-graceful-watch')
# $1: what /run is, $2: what /dev is.
SET_UP = '''
set -e
mount -t proc proc /proc
for device in null zero random urandom tty; do [ -e "$2/$device" ] || : >"$2/$device"; mount --bind "/dev/$device" "$2/$device"; done
mount --bind "$1" /run
mount --rbind "$2" /dev
echo is set up
exec sleep 1000000
'''


class SysvHost:
    """To be ended with close(). `settings`: text of /etc/default/kvm-graceful-shutdown."""

    def __init__(self, folder, settings):
        self.folder = folder
        for name in ('run', 'dev', 'bin', 'state'):
            os.makedirs(os.path.join(folder, name))
        self.pid_file = os.path.join(folder, 'run', 'kvm-graceful-watch.pid')
        self._log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._log.bind(os.path.join(folder, 'dev', 'log'))
        self._log.setblocking(False)
        self._said = ''
        self.write('default', settings)
        self.write('guests.conf', '')
        program = ' '.join(['/usr/bin/python3', '-Es', as_installed(folder)])
        options = ' '.join(['--config', folder + '/default', '--guests', folder + '/guests.conf', '--state-dir', folder + '/state'])
        self.write('bin/kvm-graceful', '#!/bin/sh\nexec %s "$@" %s\n' % (program, options), 0o755)
        # Nothing here may reach the machine's own init.
        self.write('bin/shutdown', '#!/bin/sh\necho "shutdown $*" >>%s/shut-down\n' % folder, 0o755)
        with open(SCRIPT) as stream:
            text = stream.read()
        for old, new in (('PATH=/sbin:', 'PATH=%s/bin:/sbin:' % folder), ('PROGRAM=/usr/sbin/', 'PROGRAM=%s/bin/' % folder)):
            assert text.count(old) == 1
            text = text.replace(old, new)
        self.write('kvm-graceful-watch', text, 0o755)
        self._first = subprocess.Popen(
            ['setpriv', '--pdeathsig', 'KILL', 'unshare', '--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child',
             'sh', '-c', SET_UP, 'sh', folder + '/run', folder + '/dev'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        assert self._first.stdout.readline() == 'is set up\n'
        self._inside = child_of(self._first.pid)

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.folder, name)
        with open(path, 'w') as stream:
            stream.write(text)
        os.chmod(path, mode)

    def run(self, *words):
        """(exit code, all output) of a command in there."""
        done = subprocess.run(['nsenter', '--target', str(self._inside), '--mount', '--pid'] + list(words), stdin=subprocess.DEVNULL,
                              env={'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'NUT_CONFPATH': self.folder}, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=120)
        return done.returncode, done.stdout

    def script(self, *words):
        """(exit code, all output) of the init script."""
        return self.run('dash', os.path.join(self.folder, 'kvm-graceful-watch'), *words)

    def pid(self):
        """The watcher's process id in there; None where its script says that none runs."""
        code, out = self.script('status')
        return int(out.split('process ')[1].split(')')[0]) if code == 0 else None

    def kill(self, number=signal.SIGKILL):
        """Ends the watcher in a way that no script would."""
        code, out = self.run('sh', '-c', 'kill -%d %d' % (number, self.pid()))
        assert code == 0, out
        wait_until(lambda: self.pid() is None, 20, 'the watcher is gone')

    def log(self):
        """All that went to syslog."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self._said += self._log.recv(65536).decode() + '\n'
        return self._said

    def shut_down(self):
        """How the host was shut down; an empty text where it was not."""
        with contextlib.suppress(FileNotFoundError), open(os.path.join(self.folder, 'shut-down')) as stream:
            return stream.read()
        return ''

    def close(self):
        self._log.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._inside, signal.SIGKILL)  # the kernel ends all others in there
        self._first.wait(20)
        self._first.stdout.close()
