"""The live view's lines, from the events of a run."""
from __future__ import absolute_import, division, print_function

import unittest

from kvm_graceful import columns
from kvm_graceful.report import progress
from tests.unit.support import Simulation, policy, takes


class View(unittest.TestCase):
    def setUp(self):
        self.run_ = Simulation({'web': policy(needs='db'), 'app': policy(needs='db'), 'db': policy(), 'win': policy(press_again_s=10)},
                               {'web': takes(4), 'app': takes(9), 'win': takes(5, ignores=1)}, estimates={'web': 5, 'app': 8, 'db': 20, 'win': 6})
        self.progress = progress.Progress('stop', 300.0, progress.known_of(self.run_.plan))
        self.coming = list(self.run_.lines)

    def at(self, instant, wide=80, high=24):
        """The view at an instant, by the first word of each line."""
        while self.coming and self.coming[0]['at'] <= instant:
            self.progress.take(self.coming.pop(0))
        lines = [line.text for line in self.progress.lines(instant, wide, high)]
        return dict((line.split()[0], line) for line in lines)

    def test_before_anything_happened(self):
        said = self.at(-1)
        self.assertEqual('stop: 0 of 4 done, -1 s of 300 s, about 28 s to go', said['stop:'])
        self.assertTrue(said['db'].endswith('] waits for 2 guests'), said)

    def test_in_the_middle(self):
        said = self.at(6.0)
        self.assertEqual('stop: 1 of 4 done, 6 s of 300 s, about 22 s to go', said['stop:'])
        self.assertEqual('web  [################] off after 4.0 s', said['web'])
        self.assertEqual('app  [############....] 6 s of about 8 s', said['app'])
        self.assertEqual('db   [................] waits for app', said['db'])

    def test_a_guest_that_is_late_holds_the_time_left_at_what_comes_after_it(self):
        self.assertTrue(self.at(8.9)['stop:'].endswith('about 20 s to go'))
        self.assertTrue(self.at(12.0)['win'].endswith('12 s of about 6 s, asked 2 times'))

    def test_at_the_end(self):
        said = self.at(100.0)
        self.assertEqual('stop: 4 of 4 done, 100 s of 300 s', said['stop:'])

    def test_the_time_left_is_never_beyond_the_deadline_which_may_move(self):
        self.progress.take({'what': 'deadline', 'at': 1.0, 'guest': None, 'text': '', 'deadline': 11.0})
        self.assertEqual('stop: 0 of 4 done, 1 s of 11 s, about 10 s to go', self.progress.headline(1.0))

    def test_every_size_is_kept(self):
        for high in range(1, 8):
            for wide in (1, 10, 30, 80):
                for instant in (0.0, 6.0, 100.0):
                    lines = self.progress.lines(instant, wide, high)
                    self.assertTrue(len(lines) <= high and max(columns.width(line.text) for line in lines) <= wide, lines)

    def test_where_not_all_fit_those_at_work_come_first_and_the_rest_is_counted(self):
        said = list(self.at(6.0, high=4).values())
        self.assertEqual(4, len(said))
        self.assertTrue('... and 2 more: 1 done, 1 waiting, 0 at work' in said, said)

    def test_a_guest_that_joins_again_starts_anew(self):
        self.at(100.0)
        key = [known for known in progress.known_of(self.run_.plan) if known.name == 'web'][0].key
        self.progress.know(progress.known_of(self.run_.plan))
        self.progress.take({'what': 'joined', 'at': 101.0, 'guest': key, 'text': ''})
        self.assertEqual('stop: 3 of 4 done, 101 s of 300 s, about 5 s to go', self.progress.headline(101.0))


if __name__ == '__main__':
    unittest.main()
