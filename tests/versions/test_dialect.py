"""What vermin does not see: the rest of what Python 2.6 and 3.2 lack, read in the texts of the program and its unit tests.

Known so: calls of unittest that came with 2.7, assertRaises as a context manager, formats without numbers or with a comma,
u'' (which 3.2 refuses), keywords of methods that take none on 2.6, and gzip and communicate() in their newer forms.
"""
import ast
import glob
import io
import os
import tokenize

import pytest

from .conftest import TOP

NEW_IN_UNITTEST = set("""
    assertIn assertNotIn assertIs assertIsNot assertIsNone assertIsNotNone assertIsInstance assertNotIsInstance assertGreater
    assertGreaterEqual assertLess assertLessEqual assertRegex assertNotRegex assertRegexpMatches assertNotRegexpMatches
    assertRaisesRegex assertRaisesRegexp assertItemsEqual assertCountEqual assertDictEqual assertListEqual assertTupleEqual
    assertSetEqual assertSequenceEqual assertMultiLineEqual assertDictContainsSubset assertLogs assertWarns subTest skipTest
    addCleanup setUpClass tearDownClass setUpModule skip skipIf skipUnless expectedFailure
""".split())
NEW_METHODS = {'total_seconds': 'timedelta.total_seconds: 2.7', 'bit_length': 'int.bit_length: 2.7',
               'check_output': 'subprocess.check_output: 2.7', 'viewitems': '2.7', 'viewkeys': '2.7'}
NEW_MANAGERS = ('assertRaises', 'Popen', 'GzipFile', 'ZipFile')
NO_KEYWORDS = ('decode', 'encode', 'split', 'rsplit', 'communicate', 'sub')


def faults(text):
    """[(line, what 2.6 or 3.2 would make of it)]"""
    found = [(token.start[0], "u'': not in 3.2") for token in tokenize.tokenize(io.BytesIO(text.encode()).readline)
             if token.type == tokenize.STRING and token.string[0] in 'uU']
    for node in ast.walk(ast.parse(text)):
        found += [(node.lineno, what) for what in faults_of(node)]
    return found


def faults_of(node):
    """What is wrong with one node of the tree."""
    if isinstance(node, ast.Attribute):
        if node.attr in NEW_IN_UNITTEST:
            yield '%s: unittest of 2.7' % node.attr
        if node.attr in NEW_METHODS:
            yield NEW_METHODS[node.attr]
        if node.attr == 'format' and isinstance(node.value, ast.Constant):
            yield 'str.format: half of it came with 2.7; use %'
    if isinstance(node, ast.FunctionDef) and node.name in NEW_IN_UNITTEST:
        yield '%s: unittest of 2.7' % node.name
    if isinstance(node, ast.With):
        if len(node.items) > 1:
            yield 'with of two: 2.7'
        for item in node.items:
            called = getattr(item.context_expr, 'func', None)
            if getattr(called, 'attr', '') in NEW_MANAGERS:
                yield 'with %s(): 2.7 or later' % called.attr
    if isinstance(node, ast.Call) and node.keywords and getattr(node.func, 'attr', '') in NO_KEYWORDS:
        yield '%s(%s=): no keywords on 2.6' % (node.func.attr, node.keywords[0].arg)


def files():
    names = glob.glob(os.path.join(TOP, 'kvm_graceful', '**', '*.py'), recursive=True)
    names += glob.glob(os.path.join(TOP, 'tests', 'unit', '*.py')) + [os.path.join(TOP, 'bin', 'kvm-graceful')]
    return names + [os.path.join(TOP, 'setup.py'), os.path.join(TOP, 'tests', 'versions', 'inside.py')]


def test_program_and_unit_tests_keep_to_the_dialect():
    found = []
    assert len(files()) > 50
    for name in files():
        with open(name, encoding='utf-8') as stream:
            found += ['%s:%d: %s' % (os.path.relpath(name, TOP), line, what) for line, what in faults(stream.read())]
    assert not found, '\n'.join(found)


@pytest.mark.parametrize('text', [
    "x = u'a'", 'self.assertIn(1, x)', 'with self.assertRaises(E):\n    f()', "'{}'.format(1)", 'x.total_seconds()',
    'def setUpClass(cls):\n    pass', 'with a() as x, b() as y:\n    pass', "b.decode(encoding='utf-8')",
    'p.communicate(timeout=5)', "re.sub('a', 'b', c, flags=2)", 'with gzip.GzipFile(x) as f:\n    pass'])
def test_control_each_kind_of_fault_is_seen(text):
    assert len(faults(text)) == 1
    assert not faults('x = self.assertRaises(E, f)\nwith open(x) as f:\n    f.read().decode(c)\n')
