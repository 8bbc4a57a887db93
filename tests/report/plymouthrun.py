"""In a mount and network namespace with plymouth's files: a host-stop of two guests under the real plymouthd, or without one.

plymouthrun.py yes|no FOLDER: prints what host-stop said, then what plymouth put on its terminal.
"""
import os
import pty
import subprocess
import sys
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GUEST = '<domain type="test"><name>%s</name><memory>1024</memory><os><type>hvm</type></os></domain>'


def plymouthd(shown):
    """The daemon on a terminal of its own; what it writes there is added to `shown`."""
    master, slave = pty.openpty()

    def read():
        while True:
            try:
                shown.append(os.read(master, 4096))
            except OSError:
                return
    threading.Thread(target=read, daemon=True).start()
    daemon = subprocess.Popen(['plymouthd', '--no-daemon', '--mode=shutdown', '--tty=' + os.ttyname(slave),
                               '--kernel-command-line=plymouth.ignore-serial-consoles plymouth.ignore-udev splash'])
    while subprocess.call(['plymouth', '--ping'], stderr=subprocess.DEVNULL):
        time.sleep(0.05)
    subprocess.check_call(['plymouth', 'show-splash'])
    return daemon


def main(running, folder):
    shown = []
    daemon = plymouthd(shown) if running else None
    with open(os.path.join(folder, 'runlevel'), 'w') as stream:
        stream.write('#!/bin/sh\necho 2 0\n')
        os.chmod(stream.name, 0o755)
    with open(os.path.join(folder, 'node.xml'), 'w') as stream:
        stream.write('<node>%s</node>' % ''.join(GUEST % name for name in ('web', 'db')))
    with open(os.path.join(folder, 'guests.conf'), 'w') as stream:
        stream.write('[web]\nneeds = db\n')
    qemu = subprocess.Popen(['qemu-system-none', '100'], executable='/bin/sleep')  # what host-stop takes for a guest's process
    started = time.monotonic()
    subprocess.call([sys.executable, '-Es', os.path.join(TOP, 'bin', 'kvm-graceful'), 'host-stop', '--uri', 'test://' + stream.name[:-11]
                     + 'node.xml', '--guests', stream.name, '--config', folder + '/none', '--state-dir', folder + '/state'],
                    env=dict(os.environ, PATH=folder + ':' + os.environ['PATH']))
    print('over after %.1f s' % (time.monotonic() - started), flush=True)
    qemu.kill()
    qemu.wait()
    if daemon:
        subprocess.call(['plymouth', 'quit'])
        daemon.wait(20)
    print('plymouth: %r' % b''.join(shown))


if __name__ == '__main__':
    main(sys.argv[1] == 'yes', sys.argv[2])
