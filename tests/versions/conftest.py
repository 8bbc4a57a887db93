"""Every Python with every part of the suite, run once a session; and the table of it, printed at the end."""

import concurrent.futures
import json
import os
import subprocess

import pytest

from .roots import OLD_ARGPARSE, RootError, command, pythons, root

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SUITES = ('bullseye', 'bookworm', 'trixie', 'forky')
AT_ONCE = 2
# Whoever has a Python that Debian has not, such as 2.6, names its path; the tests run under it where it is.
OWN = os.environ.get('KVM_GRACEFUL_PYTHON', '')
table = {}  # {(column, part): text}


def run_inside(path, python, checkout, *words):
    """{part: [tests, [what failed]]} of that checkout under that Python."""
    script = '/tmp/checkout/tests/versions/inside.py'
    binds = [(checkout, '/tmp/checkout', 'ro')]
    if 'as-2.6' in words:
        binds.append((path + OLD_ARGPARSE, '/usr/lib/python2.7/argparse.py', 'ro'))  # for the processes that tests start too
    return results_of(command(path, [python, '-BE', script, '/tmp/checkout'] + list(words), binds))


def results_of(words):
    """What inside.py, run as this command, has found."""
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def run_own():
    """{column: results} of OWN."""
    tell = 'import sys; print("%d.%d" % sys.version_info[:2])'
    version = subprocess.run([OWN, '-c', tell], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    return {version + ' own': results_of([OWN, '-BE', os.path.join(TOP, 'tests/versions/inside.py'), TOP])}


def run_suite(suite):
    """{column: results} of each Python of a Debian release; a text where its root cannot be made."""
    try:
        path = root(suite)
    except RootError as error:
        return str(error)
    found = {python[6:]: run_inside(path, python, TOP) for python in pythons(path)}
    if '2.7' in found:
        found['2.7 as 2.6'] = run_inside(path, 'python2.7', TOP, 'as-2.6')
    return found


@pytest.fixture(scope='session')
def results():
    """{suite: {column: {part: [tests, [what failed]]}}}, a text instead of the columns where there is no root."""
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        found = dict(zip(SUITES, pool.map(run_suite, SUITES)))
    if os.path.isabs(OWN):
        found['own'] = run_own()
    for columns in found.values():
        if isinstance(columns, str):
            continue
        for column, parts in columns.items():
            for part, (count, failed) in parts.items():
                table[column, part] = '%d' % count if not failed else '%d/%d!' % (len(failed), count)
    return found


def pytest_terminal_summary(terminalreporter):
    if not table:
        return
    columns = sorted({column for column, _ in table}, key=lambda one: ([int(part) for part in one.split()[0].split('.')], one))
    parts = sorted({part for _, part in table})
    width = max(map(len, parts)) + 2
    terminalreporter.section('Python version by suite part (tests passed; F/N!: F of N failed)')
    terminalreporter.write_line(''.ljust(width) + ''.join(column.rjust(12) for column in columns))
    for part in parts:
        terminalreporter.write_line(part.ljust(width) + ''.join(table.get((column, part), '-').rjust(12) for column in columns))
    terminalreporter.write_line('2.7 as 2.6: threading.Event.wait tells nothing, and argparse is 1.0.1; the rest of the dialect is read, not run')
