"""Names: matched as shell patterns, shown so that no terminal is moved by them."""
from __future__ import absolute_import, division, print_function

import fnmatch
import itertools
import unittest

from kvm_graceful import names


class Shown(unittest.TestCase):
    def test_plain_names_stay(self):
        for name in ('web1', 'a.b_c-d', 'win@2', '10'):
            self.assertEqual(name, names.shown(name))

    def test_all_others_are_quoted_and_escaped(self):
        for name, text in (('my guest', '"my guest"'), ('', '""'), ('-rf', '"-rf"'), ('a"b', '"a\\"b"'), ('a\\b', '"a\\\\b"'),
                           ('a\x1b[2Jb', '"a\\x1b[2Jb"'), ('a\nb', '"a\\x0ab"'), ('a\x7f', '"a\\x7f"')):
            self.assertEqual(text, names.shown(name))

    def test_bidi_and_c1_controls_are_escaped_and_letters_are_not(self):
        # by bytes, so that the native text of Python 2 and 3 is the same
        native = (lambda data: data) if str is bytes else (lambda data: data.decode('utf-8'))
        self.assertEqual('"a\\u202eb"', names.shown(native(b'a\xe2\x80\xaeb')))
        self.assertEqual('"\\x9b2J"', names.shown(native(b'\xc2\x9b2J')))
        self.assertEqual(native(b'"\xc3\xbcber"'), names.shown(native(b'\xc3\xbcber')))


class Matches(unittest.TestCase):
    def test_the_very_name_always(self):
        self.assertTrue(names.matches('a[1]', 'a[1]'))
        self.assertTrue(names.matches('a[1]', 'a1'))
        self.assertFalse(names.matches('a', 'A'))

    def test_wildcards(self):
        self.assertTrue(names.matches('web*', 'web12'))
        self.assertTrue(names.matches('web?', 'web1'))
        self.assertFalse(names.matches('web?', 'web12'))
        self.assertTrue(names.matches('[!a]b', 'cb'))

    def test_problems(self):
        for good in ('a', 'a*', '[]]', '[!]a]', '[a-z]', '[[]x'):
            self.assertEqual('', names.pattern_problem(good))
        for bad in ('', ' ', '[', 'a[', '[]', '[!]', '[z-a]'):
            self.assertTrue(names.pattern_problem(bad), bad)

    def test_nearest(self):
        self.assertEqual(' (did you mean db01?)', names.nearest('db1', ['web', 'db01']))
        self.assertEqual('', names.nearest('x', ['web', 'db01']))


class Patterns(unittest.TestCase):
    def test_they_mean_what_they_mean_to_fnmatch(self):
        texts = [''.join(chars) for size in range(5) for chars in itertools.product('ab]', repeat=size)]
        for size in range(1, 4):
            for parts in itertools.product(['a', '*', '?', '[ab]', '[!a]', '[]a]', '[', ']'], repeat=size):
                pattern = ''.join(parts)
                if names.is_pattern(pattern):
                    for text in texts[:45]:
                        self.assertEqual(pattern == text or fnmatch.fnmatchcase(text, pattern), names.matches(pattern, text), (pattern, text))

    def test_no_pattern_takes_long(self):
        self.assertFalse(names.matches('*a' * 60 + 'b', 'a' * 5000))
        self.assertTrue(names.matches('*a' * 60 + '*', 'a' * 5000))


if __name__ == '__main__':
    unittest.main()
