"""A host that upstart runs, on its way down: what upstart does with libvirt-bin, with our own job files and with rc, as it was
seen to; libvirtd, QEMU, the package and the program under Python 2.7 are the real ones."""

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time

from .libvirtd import child_of, wait_until
from .tool import OLD_LIBVIRT

# libvirt-bin's own pre-stop from Ubuntu 11.10 to 14.10, in the words of what it does. $1: the seconds that guests have.
PRE_STOP = '''
echo $$ >"$2"
for guest in $(virsh list --name); do virsh shutdown "$guest"; done
while [ "$1" -gt 0 ] && [ -n "$(virsh list --name)" ]; do sleep 1; set -- $(($1 - 1)) "$2"; done
for guest in $(virsh list --name); do virsh destroy "$guest"; done
'''
ENVIRONMENT = ['env', '-i', 'PATH=/sbin:/usr/sbin:/bin:/usr/bin', 'TERM=linux']
STATUS = 'cat "/tmp/upstart/$1" 2>/dev/null || { echo "status: Unknown job: $1" >&2; exit 1; }'
SENDSIGS_S = 10


def job_of(text):
    """{stanza: rest} of a job file with nothing but one-line stanzas."""
    found = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith('#'):
            stanza = re.match('start on|stop on|kill timeout|normal exit|[a-z-]+', line).group()
            found[stanza] = line[len(stanza):].strip()
    return found


class UpstartHost:
    """`old_host`: an OldHost with the package; `waits_in_rc`: libvirt-bin stops on `runlevel`, beside rc (to 13.10), instead of on
    `starting rc`, which holds rc (14.04 on); `without`: names of our jobs that are taken away; `api`: as for Tool."""

    def __init__(self, libvirtd, old_host, waits_in_rc, without=(), api=None, guests_conf=''):
        self.libvirtd, self._waits_in_rc = libvirtd, waits_in_rc
        self.folder = os.path.join(libvirtd.folder, 'upstart')
        os.mkdir(self.folder)
        self.happened, self.report = [], None  # [(instant, text)]
        for name, body in (('status', STATUS), ('runlevel', 'cat /tmp/upstart/runlevel')):
            place = next(place for place in ('/sbin', '/usr/sbin') if os.path.exists(old_host.path('%s/%s' % (place, name))))
            old_host.write('%s/%s' % (place, name), '#!/bin/sh\n%s\n' % body, 0o755)
        old_host.write('/etc/kvm-graceful-shutdown/guests.conf', guests_conf)
        if api is not None:
            with open(OLD_LIBVIRT) as source:
                old_host.write('/usr/share/kvm-graceful-shutdown/libvirt.py',
                               source.read().replace("RELEASE = 'of today'", 'RELEASE = %r' % api))
        self._say('libvirt-bin', 'start/running, process 900')
        self._write('runlevel', 'N 2')
        places = [libvirtd.folder, '/run', '/etc/libvirt', '/var/lib/libvirt']
        binds = [(place, place, 'rw') for place in places] + [(self.folder, '/tmp/upstart', 'rw')]
        self._holder = subprocess.Popen(libvirtd.command(old_host.command(['sleep', '1000000'], binds, own_pids=False)),
                                        stdin=subprocess.DEVNULL, start_new_session=True)
        self._inside = child_of(self._holder.pid)
        wait_until(lambda: self.run(['test', '-e', '/tmp/upstart/runlevel'])[0] == 0, 20, 'the old host is set up')
        self._jobs = {}
        for name in self.run(['ls', '/etc/init'])[1].split():
            if name.endswith('.conf') and name[:-5] not in without:
                self._jobs[name[:-5]] = job_of(self.run(['cat', '/etc/init/' + name])[1])

    def _enter(self, words):
        return ['nsenter', '--target', str(self._inside), '--mount', '--pid', '--root', 'env', '--chdir=/'] + ENVIRONMENT + words

    def run(self, words, **environment):
        """(exit code, output) of a command in there."""
        words = ['%s=%s' % pair for pair in environment.items()] + list(words)
        done = subprocess.run(self._enter(words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout

    def _write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path + '.new', 'w') as stream:
            stream.write(text + '\n')
        os.rename(path + '.new', path)

    def _say(self, job, state):
        self._write(job, '%s %s' % (job, state))
        self._note('%s %s' % (job, state))

    def _note(self, text):
        self.happened.append((time.monotonic(), text))

    def when(self, text):
        """The instant at which this happened first; None for never."""
        return next((at for at, what in self.happened if what.startswith(text)), None)

    # -- the way down

    def begin_to_go_down(self, pre_stop_s=30):
        """Runlevel 0. Returns the thread that ends when the host would be off."""
        thread = threading.Thread(target=self._go_down, args=(pre_stop_s,), daemon=True)
        thread.start()
        return thread

    def _go_down(self, pre_stop_s):
        self._write('runlevel', '2 0')  # utmp is written before the event is emitted
        # In the very step in which the change is known, libvirt-bin's goal becomes stop, and the jobs on `runlevel` begin.
        begun = [threading.Thread(target=self._event, args=('runlevel [016]', {'RUNLEVEL': '0', 'PREVLEVEL': '2'})),
                 threading.Thread(target=self._stop_libvirt_bin, args=(pre_stop_s,))]
        for thread in begun:
            thread.start()
        if not self._waits_in_rc:
            for thread in begun:
                thread.join()
        self._note('rc begins')
        self._rc()
        self._note('halt')
        for thread in begun:
            thread.join()
        code, out = self.run(['kvm-graceful', 'report', '--json'])
        self.report = json.loads(out) if code == 0 else None  # the last run, as the program tells it

    def _event(self, event, environment):
        """Runs the jobs on this event to their ends, one after the other; those that are no task hold nobody, and are not of
        interest here."""
        for name, job in sorted(self._jobs.items()):
            if job.get('start on') == event and 'task' in job:
                self._note('%s begins' % name)
                code, out = self.run(job['exec'].split(), UPSTART_JOB=name, UPSTART_INSTANCE='', **environment)
                self._note('%s ended with %d: %s' % (name, code, out.strip()))

    def _stop_libvirt_bin(self, pre_stop_s):
        pid_file = os.path.join(self.folder, 'pre-stop-pid')
        # A session of its own, as for every process of a job.
        pre_stop = subprocess.Popen(self.libvirtd.command(['setsid', '--wait', 'sh', '-c', PRE_STOP, 'sh', str(pre_stop_s), pid_file]),
                                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: os.path.exists(pid_file) and os.path.getsize(pid_file), 20, 'the pre-stop runs')
        with open(pid_file) as stream:
            self._say('libvirt-bin', 'stop/pre-stop, process 900\n\tpre-stop process %d' % int(stream.read()))
        pre_stop.wait()
        self._say('libvirt-bin', 'stop/stopping, process 900')
        self._event('stopping libvirt-bin', {'JOB': 'libvirt-bin', 'INSTANCE': '', 'RESULT': 'ok', 'UPSTART_EVENTS': 'stopping'})
        self._say('libvirt-bin', 'stop/killed, process 900')
        self.libvirtd.kill(signal.SIGTERM)
        self._say('libvirt-bin', 'stop/waiting')

    def _rc(self):
        """Our links first, as they are in rc0.d; then sendsigs, which ends every process that is no job's."""
        links = sorted(self.run(['ls', '/etc/rc0.d'])[1].split())  # K before S
        for link in links:
            code, out = self.run(['/etc/rc0.d/' + link, 'stop'], RUNLEVEL='0', PREVLEVEL='2')
            self._note('%s ended with %d: %s' % (link, code, out.strip()))
        for number in (signal.SIGTERM, signal.SIGKILL):
            found = [pid for pid, name in self.libvirtd.processes().items() if name.startswith('qemu-system')]
            self._note('sendsigs finds %d' % len(found))
            for pid in found:
                os.kill(pid, number)
            end = time.monotonic() + SENDSIGS_S
            while found and time.monotonic() < end and set(found) & set(self.libvirtd.processes()):
                time.sleep(0.1)

    def close(self):
        os.kill(self._inside, signal.SIGKILL)
        self._holder.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)
