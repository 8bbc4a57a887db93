"""The reader of /etc/default files: sh's own meaning, or a clear refusal."""
from __future__ import absolute_import, division, print_function

import unittest

from kvm_graceful import defaults
from kvm_graceful.compat import as_bytes


def values(data):
    found, problems = defaults.parse(data, 'f')
    assert not problems, problems
    return [(name, value) for name, value, _ in found]


def complaint(data):
    """The one problem of a file, as the user sees it."""
    found, problems = defaults.parse(data, 'f')
    assert not found and len(problems) == 1, (found, problems)
    assert problems[0].level == 'error'
    return str(problems[0])


class Understood(unittest.TestCase):
    def test_plain_and_quoted_values(self):
        self.assertEqual([('A', '1'), ('B', 'x y'), ('C', 'a "b"'), ('D', "it's"), ('E', 'onetwo three'), ('F', '')],
                         values(b'A=1\nB="x y"\nC=\'a "b"\'\nD="it\'s"\nE=one"two"\' three\'\nF=\n'))

    def test_comments_blanks_and_line_numbers(self):
        found, _ = defaults.parse(b'# A=1\n\n  \t\n  B=2 # two\nC=a#b\nD="x"\t#c\nE=5', 'f')
        self.assertEqual([('B', '2', 4), ('C', 'a#b', 5), ('D', 'x', 6), ('E', '5', 7)], found)

    def test_utf_8(self):
        self.assertEqual(b'caf\xc3\xa9', as_bytes(values(b'A=caf\xc3\xa9')[0][1]))

    def test_a_bad_line_spoils_only_itself(self):
        found, problems = defaults.parse(b'A=1\nB="x\nC=$(id)\nD=4\n', 'f')
        self.assertEqual(['A', 'D'], [name for name, _, _ in found])
        self.assertEqual([2, 3], [problem.line for problem in problems])


class Refused(unittest.TestCase):
    def check(self, data, text):
        said = complaint(data)
        self.assertTrue(text in said, said)
        self.assertTrue(said.startswith('f:1: '), said)

    def test_unclosed_quotes(self):
        self.check(b'A="60', 'quote " is never closed')
        self.check(b"A='60", "quote ' is never closed")

    def test_what_sh_would_expand(self):
        self.check(b'A=$(id)', 'sh would expand "$"')
        self.check(b'A="$HOME"', 'sh would expand "$"')
        self.check(b'A=`id`', 'backticks')
        self.check(b'A=a\\ b', 'backslash')
        self.check(b'A=~/x', '"~"')

    def test_what_is_no_assignment(self):
        self.check(b'export A=b', '"export"')
        self.check(b'A = b', 'no space')
        self.check(b'A= b', 'no space')
        self.check(b'A=b c', 'quotes')
        self.check(b'A=b;id', '";"')
        self.check(b'A=b&', '"&"')
        self.check(b'id', 'not an assignment')
        self.check(b'1A=b', 'not an assignment')

    def test_broken_bytes(self):
        self.check(b'A=\xff', 'UTF-8')
        self.check(b'A=1\x00', '\\x00')
        self.check(b'A=1\x1b[2J', '\\x1b')
        self.check(b'A=1\r', 'carriage return')


if __name__ == '__main__':
    unittest.main()
