"""The demo: six real guests, a plan, a shutdown in order, the report, and the proof from each guest's own disk.

Called by script/demo. Touches no guest but those that it defines, and removes all that it made however it ends.
"""

import argparse
import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import libvirt

from .fleet import Consoles, Fleet
from .libvirtd import LabError, Libvirtd
from .tool import Tool

IMAGES = '/var/lib/libvirt/images'
LIBVIRT_LOG = '/var/log/libvirt/qemu/%s.log'
ERROR, USAGE = 1, 2  # exit codes of kvm-graceful
GRACE_S = 12
# Time for three that wait for each other to have their grace and be forced after it; win gets the same.
STUBBORN_DEADLINE_S = 85

# name, what it needs, seconds that it takes to shut down, presses that it ignores
GUESTS = (('web1', ('app1', 'app2'), 2, 0),
          ('web2', ('app1', 'app2'), 3, 0),
          ('app1', ('db',), 3, 0),
          ('app2', ('db',), 4, 0),
          ('db', (), 6, 0),
          ('win', (), 2, 1))


class Demo:
    """One demo under way. `problems` collects what did not go as described."""

    def __init__(self, stubborn, cleanup):
        self.stubborn, self.cleanup = stubborn, cleanup
        self.problems = []

    def expect(self, true, text):
        if not true:
            self.problems.append(text)
        return true

    def run(self):
        say('kvm-graceful demo: six small virtual machines, shut down in the right order')
        self.find_hypervisor()
        self.start_guests()
        self.write_settings()
        self.show('3. The plan', 'What would happen, and when. Nothing is touched yet.', 'plan')
        with Consoles(self.fleet.guests) as consoles:
            code = self.show('4. The shutdown', self.about_the_shutdown(), 'stop')
        self.judge_exit_code(code)
        self.show('5. The report', 'The same, read afterwards from the record, for the morning after.', 'report')
        self.prove(consoles)

    # -- the steps

    def find_hypervisor(self):
        heading('1. Six virtual machines')
        if running_libvirtd_answers():
            connection = libvirt.open('qemu:///system')
            self.cleanup.callback(connection.close)
            self.folder = tempfile.mkdtemp(prefix='kvm-graceful-demo-', dir=IMAGES if os.path.isdir(IMAGES) else '/tmp')
            self.cleanup.callback(shutil.rmtree, self.folder, ignore_errors=True)
            os.chmod(self.folder, 0o711)  # QEMU may run as a user of its own
            self.libvirtd, self.connect = None, lambda: connection
            say('The libvirtd of this machine is used. Guests that are not the demo\'s are left alone.')
        else:
            self.libvirtd = Libvirtd()
            self.cleanup.callback(self.libvirtd.close)
            self.folder, self.connect = self.libvirtd.folder, self.libvirtd.connection
            say('No libvirtd runs on this machine: the demo starts one of its own.')
        self.tool = Tool(os.path.join(self.folder, 'demo'), self.libvirtd)

    def start_guests(self):
        self.prefix = free_prefix(self.connect())
        self.width = len(self.prefix) + 4
        self.fleet = Fleet(self.connect, self.folder)
        names = [self.prefix + guest[0] for guest in GUESTS]
        if not self.libvirtd:
            self.cleanup.callback(remove, [LIBVIRT_LOG % name for name in names
                                           if not os.path.exists(LIBVIRT_LOG % name)])
        self.cleanup.callback(self.fleet.remove)
        self.by_name = {name: self.fleet.add(self.prefix + name, delay_s=delay_s, ignore=ignore,
                                             never=self.stubborn and name == 'win')
                        for name, _needs, delay_s, ignore in GUESTS}
        self.fleet.start()
        for name, needs, delay_s, _ignore in GUESTS:
            takes = 'takes %d s to shut down' % delay_s
            if name == 'win':
                takes = 'never reacts' if self.stubborn else takes + ', and ignores the first press of the power button'
            what = 'needs ' + ' and '.join(self.prefix + need for need in needs) if needs else 'needs no other'
            say('  %-*s  %-*s  %s' % (self.width, self.prefix + name, 2 * self.width + 10, what, takes))
        say('All six are running.')

    def write_settings(self):
        sections = ''
        for pattern, needs in (('web*', ('app1', 'app2')), ('app*', ('db',)), ('db', ())):
            sections += '[%s]\n' % (self.prefix + pattern)
            sections += 'needs = %s\n' % ', '.join(self.prefix + need for need in needs) if needs else ''
            sections += 'grace = %d\n\n' % GRACE_S
        sections += '[%swin]\npress-again = %d\n' % (self.prefix, 15 if self.stubborn else 3)
        config = 'DEADLINE=%d\n' % STUBBORN_DEADLINE_S if self.stubborn else ''
        self.tool.configure(config, sections)
        heading('2. What the administrator wrote')
        if config:
            say('/etc/default/kvm-graceful-shutdown, so that the demo is short (300 is the default):\n')
            say(indented(config) + '\n')
        say('/etc/kvm-graceful-shutdown/guests.conf: who needs whom, how long each may take, and that the power')
        say('button is pressed again for win:\n')
        say(indented(sections))

    def about_the_shutdown(self):
        text = 'Each guest is asked the moment that all those that need it are off: web first, then app, then db.'
        if self.stubborn:
            text += ('\n%swin never reacts. The others do not wait for it; it is switched off when its time is over,'
                     '\nwhich is the deadline less some seconds that are kept for just that.' % self.prefix)
        return text

    def show(self, title, text, verb):
        """One call of the program, as a user would see it; its exit code."""
        heading(title)
        say(text)
        names = [] if verb == 'report' else [guest.name for guest in self.fleet.guests]
        say('\n$ kvm-graceful %s\n' % ' '.join([verb] + names))
        running = self.tool.start(verb, *names, shown=True)
        try:
            ended = running.wait()
        except SystemExit:  # by a signal
            running.signal(signal.SIGTERM)
            running.wait()
            raise
        if ended.exit in (ERROR, USAGE):
            raise LabError('kvm-graceful %s failed (exit code %d)' % (verb, ended.exit))
        return ended.exit

    def judge_exit_code(self, code):
        wanted, why = (3, 'a guest had to be forced') if self.stubborn else (0, 'all guests went off by themselves')
        if self.expect(code == wanted, 'kvm-graceful stop: exit code %d instead of %d' % (code, wanted)):
            say('\nExit code %d: %s, as it should be here.' % (code, why))

    def prove(self, consoles):
        heading('6. The proof')
        say('Each guest writes to its own disk, DIRTY at boot and CLEAN when its shutdown is complete;')
        say('and to its own console. Neither is kvm-graceful\'s word.')
        outcomes = {guest['name']: guest['outcome'] for guest in self.tool.run('report', '--json').json['guests']}
        for name, needs, _delay_s, _ignore in GUESTS:
            guest = self.by_name[name]
            forced = self.stubborn and name == 'win'
            wanted = ('DIRTY', 'destroyed') if forced else ('CLEAN', 'off')
            found = (guest.disk_says(), outcomes.get(guest.name))
            self.expect(found == wanted,
                        '%s: disk %s and report %s instead of %s and %s' % ((guest.name,) + found + wanted))
            off = consoles.when(guest, 'OFF')
            for need in needs:
                asked = consoles.when(self.by_name[need], 'PRESSED')
                self.expect(off is not None and asked is not None and off <= asked,
                            '%s was asked before %s was off' % (self.prefix + need, guest.name))
            say('  %-*s  disk: %s  console: %s' % (self.width, guest.name, found[0], in_short(guest.said())))
        if self.stubborn:
            say('DIRTY is what becomes of a guest that is switched off, and why kvm-graceful waits as long as it can.')
        self.expect(self.by_name['win'].said().count('PRESSED') > 1, '%swin was not asked again' % self.prefix)


def running_libvirtd_answers():
    """In a process of its own: one that hangs would keep the demo waiting without end."""
    code = 'import libvirt; libvirt.open("qemu:///system").getVersion()'
    with contextlib.suppress(subprocess.TimeoutExpired):
        return subprocess.run([sys.executable, '-Es', '-c', code], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=10).returncode == 0
    return False


def free_prefix(connection):
    """What stands before the names of the demo's guests, so that no guest that exists already has one of them."""
    taken = {domain.name() for domain in connection.listAllDomains()}
    prefixes = ['', 'demo-'] + ['demo%d-' % n for n in range(2, 100)]
    return next(prefix for prefix in prefixes if not taken & {prefix + guest[0] for guest in GUESTS})


def remove(paths):
    """libvirt keeps its log of a guest that it no longer knows."""
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def say(text):
    print(text, flush=True)


def heading(text):
    say('\n== %s' % text)


def in_short(words):
    """['PRESSED', 'PRESSED', 'OFF'] as 'PRESSED (2 times) OFF'."""
    runs = [(word, len(list(group))) for word, group in itertools.groupby(words)]
    return ' '.join(word if times == 1 else '%s (%d times)' % (word, times) for word, times in runs)


def indented(text):
    return '\n'.join('    ' + line if line else '' for line in text.rstrip('\n').split('\n'))


def leave(number, _frame):
    raise SystemExit(128 + number)


def main():
    parser = argparse.ArgumentParser(prog='script/demo',
                                     description='Six real guests are shut down in the right order.')
    parser.add_argument('--stubborn', action='store_true', help='one guest never reacts and is forced at the deadline')
    options = parser.parse_args()
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in signals:
        signal.signal(number, leave)
    cleanup = contextlib.ExitStack()
    demo = Demo(options.stubborn, cleanup)
    try:
        demo.run()
    except LabError as e:
        demo.problems.append(str(e))
    except BrokenPipeError:  # after | head, for one
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        demo.problems.append('nobody reads its output')
    finally:
        for number in signals:
            signal.signal(number, signal.SIG_IGN)
        cleanup.close()
        say('\nThe guests and all files of the demo are removed.')
    for problem in demo.problems:
        say('NOT as described: %s' % problem)
    if not demo.problems:
        say('The demo ended as described.')
    return 1 if demo.problems else 0


if __name__ == '__main__':
    sys.exit(main())
