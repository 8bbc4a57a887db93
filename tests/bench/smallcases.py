"""The cases in which little happens: the end of a run, no guest, what each guest costs, thousands in virtual time, instructions."""

import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import uuid

from tests.lab import crowd
from tests.lab.libvirtd import LabError
from tests.lab.tool import CHECKOUT, Running, Tool, as_installed

from . import clients, table
from .cases import name_of, takes, without
from .clients import OURS, PARALLEL
from .course import LIMIT_S, PYTHON, Lap, metered
from .table import Found, Goal

IN_MEMORY = OURS + ', records in memory'
GROWTH = (10, 30, 100, 200)


def ending(bench):
    """From the last guest's end to the client's; for ours also without a disk, where fsync costs nothing."""
    count = bench.count(10)
    with tempfile.TemporaryDirectory(dir='/dev/shm') as memory, \
            bench.course([name_of('e', n) for n in range(count)], takes(1)) as course:
        raced = bench.race(course, [
            (PARALLEL, lambda course: clients.libvirt_guests(course, count), bench.fewer),
            (OURS, clients.ours, bench.rounds),
            (IN_MEMORY, lambda course: clients.ours(course, state=tempfile.mkdtemp(dir=memory)), bench.rounds)])
    found = table.rows(raced)
    return Found('From the last of %d guests off to the end' % count, [without(row, 'ratio') for row in found],
                 [Goal('kvm-graceful, its end without fsync', found[-1]['after_s'], 0.05, 's')], [])


def none(bench):
    """A host without guests that goes down."""
    libvirtd = bench.libvirtd()
    folder = os.path.join(libvirtd.folder, 'none')
    tool = Tool(folder, libvirtd)
    env = tool.runlevel('2 0')
    laps = {PARALLEL: [], OURS: []}
    for _ in range(max(bench.rounds, 3)):
        for name, words in ((PARALLEL, clients.script(libvirtd, folder, 10)), (OURS, tool.words('host-stop', '--json'))):
            used, ended = metered(libvirtd, words, LIMIT_S, env)
            if ended.exit:
                raise LabError('a client failed: %r' % ended)
            laps[name].append(Lap(used['ended'] - used['started'], 0, used['cpu_s'], used['peak_mb'], {}, {}, {}, False, 0, ''))
    ours = table.row(OURS, laps[OURS])
    return Found('No guest', [without(table.row(name, laps[name]), 'after_s') for name in laps],
                 [Goal('kvm-graceful, total', ours['total_s'], 0.15, 's'),
                  Goal('kvm-graceful, connections to libvirtd', connects(libvirtd, tool.words('host-stop', '--json'), env), 0, '')], [])


def connects(libvirtd, words, env):
    """How often a command connects to libvirtd, as strace sees it."""
    trace = os.path.join(libvirtd.folder, 'connects')
    Running(['/usr/bin/strace', '-f', '-e', 'trace=connect', '-o', trace] + words, libvirtd, env=env).wait()
    with open(trace) as f:
        return len([line for line in f if 'libvirt' in line])


def growth(bench):
    """What each guest costs beyond the first ten, in memory and CPU."""
    counts = [bench.count(count) for count in GROWTH]
    counts = sorted(set(counts)) if len(set(counts)) > 1 else [4, 8]
    found = []
    for count in counts:
        if (count, OURS) not in bench.kept:
            with bench.course([name_of('g', n) for n in range(count)], takes(3)) as course:
                raced = bench.race(course, [(PARALLEL, lambda course, count=count: clients.libvirt_guests(course, count), 1),
                                            (OURS, clients.ours, bench.fewest)])
            bench.kept[count, PARALLEL], bench.kept[count, OURS] = raced[PARALLEL], raced[OURS]
        found += [without(table.row('%d guests: %s' % (count, name), bench.kept[count, name]), 'asks_s', 'after_s', 'total_s')
                  for name in (PARALLEL, OURS)]
    first, last = found[1], found[-1]
    more = counts[-1] - counts[0]
    return Found('Memory and CPU by number of guests', found,
                 [Goal('kvm-graceful, memory for each further guest', (last['peak_mb'] - first['peak_mb']) * 1024 / more, 10, 'KB'),
                  Goal('kvm-graceful, CPU for each further guest', (last['cpu_s'] - first['cpu_s']) * 1000 / more, 1, 'ms')], [])


def simulate(bench):
    """`simulate` of 100, 1,000 and 10,000 guests in chains and in trees."""
    costs = [simulated(shape, count) for shape in crowd.SHAPES for count in ((100, 1000) if bench.quick else (100, 1000, 10000))]
    return Found('simulate, in virtual time',
                 [{'client': '%d guests in %s' % (cost['guests'], cost['shape']), 'cpu_s': cost['plan_s'] + cost['run_s'],
                   'peak_mb': cost['peak_mb']} for cost in costs],
                 [Goal('10,000 guests planned and played, CPU', max(cost['plan_s'] + cost['run_s'] for cost in costs), 5, 's')], [])


def simulated(shape, count):
    """crowd.cost in a process of its own, so that the memory is its own."""
    done = subprocess.run([sys.executable, '-B', '-m', 'tests.lab.crowd', shape, str(count)], cwd=CHECKOUT, check=True,
                          stdout=subprocess.PIPE)
    return json.loads(done.stdout.decode())


NODE = '<node>%s</node>'
DOMAIN = ('<domain type="test" xmlns:test="http://libvirt.org/schemas/domain/test/1.0"><name>%s</name><uuid>%s</uuid>'
          '<memory>2048</memory><os><type>hvm</type></os><test:runstate>1</test:runstate></domain>')


def instructions(bench):
    """Instructions that `plan` of 100 guests takes, counted by callgrind: the same on every machine, whatever else it does. The guests
    are those of libvirt's test driver, so that no daemon is counted in part."""
    count = bench.count(100)
    with tempfile.TemporaryDirectory() as folder:
        node = os.path.join(folder, 'node.xml')
        with open(node, 'w') as f:
            f.write(NODE % ''.join(DOMAIN % (name_of('g', n), uuid.UUID(int=n + 1)) for n in range(count)))
        rows = [{'client': 'libvirt.open() alone', 'instructions': counted(['-c', 'import libvirt; libvirt.open("test://%s")' % node])}]
        for revision in [bench.against] * bool(bench.against) + ['']:
            place = os.path.join(folder, 'at-' + (revision or 'checkout'))
            os.makedirs(place)
            program = exported(place, revision) if revision else as_installed(place)
            rows.append({'client': 'plan' + (', at %s' % revision if revision else ''), 'instructions': counted(
                [program, 'plan', '--uri', 'test://' + node, '--state-dir', place, '--config', place + '/none', '--guests', place + '/none'])})
    return Found('Instructions for the plan of %d guests of the test driver, which the open() makes' % count, rows, [], [])


def counted(words):
    """Millions of instructions of a Python program."""
    done = subprocess.run(['valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null'] + PYTHON + words, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ, PYTHONHASHSEED='0'))
    # One line for each process; a child that reads a file, say, has its parent's count so far, and adds little.
    found = [int(number) for number in re.findall(r'Collected : (\d+)', done.stderr)]
    if done.returncode or not found:
        raise LabError('no instructions counted: %s' % done.stderr)
    return max(found) / 1e6


def exported(place, revision):
    """The program as it was at a revision, compiled."""
    archive = subprocess.run(['git', '-c', 'safe.directory=' + CHECKOUT, '-C', CHECKOUT, 'archive', revision, 'bin', 'kvm_graceful'],
                             check=True, stdout=subprocess.PIPE).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(place)
    subprocess.run(['/usr/bin/python3', '-m', 'compileall', '-q', place], check=True)
    return os.path.join(place, 'bin', 'kvm-graceful')
