"""Every room is imported, and every unit test passes, under each Python of Debian 11 to forky; and a fault is seen."""

import os
import shutil

import pytest

from .conftest import OWN, SUITES, TOP, run_inside
from .roots import pythons, root

EXPECTED = {'bullseye': ('2.7', '2.7 as 2.6', '3.9'), 'bookworm': ('3.11',), 'trixie': ('3.13',), 'forky': ('3.14',)}


@pytest.mark.parametrize('suite', SUITES + (('own',) if os.path.isabs(OWN) else ()))
def test_imports_and_unit_tests(results, suite):
    if isinstance(results[suite], str):
        pytest.skip(results[suite])
    assert set(results[suite]) >= set(EXPECTED.get(suite, ()))
    for column, parts in results[suite].items():
        assert len(parts) > 10
        for part, (count, failed) in parts.items():
            assert count and not failed, 'Python %s, %s:\n%s' % (column, part, '\n'.join(failed))


def test_every_python_runs_the_same_tests(results):
    counts = {column: {part: count for part, (count, _) in parts.items()}
              for columns in results.values() if not isinstance(columns, str) for column, parts in columns.items()}
    for column, parts in counts.items():
        assert parts == counts['2.7'], column


def test_control_what_python_2_lacks_is_found(results, tmp_path):
    """A room and a test that only Python 3 can read."""
    if isinstance(results['bullseye'], str):
        pytest.skip(results['bullseye'])
    source = str(tmp_path / 'source')
    for name in ('kvm_graceful', 'bin', 'tests/unit', 'tests/versions'):
        shutil.copytree(os.path.join(TOP, name), os.path.join(source, name))
    shutil.copy(os.path.join(TOP, 'tests', '__init__.py'), os.path.join(source, 'tests'))
    for name in os.listdir(os.path.join(source, 'tests', 'unit')):
        if name.startswith('test_') and name != 'test_names.py':
            os.remove(os.path.join(source, 'tests', 'unit', name))
    with open(os.path.join(source, 'kvm_graceful', 'names.py'), 'a') as stream:
        stream.write('\n\ndef late(*, text):\n    return f"{text}"\n')
    path = root('bullseye')
    for python, faulty in zip(pythons(path), (True, False)):
        found = run_inside(path, python, source)
        assert sorted(found) == ['imports', 'unit names']
        assert bool(found['imports'][1]) == bool(found['unit names'][1]) == faulty, python


@pytest.mark.parametrize('use', ['event = threading.Event()\n        event.set()\n        self.assertTrue(event.wait(1))',
                                 'self.assertTrue(argparse.ArgumentTypeError)'], ids=['Event.wait', 'argparse 1.1'])
def test_control_a_use_of_what_2_6_lacks_is_found(results, tmp_path, use):
    if isinstance(results['bullseye'], str):
        pytest.skip(results['bullseye'])
    source = str(tmp_path / 'source')
    shutil.copytree(os.path.join(TOP, 'kvm_graceful'), os.path.join(source, 'kvm_graceful'))
    shutil.copytree(os.path.join(TOP, 'tests/versions'), os.path.join(source, 'tests/versions'))
    os.makedirs(os.path.join(source, 'tests', 'unit'))
    for name in ('__init__.py', 'unit/__init__.py'):
        (tmp_path / 'source' / 'tests' / name).write_text('')
    (tmp_path / 'source' / 'tests' / 'unit' / 'test_fault.py').write_text(
        '"""A fault."""\nimport argparse\nimport threading\nimport unittest\n\n\nclass Fault(unittest.TestCase):\n'
        '    def test(self):\n        %s\n' % use)
    path = root('bullseye')
    assert not run_inside(path, 'python2.7', source)['unit fault'][1]
    assert run_inside(path, 'python2.7', source, 'as-2.6')['unit fault'][1]
