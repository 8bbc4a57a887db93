"""The engine in virtual time: order, one deadline, forced ends, signals."""
from __future__ import absolute_import, division, print_function

import unittest

from kvm_graceful import engine
from kvm_graceful.model import Asked, AskFailed, DeadlineMoved, Hurry, Off, StateKnown, StateUnknown, StopAsking
from tests.unit.support import NEVER, UNDYING, Simulation, plan_of, policy, takes


class Order(unittest.TestCase):
    def test_a_guest_is_asked_the_moment_all_that_need_it_are_off(self):
        run = Simulation({'web1': policy(needs='app'), 'web2': policy(needs='app'), 'app': policy(needs='db'), 'db': policy()},
                         {'web1': takes(3), 'web2': takes(7), 'app': takes(2), 'db': takes(4)})
        self.assertEqual([0, 0, 7, 9], [run.result(name).asked for name in ('web1', 'web2', 'app', 'db')])
        self.assertEqual(13, run.finished)
        self.assertEqual(0, run.exit_code)

    def test_a_slow_guest_delays_only_those_that_wait_for_it(self):
        run = Simulation({'slow': policy(needs='behind'), 'behind': policy(), 'quick': policy(needs='other'), 'other': policy()},
                         {'slow': takes(100)})
        self.assertEqual(5, run.result('other').asked)
        self.assertEqual(100, run.result('behind').asked)

    def test_guests_of_a_circle_are_asked_together_and_other_needs_stay(self):
        run = Simulation({'a': policy(needs='b'), 'b': policy(needs='a,base'), 'base': policy()})
        self.assertEqual([0, 0, 5], [run.result(name).asked for name in ('a', 'b', 'base')])
        self.assertEqual([['a', 'b', 'a']], run.plan.circles)

    def test_an_ignored_guest_is_never_touched_and_holds_nobody_up(self):
        run = Simulation({'web': policy(needs='db', on_shutdown='ignore'), 'db': policy()})
        self.assertEqual(0, run.result('db').asked)
        self.assertEqual((None, 0, 'left'), (run.result('web').asked, run.result('web').presses, run.result('web').outcome))
        self.assertEqual(0, run.exit_code)

    def test_the_parallel_limit_gives_the_next_slot_to_the_longest_remaining_path(self):
        run = Simulation({'a': policy(), 'b': policy(), 'head': policy(needs='tail'), 'tail': policy()}, parallel=1)
        self.assertEqual([0, 5, 10, 15], [run.result(name).asked for name in ('head', 'a', 'b', 'tail')])

    def test_the_parallel_limit_yields_at_the_latest_time_to_ask(self):
        run = Simulation({'a': policy(), 'b': policy()}, {'a': NEVER}, parallel=1, deadline_s=100)
        self.assertEqual(25, run.result('b').asked)  # 100 less 15 for a forced end, less the estimate of 60
        self.assertEqual('off', run.result('b').outcome)

    def test_where_even_the_floors_do_not_fit_everyone_is_asked_at_once(self):
        run = Simulation(dict(('g%d' % i, policy(needs='g%d' % (i + 1))) for i in range(9)), deadline_s=60)
        self.assertEqual(set([0.0]), set(run.result('g%d' % i).asked for i in range(9)))
        self.assertEqual(1, len(run.told('order')))


class Time(unittest.TestCase):
    def test_with_nothing_configured_a_guest_that_needs_200_of_the_300_seconds_is_not_forced(self):
        run = Simulation({'slow': policy()}, {'slow': takes(200)})
        self.assertEqual(('off', 200, None), (run.result('slow').outcome, run.result('slow').off, run.result('slow').forced))

    def test_a_guest_that_never_reacts_is_forced_so_that_the_run_ends_by_the_deadline(self):
        run = Simulation({'stubborn': policy(), 'good': policy()}, {'stubborn': NEVER}, deadline_s=40)
        self.assertEqual((25, 26, 'destroyed'), (run.result('stubborn').forced, run.result('stubborn').off,
                                                 run.result('stubborn').outcome))
        self.assertEqual('off', run.result('good').outcome)
        self.assertEqual(3, run.exit_code)

    def test_the_last_of_a_chain_keeps_its_reserve(self):
        run = Simulation({'first': policy(needs='second'), 'second': policy(needs='third'), 'third': policy()},
                         {'first': NEVER, 'second': NEVER, 'third': takes(20)}, deadline_s=105)
        self.assertEqual('off', run.result('third').outcome)
        self.assertEqual(['destroyed'] * 2, [run.result(name).outcome for name in ('first', 'second')])

    def test_a_guest_in_front_that_overruns_takes_nothing_from_those_behind(self):
        # b's end makes the instants stale: the second look must not hand a more than what it was allotted.
        run = Simulation({'a': policy(needs='z'), 'z': policy(), 'b': policy()}, {'a': NEVER, 'z': takes(35), 'b': takes(30)},
                         deadline_s=100)
        self.assertEqual(35, run.result('a').forced)
        self.assertEqual('off', run.result('z').outcome)

    def test_time_that_nobody_needs_any_more_goes_to_the_guest_that_is_late(self):
        run = Simulation({'a': policy(needs='z'), 'z': policy()}, {'a': takes(80)}, deadline_s=100,
                         facts=[(10, Off('sim#z', 'shutdown', 10))])
        self.assertEqual(('off', 80), (run.result('a').outcome, run.result('a').off))

    def test_a_written_grace_is_a_hard_limit_counted_from_the_first_press(self):
        run = Simulation({'a': policy(needs='b'), 'b': policy(grace_s=20)}, {'b': NEVER})
        self.assertEqual((5, 25), (run.result('b').asked, run.result('b').forced))

    def test_on_timeout_leave_leaves_the_guest_and_is_no_failure(self):
        run = Simulation({'a': policy(on_timeout='leave', grace_s=30, needs='b'), 'b': policy()}, {'a': NEVER})
        self.assertEqual(('left', None, None), (run.result('a').outcome, run.result('a').forced, run.result('a').off))
        self.assertEqual(30, run.result('b').asked)
        self.assertEqual(0, run.exit_code)

    def test_a_guest_that_survives_its_forced_end_is_told_as_still_on(self):
        run = Simulation({'undying': policy(needs='b'), 'b': policy()}, {'undying': UNDYING}, deadline_s=100)
        self.assertEqual(('left', None), (run.result('undying').outcome, run.result('undying').off))
        self.assertEqual('off', run.result('b').outcome)
        self.assertEqual(4, run.exit_code)
        self.assertTrue(run.finished <= 115)

    def test_press_again_reaches_a_guest_that_ignores_the_first_press(self):
        run = Simulation({'win': policy(press_again_s=4)}, {'win': takes(3, ignores=1)})
        self.assertEqual((2, 7), (run.result('win').presses, run.result('win').off))

    def test_without_press_again_the_button_is_pressed_once(self):
        run = Simulation({'win': policy()}, {'win': takes(3, ignores=1)}, deadline_s=50)
        self.assertEqual((1, 'destroyed'), (run.result('win').presses, run.result('win').outcome))

    def test_a_deadline_that_moves_sooner_forces_sooner_and_later_forces_later(self):
        sooner = Simulation({'a': policy()}, {'a': NEVER}, facts=[(10, DeadlineMoved(60, 'battery'))])
        self.assertEqual(45, sooner.result('a').forced)
        later = Simulation({'a': policy()}, {'a': NEVER}, deadline_s=60, facts=[(10, DeadlineMoved(200, 'battery'))])
        self.assertEqual(185, later.result('a').forced)


class Faults(unittest.TestCase):
    def test_a_refused_request_is_tried_again_and_told_once(self):
        run = Simulation({'a': policy(), 'b': policy()}, facts=[(0.5, AskFailed('sim#a', 'paused', 'acpi')), (0.6, AskFailed('sim#a', 'paused', 'acpi'))])
        self.assertEqual(1, len(run.told('ask failed')))
        self.assertEqual(['off', 'off'], [run.result(name).outcome for name in 'ab'])

    def test_a_guest_whose_state_is_unknown_is_never_reported_off(self):
        run = Simulation({'a': policy()}, {'a': UNDYING}, deadline_s=50, facts=[(5, StateUnknown('sim#a', 'connection lost'))])
        self.assertEqual(('unknown', None), (run.result('a').outcome, run.result('a').off))
        self.assertEqual(4, run.exit_code)

    def test_a_guest_that_answers_again_is_known_again(self):
        run = Simulation({'a': policy()}, {'a': takes(20)},
                         facts=[(5, StateUnknown('sim#a', 'lost')), (6, StateUnknown('sim#a', 'lost')), (8, StateKnown('sim#a'))])
        self.assertEqual((1, 1), (len(run.told('unknown state')), len(run.told('known state'))))
        self.assertEqual('off', run.result('a').outcome)

    def test_a_guest_that_is_off_before_the_answer_to_our_request_comes_was_asked_all_the_same(self):
        core = engine.Engine(plan_of({'a': policy()}), 300.0, 0.0)
        core.step([], 1.0)
        core.step([Off('sim#a', 'shutdown', 1.5), Asked('sim#a', 1.6, 'acpi')], 2.0)
        result = core.results()[0]
        self.assertEqual((1.0, 1, 1.5, 'off'), (result.asked, result.presses, result.off, result.outcome))
        self.assertEqual(['asked', 'off'], [event.what for event in core.events])

    def test_a_guest_ended_by_somebody_else_is_not_called_off(self):
        run = Simulation({'a': policy()}, {'a': takes(50)}, facts=[(5, Off('sim#a', 'destroyed', 5))])
        self.assertEqual(('destroyed', 'switched off by somebody else'), (run.result('a').outcome, run.result('a').why))
        self.assertEqual(3, run.exit_code)

    def test_off_told_twice_counts_once(self):
        run = Simulation({'a': policy(), 'b': policy()}, {'b': takes(30)},
                         facts=[(5, Off('sim#a', 'gone', 5)), (6, Off('sim#a', 'gone', 6)), (7, Off('sim#nobody', 'gone', 7))])
        self.assertEqual(30, run.finished)

    def test_a_guest_given_up_that_goes_off_after_all_is_told_so(self):
        run = Simulation({'late': policy(grace_s=10), 'other': policy()}, {'late': UNDYING, 'other': takes(60)},
                         facts=[(40, Off('sim#late', 'destroyed', 40))])
        self.assertEqual(('destroyed', 40), (run.result('late').outcome, run.result('late').off))
        self.assertEqual(3, run.exit_code)


class Signals(unittest.TestCase):
    def test_hurry_halves_the_time_and_a_second_one_forces_now(self):
        once = Simulation({'a': policy()}, {'a': NEVER}, facts=[(100, Hurry('TERM'))])
        self.assertEqual(185, once.result('a').forced)
        twice = Simulation({'a': policy(), 'b': policy()}, {'a': NEVER, 'b': NEVER}, facts=[(100, Hurry('TERM')), (110, Hurry('TERM'))])
        self.assertEqual([110, 110], [twice.result(name).forced for name in 'ab'])

    def test_stop_asking_forces_nobody_and_asks_nobody_else(self):
        run = Simulation({'a': policy(needs='b'), 'b': policy()}, {'a': takes(20)}, facts=[(3, StopAsking(15))])
        self.assertEqual((3, 143), (run.finished, run.exit_code))
        self.assertEqual([0, None], [run.result(name).asked for name in 'ab'])
        self.assertEqual(['left', 'left'], [run.result(name).outcome for name in 'ab'])
        self.assertEqual([], run.told('forced'))

    def test_stop_asking_before_the_start_asks_nobody(self):
        run = Simulation({'a': policy()}, facts=[(0, StopAsking(2))])
        self.assertEqual((None, 130), (run.result('a').asked, run.exit_code))


if __name__ == '__main__':
    unittest.main()
