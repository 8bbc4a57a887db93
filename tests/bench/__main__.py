"""script/bench: every contender in turn on the same guests, one table. What is measured is in cases.py and smallcases.py."""

import argparse
import collections
import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
import time

from tests.lab.libvirtd import LabError, Libvirtd

from . import cases, smallcases, table
from .course import Course

# In this order: what growth needs has been run before.
CASES = collections.OrderedDict([
    ('none', smallcases.none), ('thirty', cases.thirty), ('tiers', cases.tiers), ('slow', cases.slow), ('ending', smallcases.ending),
    ('agents', cases.agents), ('crowd', cases.crowd), ('growth', smallcases.growth), ('simulate', smallcases.simulate),
    ('instructions', smallcases.instructions)])
QUICK = ('none', 'thirty', 'tiers', 'agents', 'simulate')
QUICK_SHARE, QUICK_LEAST = 25, 3


class Bench:
    """What a case needs: how many guests and laps, and a libvirtd."""

    def __init__(self, options, cleanup):
        self.quick, self.against, self.rounds = options.quick, options.against, options.rounds
        self.fewer, self.fewest = (self.rounds + 1) // 2, (self.rounds + 4) // 5
        self.kept = {}
        self._progress = sys.stderr if options.json else sys.stdout
        self._cleanup, self._libvirtd = cleanup, None

    def say(self, text):
        print('%s  %s' % (time.strftime('%H:%M:%S'), text), file=self._progress, flush=True)

    def count(self, guests):
        return max(QUICK_LEAST, guests // QUICK_SHARE) if self.quick else guests

    def seconds(self, takes_s):
        """How long a guest takes."""
        return 1 if self.quick else takes_s

    def libvirtd(self):
        """The private libvirtd of all cases, started when the first one needs it."""
        if self._libvirtd is None:
            self._libvirtd = self._cleanup.enter_context(contextlib.closing(Libvirtd()))
        return self._libvirtd

    def course(self, names, of):
        return contextlib.closing(Course(self.libvirtd(), names, of))

    def race(self, course, contenders):
        """{client: its laps} of [(client, words of a course, how many laps)]: in turn, so that what else this machine does hits all."""
        laps = collections.OrderedDict((client, []) for client, _, _ in contenders)
        for turn in range(max(times for _, _, times in contenders)):
            for client, words, times in contenders:
                if turn < times:
                    self.say('%d guests, lap %d of %d: %s' % (len(course.names), turn + 1, times, client))
                    laps[client].append(course.lap(words(course)))
        return laps


def machine():
    """What the figures were measured on, in words."""
    with open('/proc/cpuinfo') as f:
        model = next((line.split(':', 1)[1].strip() for line in f if line.startswith('model name')), platform.machine())
    with open('/proc/meminfo') as f:
        gib = int(f.readline().split()[1]) / (1 << 20)
    versions = subprocess.run(['dpkg-query', '-W', '-f=${Package} ${Version}\n', 'libvirt-daemon', 'qemu-system-x86', 'python3'],
                              stdout=subprocess.PIPE, text=True).stdout.strip().split('\n')
    return '%d x %s, %.0f GiB, Linux %s, %s; guests are emulated (TCG); load at the start %.1f' % (
        os.cpu_count(), model, gib, platform.release(), ', '.join(versions), os.getloadavg()[0])


def arguments():
    parser = argparse.ArgumentParser(prog='script/bench', description='The shutdown of many real guests by different clients, measured.')
    parser.add_argument('--json', action='store_true', help='the figures as JSON on standard output')
    parser.add_argument('--case', action='append', choices=list(CASES), metavar='NAME', default=[],
                        help='only this one; may be given again. They are: %s' % ', '.join(CASES))
    parser.add_argument('--rounds', type=int, default=5, metavar='N', help='laps of each client (default 5); long cases take fewer')
    parser.add_argument('--quick', action='store_true', help='few guests, one lap, in a minute: shows that the bench works, and no more')
    parser.add_argument('--against', metavar='REVISION', help='case instructions: this revision of git too')
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error('--rounds: 1 or more')
    if options.quick:
        options.rounds = 1
    options.case = options.case or (QUICK if options.quick else list(CASES))
    return options


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    found, where = collections.OrderedDict(), machine()
    try:
        with contextlib.ExitStack() as cleanup:
            bench = Bench(options, cleanup)
            for name in CASES:
                if name in options.case:
                    found[name] = CASES[name](bench)
    except LabError as e:
        print('script/bench: %s' % e, file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps({'schema': 1, 'machine': where, 'rounds': options.rounds, 'quick': options.quick,
                          'cases': {name: table.data(case, not options.quick) for name, case in found.items()}}, indent=1))
        return 0
    print('\nMeasured on: %s\n\n%s' % (where, table.LEGEND))
    for case in found.values():
        print(table.text(case, not options.quick))
    return 0


if __name__ == '__main__':
    sys.exit(main())
