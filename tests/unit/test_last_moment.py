"""When a shutdown has to begin, how it is begun, and which guests are shed before. Real commands: see tests/power."""
from __future__ import absolute_import, division, print_function

import os
import shutil
import tempfile
import unittest

from kvm_graceful import upsname, watchstate
from kvm_graceful.power import BATTERY, MAINS, Reading, advice, hostdown, shedding, sources, unknown
from kvm_graceful.power.deadline import Trust
from kvm_graceful.power.lastmoment import LastMoment, margin_s

TRUST = Trust(0.8, 30.0)


def reading(runtime_s, supply=BATTERY, low=False, forced=False, logins=None):
    return Reading(supply, runtime_s, None, low, forced, logins, supply, True)


class TheMargin(unittest.TestCase):
    def test_what_is_left_less_what_everybody_needs(self):
        # 600 x 0.8 - 30 - 100 - 7 = 343 trusted seconds, of which 0.8 pass in a second
        self.assertEqual(343 / 0.8, margin_s(reading(600.0), 100.0, 7.0, TRUST))
        self.assertEqual(None, margin_s(reading(None), 100.0, 7.0, TRUST))
        self.assertEqual(None, margin_s(reading(600.0, MAINS), 100.0, 7.0, TRUST))

    def test_a_battery_that_falls_begins_it_within_one_interval_before_the_last_moment_and_never_after_it(self):
        for late in range(0, 20):
            last, poll_s, begun = LastMoment(), 2.0, None
            for look in range(400):
                now = late / 10 + look * poll_s
                one = reading(600.0 - now)
                if last.come(one, margin_s(one, 100.0, 7.0, TRUST), poll_s):
                    begun = now
                    break
            self.assertTrue(343 / 0.8 - poll_s <= begun <= 343 / 0.8, begun)

    def test_one_look_alone_begins_nothing(self):
        last = LastMoment()
        for runtime_s in (0.0, 600.0, 0.0, 600.0):
            one = reading(runtime_s)
            self.assertEqual('', last.come(one, margin_s(one, 100.0, 7.0, TRUST), 2.0))
        self.assertEqual('', last.come(reading(0.0), -50.0, 2.0))
        self.assertNotEqual('', last.come(reading(0.0), -50.0, 2.0))

    def test_a_low_battery_is_believed_at_once_and_mains_unknown_or_a_cut_that_is_under_way_begin_nothing(self):
        self.assertEqual('the battery is low', LastMoment().come(reading(None, low=True), None, 2.0))
        for one in (reading(5.0, MAINS), unknown('gone'), reading(5.0, low=True, forced=True), reading(None)):
            last = LastMoment()
            for _ in range(3):
                self.assertEqual('', last.come(one, None if one.supply != BATTERY else -50.0 if one.runtime_s else None, 2.0))


class HowItIsBegun(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp()
        self.called = []

    def tearDown(self):
        shutil.rmtree(self.root)

    def run_it(self, status):
        def run(words, _limit_s):
            self.called.append(words)
            return status
        return run

    def found(self, word, role=''):
        return sources.NONE._replace(upses=(upsname.parse(word)._replace(role=role),), hostsync_s=300.0, finaldelay_s=5.0)

    def ways(self, found, status=0):
        return hostdown.ways(found, self.root, self.run_it(status))

    def test_upsmon_for_whoever_is_registered_and_else_the_init_system(self):
        for role, names in (('primary', ['upsmon -c fsd', 'shutdown -h -P now']), ('secondary', ['upsmon -c fsd', 'shutdown -h -P now']),
                            ('', ['shutdown -h -P now'])):
            self.assertEqual(names, [name for name, _ in self.ways(self.found('ups', role))])

    def test_apcupsd_gets_its_flag_and_loses_it_where_its_script_fails(self):
        os.makedirs(os.path.join(self.root, 'etc/apcupsd'))
        with open(os.path.join(self.root, sources.APCUPSD_FILE), 'w') as stream:
            stream.write('# comment\nNETSERVER on\nNISIP 0.0.0.0\nNISPORT 3552\nPWRFAILDIR /etc/apcupsd\n')
        found = sources.NONE._replace(upses=sources.of_apcupsd(self.root))
        self.assertEqual([('apcupsd', '127.0.0.1', 3552)], [(ups.kind, ups.host, ups.port) for ups in found.upses])
        flag = os.path.join(self.root, 'etc/apcupsd/powerfail')
        for status, there in ((0, True), (1, False), (None, False)):
            begin = self.ways(found, status)[0][1]
            self.assertEqual(there, begin())
            self.assertEqual(there, os.path.exists(flag))
        self.assertEqual(os.path.join(self.root, 'etc/apcupsd/apccontrol'), self.called[0][0])

    def test_the_notice_has_what_upsmon_waits(self):
        for role, logins, notice_s in (('primary', 3, 307.0), ('primary', 1, 7.0), ('primary', None, 307.0), ('secondary', None, 7.0), ('', None, 2.0)):
            self.assertEqual(notice_s, hostdown.notice_s(self.found('ups', role), reading(600.0, logins=logins)))


class Advice(unittest.TestCase):
    def test_what_upsmon_conf_should_say(self):
        for role, hostsync_s, shutdownexit, watches, said in (
                ('primary', 15.0, 'yes', True, ['HOSTSYNC 330']), ('primary', 330.0, 'yes', True, []), ('secondary', 15.0, 'yes', True, []),
                ('secondary', 15.0, 'yes', False, ['SHUTDOWNEXIT no']), ('secondary', 15.0, 'no', False, []), ('', 15.0, 'yes', False, [])):
            found = sources.NONE._replace(upses=(upsname.parse('ups')._replace(role=role),), hostsync_s=hostsync_s, shutdownexit=shutdownexit)
            got = advice.of(found, 300.0, watches)
            self.assertEqual(len(said), len(got))
            for text, one in zip(said, got):
                self.assertTrue(text in one.todo, one)
            # Where it is known that no other host hangs on it, nothing has to wait for any.
            self.assertEqual([], [one.id for one in advice.of(found, 300.0, watches, 1) if one.id == 'ups-hostsync'])
        self.assertEqual(1, len(advice.of(sources.NONE._replace(finaldelay_s=120.0), 300.0, True)))


class WhoIsShed(unittest.TestCase):
    def test_a_guest_and_all_that_need_it(self):
        guests = [dict(name=name, needs=needs, shed=shed) for name, needs, shed in (
            ('web', ['app'], None), ('app', ['db'], None), ('db', [], 120), ('batch', [], 60), ('other', ['nfs'], None), ('nfs', [], None))]
        self.assertEqual([], shedding.due(guests, 59.0))
        self.assertEqual(['batch'], shedding.due(guests, 60.0))
        self.assertEqual(['app', 'batch', 'db', 'web'], shedding.due(guests, 120.0))
        # web could not be started again, so that nothing goes that it needs.
        guests[0]['persistent'] = False
        self.assertEqual(['batch'], shedding.due(guests, 120.0))

    def test_what_the_watcher_did_is_known_again_after_a_restart(self):
        root = tempfile.mkdtemp()
        try:
            state = watchstate.State(root, 10.0)
            self.assertEqual((None, []), (state.since, state.shed))
            state.shed = ['batch']
            state.went_on_battery(12.5)
            again = watchstate.State(root, 15.0)
            self.assertEqual((12.5, ['batch']), (again.since, again.shed))
            # A watcher that comes much later knows nothing of the time between.
            self.assertEqual((None, ['batch']), (watchstate.State(root, 2000.0).since, watchstate.State(root, 2000.0).shed))
            again.went_off_battery(20.0)
            self.assertEqual((None, 20.0), (watchstate.State(root, 21.0).since, watchstate.State(root, 21.0).mains_since))
            path = os.path.join(root, 'run/kvm-graceful-shutdown', watchstate.NAME)
            for text in ('', '{', '[]', '{"since": "x", "mains_since": null, "shed": []}', '{"since": 1, "mains_since": null, "shed": 5}'):
                with open(path, 'w') as stream:
                    stream.write(text)
                self.assertEqual([], watchstate.State(root, 21.0).shed)
        finally:
            shutil.rmtree(root)

    def test_it_makes_no_run_on_the_disk_of_a_host_that_has_none(self):
        """Ubuntu 10.04: the next lock of a run would be put there."""
        root = tempfile.mkdtemp()
        try:
            os.makedirs(os.path.join(root, 'var/run'))
            watchstate.State(root, 10.0).went_on_battery(12.5)
            self.assertEqual(12.5, watchstate.State(root, 15.0).since)
            self.assertEqual(['var'], os.listdir(root))
        finally:
            shutil.rmtree(root)


if __name__ == '__main__':
    unittest.main()
