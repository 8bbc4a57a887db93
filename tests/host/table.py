"""What passed before in the same state of the checkout, so that script/test --host can go on; and the table at its end."""

import functools
import hashlib
import json
import os
import subprocess

from tests.host.images import CACHE, LOOK_AHEAD, SUITES, key
from tests.package.building import TOP

# What decides how a test in a host VM ends: the package, the lab, and the test's own file. Documentation and other tests do not.
DECISIVE = ('bin', 'kvm_graceful', 'debian', 'systemd', 'initscripts', 'upstart', 'etc', 'tests/host', 'tests/lab/guest.py',
            'tests/lab/guest.asm', 'tests/package/building.py', 'script/build-deb')


def state():
    """Changes with the package and the host VMs."""
    digest = hashlib.sha256(key().encode())
    listed = subprocess.run(['git', '-c', 'safe.directory=' + TOP, '-C', TOP, 'ls-files', '-z', '--cached', '--others',
                             '--exclude-standard', '--'] + list(DECISIVE), check=True, stdout=subprocess.PIPE).stdout
    for name in sorted(filter(None, listed.decode().split('\0'))):
        path = os.path.join(TOP, name)
        if os.path.isfile(path) and not name.startswith('tests/host/test_'):
            digest.update(name.encode() + b'\0' + digest_of(path))
    return digest.hexdigest()[:16]


@functools.lru_cache(maxsize=None)
def digest_of(path):
    with open(path, 'rb') as f:
        return hashlib.sha256(f.read()).digest()


class Results:
    """{(scenario, suite): (outcome, seconds)} of all tests so far, of earlier runs too; kept as they come. One whose file has
    changed since is run again."""

    def __init__(self):
        self._path = os.path.join(CACHE, 'results-%s.jsonl' % state())
        self.cells, self._seconds, self._tests = {}, {}, {}
        if os.path.exists(self._path):
            with open(self._path) as f:
                for line in f:
                    scenario, suite, seconds, test = json.loads(line)
                    self.cells[scenario, suite] = ('passed', seconds)
                    self._tests[scenario, suite] = test

    def passed_before(self, item):
        return self._tests.get(cell_of(item.nodeid)) == version_of(item.nodeid)

    def take(self, report):
        """One phase of one test: setup, call or teardown."""
        cell = cell_of(report.nodeid)
        if cell[1] is None:
            return
        self._seconds[cell] = self._seconds.get(cell, 0) + report.duration
        outcome = 'xfailed' if hasattr(report, 'wasxfail') and report.outcome == 'skipped' else report.outcome
        if report.when == 'call' or outcome != 'passed':
            self.cells[cell] = (outcome, self._seconds[cell])
        if report.when == 'teardown' and self.cells[cell][0] == 'passed':
            self.cells[cell] = ('passed', self._seconds[cell])
            os.makedirs(CACHE, exist_ok=True)
            with open(self._path, 'a') as f:
                f.write(json.dumps(cell + (round(self._seconds[cell], 1), version_of(report.nodeid))) + '\n')

    def lines(self):
        """The table: a line for each scenario, a column for each suite, with the seconds that it took."""
        width = max([len(scenario) for scenario, _ in self.cells] + [8])
        yield '%-*s  %s' % (width, 'scenario', '  '.join('%17s' % suite for suite in SUITES))
        for scenario in dict.fromkeys(scenario for scenario, _ in self.cells):
            row = [self.cells.get((scenario, str(suite))) for suite in SUITES]
            yield '%-*s  %s' % (width, scenario, '  '.join('%17s' % ('%s %4.0f s' % cell if cell else '') for cell in row))
        took = sum(seconds for _, seconds in self.cells.values())
        yield '%d scenarios passed, %.0f minutes in all; %s is a look ahead, and fails nothing' % (
            sum(outcome == 'passed' for outcome, _ in self.cells.values()), took / 60, ', '.join(LOOK_AHEAD))


def version_of(nodeid):
    """Changes with the file of a test."""
    return digest_of(os.path.join(TOP, nodeid.partition('::')[0])).hex()[:16]


def cell_of(nodeid):
    """(scenario, suite) of a test; suite is None for those that run in no host VM."""
    path, _, name = nodeid.partition('::')
    name, _, words = name.partition('[')
    words = words.rpartition(']')[0]  # after it pytest-xdist says to which group the test belongs
    for suite in map(str, SUITES):
        if words.startswith(suite):
            rest = words[len(suite):].strip('-')
            return '%s%s' % (name.replace('test_', '', 1) if '::' not in name else name.replace('::test_', ': '),
                             ' (%s)' % rest if rest else ''), suite
    return nodeid, None
