"""History: what a run teaches, and that a file that is none is refused."""
from __future__ import absolute_import, division, print_function

import unittest

from kvm_graceful import history
from kvm_graceful.model import GuestResult
from tests.unit.support import guest


def result(asked, off, forced=None, outcome='off'):
    return GuestResult(guest('a'), asked, 1, forced, off, outcome, '')


class Estimates(unittest.TestCase):
    def test_the_longest_of_few_and_all_but_one_outlier_of_many(self):
        self.assertEqual([None, 5.0, 9.0, 7.0], [history.estimate(spans) for spans in
                                                 ([], [5.0], [5.0, 9.0, 6.0], [5.0, 900.0, 6.0, 7.0])])

    def test_never_below_a_second(self):
        self.assertEqual(1.0, history.estimate([0.1]))


class Learning(unittest.TestCase):
    def with_run(self, times, results):
        return history.with_run(history.History(times, []), results).times

    def test_a_guest_that_went_off_by_itself_is_measured(self):
        self.assertEqual({'a': [3.0, 4.5]}, self.with_run({'a': [3.0]}, [result(1.0, 5.5)]))

    def test_a_forced_guest_counts_only_as_a_lower_bound(self):
        self.assertEqual({'a': [3.0, 60.0]}, self.with_run({'a': [3.0]}, [result(0.0, 61.0, 60.0, 'destroyed')]))
        self.assertEqual({'a': [90.0]}, self.with_run({'a': [90.0]}, [result(0.0, 61.0, 60.0, 'destroyed')]))

    def test_nothing_is_learnt_from_a_guest_that_was_not_asked_or_left(self):
        self.assertEqual({}, self.with_run({}, [result(None, 5.0), result(1.0, None, outcome='left')]))

    def test_saves_give_the_rate_unless_they_were_too_short_to_tell(self):
        saves = [GuestResult(guest('a', memory_mib=1024), None, 0, None, 1.0 + span, 'saved', '', 1.0) for span in (8.0, 0.3)]
        self.assertEqual([128.0], history.with_run(history.NOTHING, saves).rates)

    def test_only_the_last_runs_are_kept(self):
        times = {}
        for span in range(1, 20):
            times = self.with_run(times, [result(0.0, float(span))])
        self.assertEqual([float(span) for span in range(10, 20)], times['a'])

    def test_what_is_written_is_read(self):
        there = history.History({'a': [1.5]}, [120.0, 80.5])
        self.assertEqual(there, history.parse(history.text_of(there)))
        self.assertEqual(history.History({'a': [1.5]}, []), history.parse('{"schema": 1, "guests": {"a": [1.5]}}'))  # of version 0.1.0

    def test_what_is_no_history_is_refused(self):
        for text in ('', '{', '[]', 'null', '{"schema": 2, "guests": {}}', '{"schema": 1, "guests": []}',
                     '{"schema": 1, "guests": {"a": ["x"]}}', '{"schema": 1, "guests": {"a": [NaN]}}',
                     '{"schema": 1, "guests": {"a": [-1]}}', '{"schema": 1, "guests": {"a": 5}}',
                     '{"schema": 1, "guests": {}, "save_rates": 5}', '{"schema": 1, "guests": {}, "save_rates": ["x"]}'):
            self.assertRaises(ValueError, history.parse, text)


if __name__ == '__main__':
    unittest.main()
