"""Guests that are not in the mood: every state and reason, agents, reboots, guests that join. In virtual time."""
from __future__ import absolute_import, division, print_function

import unittest

from kvm_graceful import engine
from kvm_graceful.model import NEVER_RESUMED, RESUMED_ONCE, Appeared, Off, StateChanged
from tests.unit.support import NEVER, Simulation, guest, plan_of, policy, takes


def lone(behaviour=None, policy_=None, deadline_s=300.0, facts=(), **fields):
    """A run of one guest, `a`, with these Guest fields."""
    return Simulation({'a': policy_ or policy()}, {'a': behaviour or takes(5)}, deadline_s=deadline_s, facts=facts,
                      guests=[guest('a', **fields)])


class Paused(unittest.TestCase):
    def test_by_user_error_or_watchdog_it_is_resumed_once_and_asked(self):
        for reason in RESUMED_ONCE:
            run = lone(state='paused', reason=reason)
            self.assertEqual(('off', 0, 5), (run.result('a').outcome, run.result('a').asked, run.result('a').off), reason)

    def test_while_somebody_else_is_at_work_it_is_never_resumed_and_asked_when_it_runs(self):
        for reason in [reason for reason in NEVER_RESUMED if 'migration' not in reason]:
            run = lone(state='paused', reason=reason)
            self.assertEqual((None, 285, 'destroyed'), (run.result('a').asked, run.result('a').forced, run.result('a').outcome))
            self.assertEqual(1, len(run.told('waits')), reason)

    def test_a_migration_is_waited_for_and_aborted_when_it_is_time_to_ask(self):
        run = lone(state='paused', reason='migration')
        self.assertEqual((225, 230, 'off'), (run.result('a').asked, run.result('a').off, run.result('a').outcome))
        self.assertEqual([225], [event.at for event in run.told('aborted')])

    def test_one_that_still_runs_while_it_migrates_is_aborted_likewise(self):
        run = lone(facts=[(0, StateChanged('sim#a', 'migrating', ''))], state='migrating')
        self.assertEqual((225, 230, 'off'), (run.result('a').asked, run.result('a').off, run.result('a').outcome))
        self.assertEqual([225], [event.at for event in run.told('aborted')])
        self.assertEqual(1, len(run.told('waits')))

    def test_an_incoming_migration_is_left_and_reported(self):
        run = lone(state='paused', reason='incoming migration')
        self.assertEqual(('left', None, None, 0), (run.result('a').outcome, run.result('a').asked, run.result('a').forced, run.exit_code))
        self.assertTrue('left to the host' in run.result('a').why)

    def test_the_moment_its_migration_ends_it_is_asked(self):
        run = lone(state='paused', reason='migration', facts=[(42, StateChanged('sim#a', 'running', ''))])
        self.assertEqual((42, 47, 'off'), (run.result('a').asked, run.result('a').off, run.result('a').outcome))

    def test_a_guest_that_has_migrated_away_is_no_failure(self):
        run = lone(state='paused', reason='migration', facts=[(20, Off('sim#a', 'migrated', 20))])
        self.assertEqual(('left', 0), (run.result('a').outcome, run.exit_code))

    def test_a_guest_that_is_paused_after_it_was_asked_is_let_go_on(self):
        run = lone(takes(20), facts=[(5, StateChanged('sim#a', 'paused', 'user'))])
        self.assertEqual((1, 20), (run.result('a').presses, run.result('a').off))
        self.assertEqual(['now paused (user)', 'now running'], [event.text for event in run.told('state')])

    def test_a_guest_that_pauses_again_is_not_resumed_a_second_time(self):
        run = lone(NEVER, state='paused', reason='I/O error', facts=[(1, StateChanged('sim#a', 'paused', 'I/O error'))], deadline_s=60)
        self.assertEqual(1, run.result('a').presses)
        self.assertEqual('destroyed', run.result('a').outcome)


class OtherStates(unittest.TestCase):
    def test_pmsuspended_is_woken_then_asked(self):
        self.assertEqual('off', lone(state='pmsuspended').result('a').outcome)

    def test_a_press_lost_because_the_guest_has_just_been_woken_is_repeated(self):
        run = lone(takes(5, ignores=1), state='pmsuspended', up_s=600.0)
        self.assertEqual((2, 20, 'off'), (run.result('a').presses, run.result('a').off, run.result('a').outcome))

    def test_crashed_is_switched_off_at_once(self):
        run = lone(state='crashed')
        self.assertEqual(('crashed', 0, 1, 3), (run.result('a').outcome, run.result('a').presses, run.finished, run.exit_code))

    def test_shutting_down_already_is_waited_for_and_not_asked(self):
        run = lone(state='going off', facts=[(7, Off('sim#a', 'shutdown', 7))])
        self.assertEqual(('off', 0, 7), (run.result('a').outcome, run.result('a').presses, run.finished))

    def test_a_guest_that_comes_up_again_is_switched_off_before_it_has(self):
        run = lone(takes(4, reboots=True))
        self.assertEqual(('off', 5, 0), (run.result('a').outcome, run.result('a').off, run.exit_code))

    def test_a_guest_that_may_still_be_booting_is_pressed_until_it_hears(self):
        for lost, off in ((1, 20), (2, 50), (3, 110)):
            for again_s in (None, 100):
                young = lone(takes(5, ignores=lost), policy(press_again_s=again_s), up_s=10.0).result('a')
                self.assertEqual((lost + 1, off, 'off'), (young.presses, young.off, young.outcome))
        self.assertEqual(8, lone(takes(5, ignores=1), policy(press_again_s=3), up_s=10.0).result('a').off)
        self.assertEqual(1, lone(takes(5, ignores=1), up_s=600.0).result('a').presses)


class Agents(unittest.TestCase):
    def test_an_agent_that_answers_is_asked_and_the_button_is_not_pressed(self):
        run = lone(agent='connected')
        self.assertEqual((1, 'off'), (run.result('a').presses, run.result('a').outcome))
        self.assertTrue('through its agent' in run.told('asked')[0].text)

    def test_buttons_are_pressed_before_any_agent_is_asked(self):
        guests = [guest('a', agent='connected'), guest('b'), guest('c', agent='connected'), guest('d')]
        plan = plan_of(dict((one.name, policy()) for one in guests), guests=guests)
        commands = engine.Engine(plan, 300.0, 0.0).step([], 0.0)
        self.assertEqual([('sim#b', 'acpi'), ('sim#d', 'acpi'), ('sim#a', 'agent'), ('sim#c', 'agent')], [tuple(one) for one in commands])

    def test_a_disconnected_agent_is_passed_over_at_once(self):
        run = lone(agent='disconnected')
        self.assertEqual(0, run.result('a').asked)
        self.assertFalse('agent' in run.told('asked')[0].text)

    def test_a_dead_agent_is_given_up_and_the_button_pressed(self):
        run = lone(takes(5, agent='dead'), agent='connected')
        self.assertEqual((3, 8), (run.result('a').asked, run.result('a').off))

    def test_an_agent_that_took_the_request_and_did_nothing_is_followed_by_the_button(self):
        run = lone(takes(5, ignores=1), agent='connected')
        self.assertEqual((2, 35), (run.result('a').presses, run.result('a').off))

    def test_each_method_has_its_own_limit(self):
        run = lone(takes(5, ignores=1), policy(method=(('agent', 10), ('acpi', None))), agent='connected')
        self.assertEqual((2, 15), (run.result('a').presses, run.result('a').off))


class Joining(unittest.TestCase):
    def test_a_guest_started_during_the_run_is_asked_and_waited_for(self):
        run = Simulation({'a': policy()}, {'a': takes(30)}, newcomers={'new': policy()}, facts=[(10, Appeared(guest('new')))])
        self.assertEqual((10, 15, 'off'), (run.result('new').asked, run.result('new').off, run.result('new').outcome))

    def test_its_needs_hold_in_both_directions(self):
        run = Simulation({'web': policy(needs='app'), 'db': policy()}, {'web': takes(30), 'db': takes(20)},
                         newcomers={'app': policy(needs='db')}, facts=[(10, Appeared(guest('app')))])
        self.assertEqual((30, 0), (run.result('app').asked, run.result('db').asked))  # db had been asked before
        run = Simulation({'web': policy(needs='db'), 'db': policy()}, {'web': takes(12)},
                         newcomers={'app': policy(needs='db')}, facts=[(10, Appeared(guest('app')))])
        self.assertEqual((10, 15), (run.result('app').asked, run.result('db').asked))

    def test_a_guest_that_is_on_again_is_asked_again_and_not_reported_off(self):
        run = Simulation({'a': policy(), 'b': policy()}, {'b': takes(60)}, newcomers={'a': policy()}, deadline_s=100,
                         facts=[(20, Appeared(guest('a')))])
        self.assertEqual((20, 25, 'off'), (run.result('a').asked, run.result('a').off, run.result('a').outcome))
        self.assertEqual(2, len([event for event in run.told('off') if event.key == 'sim#a']))

    def test_a_circle_that_a_newcomer_would_close_is_left_open(self):
        run = Simulation({'a': policy(needs='b'), 'b': policy(needs='new')}, {'a': takes(20)}, newcomers={'new': policy(needs='a')},
                         facts=[(10, Appeared(guest('new')))])
        self.assertEqual(['off'] * 3, [run.result(name).outcome for name in ('a', 'b', 'new')])

    def test_where_nobody_may_join_a_newcomer_is_passed_over(self):
        run = Simulation({'a': policy()}, {'a': takes(30)}, facts=[(10, Appeared(guest('new')))])
        self.assertEqual(30, run.finished)

    def test_an_ignored_newcomer_is_left(self):
        run = Simulation({'a': policy()}, {'a': takes(30)}, newcomers={'new': policy(on_shutdown='ignore')},
                         facts=[(10, Appeared(guest('new')))])
        self.assertEqual(('left', None, 0), (run.result('new').outcome, run.result('new').asked, run.exit_code))


class Tags(unittest.TestCase):
    def test_needs_by_tag(self):
        run = Simulation({'web': policy(needs='tag:storage'), 'nfs': policy(tags=('storage', 'x')), 'db': policy()})
        self.assertEqual([0, 5, 0], [run.result(name).asked for name in ('web', 'nfs', 'db')])


if __name__ == '__main__':
    unittest.main()
