"""Saves: what is reserved for them, one at a time for each disk, and what happens where one does not go well. Virtual time."""
from __future__ import absolute_import, division, print_function

import unittest

from kvm_graceful import criticalpath, saving
from kvm_graceful.model import DeadlineMoved
from tests.unit.support import NEVER, UNDYING, Simulation, guest, plan_of, policy, takes

IN_THE_END = policy(on_timeout='save')
AT_ONCE = policy(on_shutdown='save')


def names_of(events):
    return [event.key[len('sim#'):] for event in events]


class Settled(unittest.TestCase):
    """Which guests are saved: known before the first one is asked."""

    def settled(self, guests, wanted=IN_THE_END, free_mib=None, rates=(), deadline_s=300.0):
        return saving.settled(guests, dict((one.key, wanted) for one in guests), {'sim': saving.Room('disk', free_mib)}, list(rates), deadline_s)

    def test_a_save_takes_what_the_memory_takes_at_the_slowest_rate_measured(self):
        self.assertEqual([12.0, 22.0, 2 + 1000 / 5.0], [saving.estimate_s(1000, rates) for rates in ([], [80, 50, 90], [0.1])])

    def test_a_guest_that_can_be_saved_is(self):
        found, saves, problems = self.settled([guest('a', memory_mib=1000)])
        self.assertEqual((IN_THE_END, saving.Reserved('disk', 12.0), []), (found['sim#a'], saves['sim#a'], problems))

    def test_one_that_cannot_is_shut_down_and_the_reason_told(self):
        for one, free_mib, why in ((guest('a', persistent=False), None, 'it is transient'), (guest('a', unsavable='a reason'), None, 'a reason'),
                                   (guest('a', memory_mib=1000), 1200, 'it needs 1000 MiB, and 944 are free'),
                                   (guest('a', memory_mib=20000), None, 'it would take about 202 s, and for all saves to that disk 150 are there')):
            for wanted in (IN_THE_END, AT_ONCE):
                found, saves, problems = self.settled([one], wanted, free_mib)
                self.assertEqual((policy(), {}), (found['sim#a'], saves))
                self.assertEqual('a cannot be saved: %s; shut down instead, and switched off at the end of its time' % why, str(problems[0]))

    def test_the_smallest_are_saved_where_not_all_fit(self):
        _, saves, problems = self.settled([guest('big', memory_mib=3000), guest('small', memory_mib=500), guest('middle', memory_mib=1000)], free_mib=2000)
        self.assertEqual((['sim#middle', 'sim#small'], 1), (sorted(saves), len(problems)))

    def test_nothing_is_reserved_for_a_guest_that_is_never_saved(self):
        for wanted in (policy(), policy(on_timeout='save', on_shutdown='ignore'), policy(on_timeout='save', on_shutdown='destroy')):
            self.assertEqual({}, self.settled([guest('a')], wanted)[1])


class Times(unittest.TestCase):
    def test_saves_to_one_disk_follow_each_other_up_to_the_deadline(self):
        plan = plan_of({'a': IN_THE_END, 'b': IN_THE_END, 'c': policy()}, saves_s={'a': 20, 'b': 30})
        self.assertEqual(2, len(plan.members))
        needed = dict((key, criticalpath.needed_s(plan, key)) for key in ('sim#a', 'sim#b'))
        found = criticalpath.latest_times(plan, ['sim#a', 'sim#b'], needed, 0.0, 300.0)
        self.assertEqual((280, 250), (found.force_at['sim#a'], found.force_at['sim#b']))

    def test_in_a_chain_a_save_takes_nothing_from_those_behind_it(self):
        plan = plan_of({'web': policy(needs='db', on_timeout='save'), 'db': IN_THE_END}, {'db': 40.0}, saves_s={'web': 20, 'db': 30})
        needed = dict((key, criticalpath.needed_s(plan, key)) for key in plan.order)
        found = criticalpath.latest_times(plan, plan.order, needed, 0.0, 300.0)
        self.assertEqual((270, 230, 210), (found.force_at['sim#db'], found.ask_at['sim#db'], found.force_at['sim#web']))


class Runs(unittest.TestCase):
    def test_a_guest_is_saved_at_the_end_of_its_time_and_not_before(self):
        run = Simulation({'a': IN_THE_END}, {'a': NEVER._replace(save_s=18.0)}, saves_s={'a': 20})
        result = run.result('a')
        self.assertEqual((0, 280, 298, 'saved', 'saved in the middle of its shutdown', 0),
                         (result.asked, result.forced, result.off, result.outcome, result.why, run.exit_code))

    def test_on_shutdown_save_saves_at_once_one_after_the_other(self):
        run = Simulation({'a': AT_ONCE, 'b': AT_ONCE, 'c': policy()}, {'a': takes(5, save_s=7.0), 'b': takes(5, save_s=9.0)}, saves_s={'a': 10, 'b': 10})
        self.assertEqual([(0, 7), (7, 16)], [(run.result(name).saving, run.result(name).off) for name in 'ab'])
        self.assertEqual(('saved', None, None, 0), (run.result('a').outcome, run.result('a').asked, run.result('a').forced, run.exit_code))

    def test_those_that_wait_for_a_saved_guest_are_asked_when_it_is_off(self):
        run = Simulation({'web': policy(needs='db', on_shutdown='save'), 'db': policy()}, {'web': takes(5, save_s=7.0)}, saves_s={'web': 10})
        self.assertEqual(7, run.result('db').asked)

    def test_one_that_waits_for_its_save_makes_way_in_time_for_those_that_wait_for_it(self):
        policies = {'a': policy(on_timeout='save', grace_s=30.0), 'web': policy(needs='db', on_timeout='save'), 'db': policy()}
        run = Simulation(policies, {'a': NEVER._replace(save_s=255.0), 'web': NEVER}, estimates={'db': 60.0}, saves_s={'a': 20, 'web': 20})
        # db has 60 s and a forced end, 15 s, at the end of 300; web is to be off by then.
        self.assertEqual(('destroyed', 210), (run.result('web').outcome, run.result('web').forced))
        self.assertEqual(('off', None), (run.result('db').outcome, run.result('db').forced))
        self.assertTrue(210 <= run.result('db').asked <= 225)

    def test_a_save_that_fails_lets_the_guest_go_on_shutting_down_and_is_followed_by_the_end(self):
        run = Simulation({'a': IN_THE_END}, {'a': takes(282, save_s=None)}, saves_s={'a': 20})
        self.assertEqual(('off', None, 282), (run.result('a').outcome, run.result('a').forced, run.result('a').off))
        run = Simulation({'a': IN_THE_END}, {'a': NEVER._replace(save_s=None)}, saves_s={'a': 20})
        self.assertEqual(('destroyed', 285, 1), (run.result('a').outcome, run.result('a').forced, len(run.told('save failed'))))

    def test_a_save_at_once_that_fails_is_followed_by_a_request(self):
        run = Simulation({'a': AT_ONCE}, {'a': takes(5, save_s=None)}, saves_s={'a': 20})
        self.assertEqual(('off', 0, 5), (run.result('a').outcome, run.result('a').asked, run.result('a').off))

    def test_a_save_that_never_ends_gives_way_at_the_deadline(self):
        for one in (IN_THE_END, AT_ONCE):
            run = Simulation({'a': one}, {'a': NEVER._replace(save_s=1e6)}, saves_s={'a': 20})
            self.assertEqual(('destroyed', True), (run.result('a').outcome, run.finished <= 301))
            run = Simulation({'a': one}, {'a': UNDYING._replace(save_s=1e6)}, saves_s={'a': 20})
            self.assertEqual(('left', 4, True), (run.result('a').outcome, run.exit_code, run.finished <= 315))

    def test_a_save_that_never_ends_takes_nothing_from_those_that_wait(self):
        run = Simulation({'web': policy(needs='db', on_timeout='save'), 'db': policy()}, {'web': NEVER._replace(save_s=1e6), 'db': takes(55)},
                         saves_s={'web': 20})
        self.assertEqual((225, 280, None), (run.result('db').asked, run.result('db').off, run.result('db').forced))

    def test_one_whose_turn_never_comes_is_asked_while_there_is_time(self):
        run = Simulation({'a': AT_ONCE, 'b': AT_ONCE}, {'a': NEVER._replace(save_s=1e6), 'b': takes(5)}, saves_s={'a': 20, 'b': 20})
        self.assertEqual((['a', 'b'], 265, 'off'), (names_of(run.told('saving')) + names_of(run.told('save failed')), run.result('b').asked,
                                                    run.result('b').outcome))

    def test_one_that_waits_for_the_disk_in_the_end_is_switched_off_in_time(self):
        run = Simulation({'a': policy(grace_s=10, on_timeout='save'), 'b': policy(grace_s=20, on_timeout='save')},
                         {'a': NEVER._replace(save_s=1e6), 'b': NEVER}, saves_s={'a': 20, 'b': 20})
        self.assertEqual((285, 'destroyed'), (run.result('b').forced, run.result('b').outcome))

    def test_a_guest_that_goes_off_while_it_waits_for_the_disk_gives_its_turn_away(self):
        run = Simulation({'a': policy(grace_s=10, on_timeout='save'), 'b': policy(grace_s=20, on_timeout='save'), 'c': policy(grace_s=21, on_timeout='save')},
                         {'a': NEVER._replace(save_s=30), 'b': takes(25), 'c': NEVER}, saves_s={'a': 20, 'b': 20, 'c': 20})
        self.assertEqual(('off', 25, 40, 'saved'), (run.result('b').outcome, run.result('b').off, run.result('c').forced, run.result('c').outcome))

    def test_a_suspended_guest_is_woken_before_it_is_saved_and_a_paused_one_is_saved_as_it_is(self):
        for state, woken in (('pmsuspended', 1), ('paused', 0)):
            run = Simulation({'a': AT_ONCE}, {'a': takes(5, save_s=3.0)}, guests=[guest('a', state=state, reason='user' if state == 'paused' else '')],
                             saves_s={'a': 20})
            self.assertEqual(('saved', woken), (run.result('a').outcome, len(run.told('state'))))

    def test_a_deadline_that_comes_sooner_ends_a_save(self):
        run = Simulation({'a': AT_ONCE}, {'a': takes(5, save_s=100.0)}, saves_s={'a': 20}, facts=[(10, DeadlineMoved(40.0, 'battery'))])
        self.assertEqual(('destroyed', 26), (run.result('a').outcome, run.result('a').off))


if __name__ == '__main__':
    unittest.main()
