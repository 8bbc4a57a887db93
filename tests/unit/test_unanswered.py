"""Requests under way: forgotten when their end comes, and only then; an end that is late is told once."""
from __future__ import absolute_import, division, print_function

import unittest

from kvm_graceful.hypervisor.unanswered import Unanswered
from kvm_graceful.model import Ask, Asked, AskFailed, Destroy, ForceFailed, Off, Save, SaveFailed


class Requests(unittest.TestCase):
    def setUp(self):
        self.requests = Unanswered()

    def test_only_its_own_answer_ends_a_request(self):
        ask, save = Ask('a', 'acpi'), Save('a')
        for command in (ask, save, Ask('b', 'acpi')):
            self.requests.add(command, 5.0)
        self.requests.answered(ForceFailed('a', 'x'), 'a')
        self.assertEqual(3, len(self.requests.all()))
        self.requests.answered(Asked('a', 6.0, 'acpi'), 'a')
        self.assertEqual(set([('a', Save), ('b', Ask)]), set((command.key, type(command)) for command in self.requests.all()))
        self.requests.answered(SaveFailed('a', 'x'), 'a')
        self.requests.answered(AskFailed('b', 'x', 'acpi'), 'b')
        self.assertEqual([], self.requests.all())

    def test_the_end_of_the_guest_answers_all(self):
        for command in (Ask('a', 'acpi'), Destroy('a')):
            self.requests.add(command, 5.0)
        self.requests.answered(Off('a', 'gone', 6.0), 'a')
        self.assertEqual([], self.requests.all())

    def test_a_forced_end_that_failed_is_tried_in_the_next_way_and_is_late(self):
        self.requests.add(Destroy('a'), 5.0)
        self.requests.answered(ForceFailed('a', 'x'), 'a')
        self.assertEqual(1, len(self.requests.all()))
        self.assertEqual(['a'], self.requests.late_ends(8.0, 2.0))
        self.requests.try_again(['a'])
        self.assertEqual(['a'], self.requests.late_ends(9.0, 2.0))

    def test_one_that_was_late_may_be_so_again_when_it_has_joined_again(self):
        for now in (5.0, 20.0):
            self.requests.add(Destroy('a'), now)
            self.assertEqual(['a'], self.requests.late_ends(now + 3, 2.0))
            self.requests.answered(Off('a', 'gone', now + 4), 'a')

    def test_an_end_that_is_late_is_told_once(self):
        self.requests.add(Destroy('a'), 5.0)
        self.requests.add(Ask('b', 'acpi'), 5.0)
        self.assertEqual([[], ['a'], []], [self.requests.late_ends(now, 2.0) for now in (6.0, 8.0, 9.0)])


if __name__ == '__main__':
    unittest.main()
