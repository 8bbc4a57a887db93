"""What UPSes say, several of them as one, and what that does to a deadline. No network: see tests/power."""
from __future__ import absolute_import, division, print_function

import unittest

from kvm_graceful import record, upsname
from kvm_graceful.model import DeadlineMoved, Hurry, PowerSeen
from kvm_graceful.power import BATTERY, MAINS, UNKNOWN, Reading, apcupsd, nut, sources, unknown
from kvm_graceful.power.deadline import LEAST_S, BatteryDeadline, Trust
from kvm_graceful.power.several import Remembered, together
from tests.unit.support import NEVER, Simulation, policy


def on_battery(runtime_s=600.0, low=False, forced=False, charge=None):
    return Reading(BATTERY, runtime_s, charge, low, forced, None, 'OB', True)


def on_mains(runtime_s=1200.0, forced=False):
    return Reading(MAINS, runtime_s, None, False, forced, None, 'OL', True)


class WhatNutSays(unittest.TestCase):
    def test_status_words(self):
        for status, supply, low, forced in (
                ('OL', MAINS, False, False), ('OL CHRG', MAINS, False, False), ('OL LB', MAINS, False, False),
                ('OB DISCHRG', BATTERY, False, False), ('OB LB', BATTERY, True, False), ('FSD OB LB', BATTERY, True, True),
                ('FSD OL', MAINS, False, True), ('OL RB', MAINS, False, False), ('OB CAL', MAINS, False, False),
                ('OB LB CAL', MAINS, False, False), ('OB TEST', MAINS, False, False), ('OB LB TEST', BATTERY, True, False),
                ('WAIT', UNKNOWN, False, False), ('WAIT OL', UNKNOWN, False, False), ('', UNKNOWN, False, False), ('OFF', UNKNOWN, False, False)):
            got = nut.reading({'ups.status': status})
            self.assertEqual((supply, low, forced), (got.supply, got.low, got.forced), status)

    def test_a_self_test_is_not_on_battery(self):
        got = nut.reading({'ups.status': 'OB DISCHRG', 'ups.test.result': 'In progress'})
        self.assertEqual(MAINS, got.supply)
        self.assertEqual(BATTERY, nut.reading({'ups.status': 'OB', 'ups.test.result': 'Done and passed'}).supply)

    def test_numbers_that_are_none(self):
        for text, value in (('600', 600.0), ('12.5', 12.5), ('0', 0.0), ('-1', None), ('nan', None), ('inf', None), ('1e9', None),
                            ('99999999999', None), ('', None), (None, None)):
            self.assertEqual(value, nut.number(text), text)


class WhatApcupsdSays(unittest.TestCase):
    def test_status_words(self):
        for status, supply, low, forced in (
                ('ONLINE', MAINS, False, False), ('ONBATT', BATTERY, False, False), ('ONBATT LOWBATT', BATTERY, True, False),
                ('CAL ONBATT', MAINS, False, False), ('COMMLOST', UNKNOWN, False, False), ('ONBATT COMMLOST', UNKNOWN, False, False),
                ('TRIM ONLINE', MAINS, False, False), ('ONBATT LOWBATT SHUTTING DOWN', BATTERY, True, True), ('', UNKNOWN, False, False)):
            got = apcupsd.reading({'STATUS': status, 'TIMELEFT': '12.5 Minutes', 'BCHARGE': '80.0 Percent'})
            self.assertEqual((supply, low, forced), (got.supply, got.low, got.forced), status)
            self.assertEqual((None, None) if supply == UNKNOWN else (750.0, 80.0), (got.runtime_s, got.charge), status)

    def test_a_self_test_is_not_on_battery(self):
        self.assertEqual(MAINS, apcupsd.reading({'STATUS': 'ONBATT', 'SELFTEST': 'IP'}).supply)


class Several(unittest.TestCase):
    def test_the_host_lives_while_enough_of_them_do(self):
        for readings, values, minimum, supply, runtime_s in (
                ([on_battery(600.0)], [1], 1, BATTERY, 600.0),
                ([on_battery(600.0), on_mains()], [1, 1], 1, MAINS, 1200.0),
                ([on_battery(600.0), on_mains()], [1, 1], 2, BATTERY, 600.0),
                ([on_battery(600.0), on_battery(90.0)], [1, 1], 1, BATTERY, 600.0),
                ([on_battery(600.0), on_battery(90.0)], [1, 1], 2, BATTERY, 90.0),
                ([on_battery(600.0), on_battery(90.0)], [1, 2], 2, BATTERY, 90.0),
                ([on_battery(600.0), on_battery(90.0), on_battery(300.0)], [1, 1, 1], 2, BATTERY, 300.0),
                ([on_battery(None)], [1], 1, BATTERY, None),
                # what does not tell is never plenty
                ([on_battery(600.0), on_battery(None)], [1, 1], 1, BATTERY, 600.0),
                ([on_battery(600.0), on_battery(None)], [1, 1], 2, BATTERY, 600.0),
                ([on_battery(600.0), unknown('stale')], [1, 1], 1, BATTERY, 600.0),
                ([on_battery(600.0), unknown('stale')], [1, 1], 2, BATTERY, 600.0),
                ([unknown('stale')], [1], 1, UNKNOWN, None),
                ([on_mains(), unknown('stale')], [1, 1], 1, MAINS, 1200.0),
                ([on_mains(), unknown('stale')], [1, 1], 2, UNKNOWN, None),
                # more supplies wanted than there are: all of them
                ([on_battery(600.0), on_battery(90.0)], [1, 1], 7, BATTERY, 90.0),
                ([], [], 1, UNKNOWN, None)):
            got = together(readings, values, minimum)
            self.assertEqual((supply, runtime_s), (got.supply, got.runtime_s), (readings, values, minimum))

    def test_low_and_forced_count_when_too_few_are_left(self):
        low, forced = on_battery(20.0, low=True), on_battery(20.0, forced=True)
        self.assertEqual((False, False), together([low, on_mains()], [1, 1], 1)[3:5])
        self.assertEqual((True, False), together([low, on_mains()], [1, 1], 2)[3:5])
        self.assertEqual((False, True), together([forced, on_mains()], [1, 1], 2)[3:5])
        self.assertEqual((False, False), together([low, unknown('stale')], [1, 1], 1)[3:5])

    def test_what_was_said_last_on_battery_counts_down_while_nobody_answers(self):
        memory = Remembered()
        memory.take(on_battery(100.0), 10.0)
        got = memory.take(unknown('upsd does not answer'), 40.0)
        self.assertEqual((BATTERY, 70.0, False), (got.supply, got.runtime_s, got.fresh))
        self.assertEqual(0.0, memory.take(unknown('gone'), 400.0).runtime_s)
        self.assertEqual(MAINS, memory.take(on_mains(), 401.0).supply)
        self.assertEqual(UNKNOWN, memory.take(unknown('gone'), 402.0).supply)


class TheDeadline(unittest.TestCase):
    """Configured: 300 s from 0. What the battery says is trusted to 80 %, and the host itself needs 30 s."""

    def setUp(self):
        self.core = BatteryDeadline(300.0, Trust(0.8, 30.0))
        self.told = []

    def moved(self, reading, now):
        facts = self.core.take(reading, now)
        self.told += [fact for fact in facts if isinstance(fact, PowerSeen)]
        return [fact.at for fact in facts if isinstance(fact, DeadlineMoved)]

    def test_on_mains_a_small_ups_forces_nobody(self):
        for now in range(0, 100, 3):
            self.assertEqual([], self.moved(on_mains(20.0), float(now)))
        self.assertEqual([], self.told)

    def test_a_drop_is_believed_at_the_second_sample(self):
        self.assertEqual([], self.moved(on_battery(200.0), 0.0))
        self.assertEqual([133.0], self.moved(on_battery(200.0), 3.0))

    def test_a_drop_that_goes_away_again_changes_nothing(self):
        self.assertEqual([], self.moved(on_battery(0.0), 0.0))
        self.assertEqual([], self.moved(on_battery(900.0), 3.0))
        self.assertEqual([], self.moved(on_battery(0.0), 6.0))
        self.assertEqual([], self.moved(on_battery(900.0), 9.0))

    def test_of_two_low_samples_the_milder_holds(self):
        self.moved(on_battery(100.0), 0.0)
        self.assertEqual([50.0], self.moved(on_battery(0.0), 3.0))

    def test_a_low_battery_is_believed_at_once(self):
        self.assertEqual([50.0], self.moved(on_battery(100.0, low=True), 0.0))

    def test_a_power_that_is_going_to_be_cut_is_believed_at_once_on_mains_too(self):
        self.assertEqual([50.0], self.moved(on_mains(100.0, forced=True), 0.0))

    def test_a_later_deadline_is_believed_at_once_and_never_later_than_configured(self):
        self.moved(on_battery(100.0, low=True), 0.0)
        self.assertEqual([3.0 + 130.0], self.moved(on_battery(200.0), 3.0))
        self.assertEqual([300.0], self.moved(on_battery(2000.0), 6.0))

    def test_power_that_returns_gives_the_configured_deadline_back(self):
        self.moved(on_battery(100.0, low=True), 0.0)
        self.assertEqual([300.0], self.moved(on_mains(20.0), 3.0))

    def test_a_runtime_of_nothing_still_leaves_the_least_time_to_ask(self):
        self.assertEqual([LEAST_S], self.moved(on_battery(0.0, low=True), 0.0))
        self.assertEqual([], self.moved(on_battery(0.0, low=True), 20.0))  # and that once, not again and again

    def test_without_a_runtime_the_configured_deadline_holds_and_a_low_battery_halves_it_once(self):
        self.assertEqual([], self.moved(on_battery(None), 0.0))
        self.assertEqual([], self.moved(on_battery(None), 3.0))
        self.assertEqual([200.0], self.moved(on_battery(None, low=True), 100.0))
        self.assertEqual([], self.moved(on_battery(None, low=True), 103.0))
        self.assertEqual([], self.moved(on_battery(None), 106.0))

    def test_while_nobody_answers_the_deadline_stands(self):
        self.moved(on_battery(200.0), 0.0)
        self.assertEqual([133.0], self.moved(on_battery(200.0), 3.0))
        memory = Remembered()
        memory.take(on_battery(200.0), 3.0)
        for now in range(6, 133, 3):
            self.assertEqual([], self.moved(memory.take(unknown('gone'), float(now)), float(now)), now)
        self.assertEqual([], self.moved(unknown('never seen'), 140.0))

    def test_an_honest_battery_moves_the_deadline_seldom(self):
        moves = []
        for now in range(0, 200, 3):
            moves += self.moved(on_battery(300.0 - now), float(now))
        self.assertEqual(210.6, round(moves[0], 3))
        self.assertTrue(len(moves) <= 8, moves)
        self.assertEqual(sorted(moves), moves)

    def test_the_level_goes_into_the_record_now_and_then_and_whenever_the_state_changes(self):
        for now in range(0, 61, 3):
            self.moved(on_battery(600.0 - now, charge=50.0), float(now))
        self.assertEqual([600.0, 570.0, 540.0], [fact.runtime_s for fact in self.told])
        self.moved(on_battery(500.0, low=True), 62.0)
        self.moved(on_mains(), 63.0)
        self.moved(on_mains(), 100.0)
        self.assertEqual(['on battery, 600 s left, 50 % (OB)', 'on battery, 500 s left, battery low (OB)', 'on mains, 1200 s left (OL)'],
                         [self.told[index].text for index in (0, 3, 4)])
        self.assertEqual(5, len(self.told))


class InARun(unittest.TestCase):
    def test_the_level_is_an_event_of_its_own_and_its_numbers_are_in_the_record(self):
        run = Simulation({'a': policy()}, facts=[(1.0, PowerSeen('on battery, 90 s left', BATTERY, 90.0, 40.0))])
        line = record.event_line(run.told('power')[0])
        self.assertEqual({'what': 'power', 'at': 1.0, 'guest': None, 'text': 'on battery, 90 s left', 'supply': 'battery', 'runtime': 90.0,
                          'charge': 40.0}, line)

    def test_a_power_that_returns_takes_no_hurry_back(self):
        for facts, forced_at in (([(10.0, DeadlineMoved(60.0, 'drop')), (20.0, DeadlineMoved(300.0, 'back'))], 285.0),
                                 ([(10.0, Hurry('signal 15')), (20.0, DeadlineMoved(300.0, 'back'))], 140.0)):
            self.assertEqual(forced_at, Simulation({'a': policy()}, {'a': NEVER}, facts=facts).result('a').forced)


class WhichUpses(unittest.TestCase):
    def test_how_a_ups_is_written(self):
        for word, kind, name, host, port, value, shown in (
                ('ups@localhost', 'nut', 'ups', 'localhost', 3493, 1, 'ups@localhost'), ('ups', 'nut', 'ups', 'localhost', 3493, 1, 'ups@localhost'),
                ('a-1@10.0.0.1:3500=2', 'nut', 'a-1', '10.0.0.1', 3500, 2, 'a-1@10.0.0.1:3500'),
                ('ups@[::1]:3500', 'nut', 'ups', '::1', 3500, 1, 'ups@[::1]:3500'),
                ('apcupsd:rack1', 'apcupsd', '', 'rack1', 3551, 1, 'apcupsd:rack1')):
            got = upsname.parse(word)
            self.assertEqual((kind, name, host, port, value, '', None), tuple(got), word)
            self.assertEqual(shown, upsname.shown(got))
        for word in ('', '@', 'a@b@c', 'ups@host:0', 'ups@host:70000', 'ups@host\nLIST', 'a b', 'ups@host=x', 'apcupsd:'):
            self.assertRaises(ValueError, upsname.parse, word)

    def test_what_upsmon_conf_says(self):
        found = sources.parse_upsmon(['# comment', 'MONITOR ups@localhost 1 me "a # secret" primary', 'MONITOR "two@10.0.0.2:3500" 2 me s slave',
                                      'MONITOR looked-at@localhost 0 me s secondary', 'MINSUPPLIES 2', 'HOSTSYNC 300', 'FINALDELAY 0',
                                      'SHUTDOWNEXIT no', 'SHUTDOWNCMD "/sbin/shutdown -h +0"', 'MONITOR broken', 'NOTIFYMSG "never closed'],
                                     'upsmon.conf')
        self.assertEqual([('ups', 'localhost', 1, 'primary', ('me', 'a # secret')), ('two', '10.0.0.2', 2, 'secondary', ('me', 's'))],
                         [(ups.name, ups.host, ups.value, ups.role, ups.login) for ups in found.upses])
        self.assertEqual((2, 300.0, 0.0, 'no'), found[1:5])
        self.assertEqual([11], [problem.line for problem in found.problems])


if __name__ == '__main__':
    unittest.main()
