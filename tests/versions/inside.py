"""Runs in each Python: imports every room, then runs the unit tests. Python 2.6 dialect, like what it runs.

inside.py CHECKOUT [as-2.6]: the last line on standard output is JSON, {part: [tests, [what failed]]}.
"""
from __future__ import absolute_import, division, print_function

import json
import os
import sys
import threading
import traceback
import unittest


def rooms(top):
    """Dotted names of all modules of the program."""
    found = []
    for folder, _, files in os.walk(os.path.join(top, 'kvm_graceful')):
        package = os.path.relpath(folder, top).replace(os.sep, '.')
        found += [package if name == '__init__.py' else '%s.%s' % (package, name[:-3]) for name in files if name.endswith('.py')]
    return sorted(found)


def imports(top):
    failed = []
    for room in rooms(top):
        try:
            __import__(room)
        except Exception:
            failed.append('%s: %s' % (room, traceback.format_exc()))
    return [len(rooms(top)), failed]


def unit(name):
    """The tests of one module."""
    try:
        suite = unittest.defaultTestLoader.loadTestsFromName('tests.unit.' + name)
    except Exception:
        return [1, [traceback.format_exc()]]
    result = unittest.TestResult()
    suite.run(result)
    failed = result.failures + result.errors + getattr(result, 'skipped', [])  # in a root there is no reason to skip
    return [result.testsRun, ['%s\n%s' % (test.id(), text) for test, text in failed]]


def take_away_what_2_6_lacks():
    """The one difference of its own library that no checker of texts finds: Event.wait tells nothing there."""
    event = type(threading.Event())
    wait = event.wait

    def silent(self, timeout=None):
        wait(self, timeout)
    event.wait = silent


def main(top, as_2_6):
    sys.path.insert(0, top)
    if as_2_6:
        take_away_what_2_6_lacks()
    found = {'imports': imports(top)}
    for name in sorted(os.listdir(os.path.join(top, 'tests', 'unit'))):
        if name.startswith('test_') and name.endswith('.py'):
            found['unit ' + name[5:-3]] = unit(name[:-3])
    print('\n' + json.dumps(found))


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2:] == ['as-2.6'])
