"""What a shutdown writes down for the start after it, and that each list is used once, whatever happens in between."""
from __future__ import absolute_import, division, print_function

import json
import os
import shutil
import tempfile
import unittest

from kvm_graceful import diskwriter, listkeeper, startfiles, startlist
from kvm_graceful.clock import Clock
from kvm_graceful.errors import BadList
from kvm_graceful.model import GuestResult
from tests.unit.support import NEVER, Simulation, guest, policy


def ended(one, outcome, asked=1.0, off=2.0):
    return GuestResult(one, asked, 1, None, off, outcome, '')


class Entries(unittest.TestCase):
    def entries(self, *results):
        return startlist.entries_of(list(results), dict((result.guest.key, []) for result in results))

    def test_what_a_real_run_leaves(self):
        run = Simulation({'web': policy(needs='db'), 'db': policy(), 'router': policy(on_shutdown='ignore'), 'deaf': policy()},
                         {'deaf': NEVER}, deadline_s=60.0)
        needs = {'sim#web': ['db'], 'sim#db': [], 'sim#deaf': []}
        found = dict((entry.name, entry) for entry in startlist.entries_of(run.engine.results(), needs))
        # who is never touched is not started either
        self.assertEqual(['db', 'deaf', 'web'], sorted(found))
        self.assertEqual((('db',), 'off', 'destroyed'), (found['web'].needs, found['web'].outcome, found['deaf'].outcome))

    def test_only_who_was_paused_by_somebody_comes_back_paused(self):
        paused = [guest('a', state='paused', reason=reason) for reason in ('user', 'I/O error', 'watchdog', 'snapshot', 'unknown')]
        self.assertEqual([True, False, False, False, True],
                         [entry.paused for entry in self.entries(*[ended(one, 'off') for one in paused])])

    def test_guests_that_are_not_ours_to_start(self):
        for one in (guest('a', state='crashed'), guest('a', state='going off')):
            self.assertEqual([], self.entries(ended(one, 'crashed', asked=None)))
        incoming = guest('a', state='paused', reason='migration')
        self.assertEqual([], self.entries(ended(incoming, 'left', asked=None, off=None)))
        self.assertEqual(1, len(self.entries(ended(incoming, 'off'))))  # it arrived, and was asked
        moved, stayed = ended(guest('a'), 'left', off=3.0), ended(guest('b'), 'left', off=None)
        self.assertEqual(['b'], [entry.name for entry in self.entries(moved, stayed)])

    def test_saved_after_it_was_asked_is_marked(self):
        found = self.entries(ended(guest('a'), 'saved'), ended(guest('b'), 'saved', asked=None), ended(guest('c'), 'off'))
        self.assertEqual([True, False, False], [entry.finish for entry in found])

    def test_the_file_is_read_as_it_was_written(self):
        entries = self.entries(ended(guest('a'), 'saved'), ended(guest('b', state='paused', reason='user'), None))
        text = startlist.text_of(entries, 'm')
        self.assertEqual(entries, startlist.parse(text)[0])
        self.assertEqual('m', startlist.parse(text)[1]['mark'])

    def test_anything_else_is_refused(self):
        good = json.loads(startlist.text_of(self.entries(ended(guest('a'), 'off')), ''))
        for field, value in (('uuid', 7), ('name', ''), ('uri', None), ('needs', 'db'), ('needs', [1]), ('outcome', 3)):
            bad = dict(good, guests=[dict(good['guests'][0], **{field: value})])
            self.assertRaises(ValueError, startlist.parse, json.dumps(bad))
        for text in ('', '[]', '{}', '{"schema": 2, "guests": []}', '{"schema": 1, "guests": {}}', '{"schema": 1, "guests": [1]}'):
            self.assertRaises(ValueError, startlist.parse, text)


class Files(unittest.TestCase):
    """Whole lives of a list, in a state directory and under a root of their own."""

    def setUp(self):
        self.root = tempfile.mkdtemp()
        self.state = os.path.join(self.root, 'state')
        os.mkdir(self.state)
        self.boot('one')

    def tearDown(self):
        shutil.rmtree(self.root)

    def boot(self, name):
        path = os.path.join(self.root, 'proc/sys/kernel/random')
        if not os.path.isdir(path):
            os.makedirs(path)
        with open(os.path.join(path, 'boot_id'), 'w') as stream:
            stream.write(name + '\n')

    def enable(self):
        os.makedirs(os.path.join(self.root, 'etc/rc2.d'))
        with open(os.path.join(self.root, 'etc/rc2.d/S01kvm-graceful-shutdown'), 'w'):
            pass

    def host_stop(self, *names):
        """A shutdown that finds these guests on."""
        if not names:
            return listkeeper.without_guests(self.state, {}, self.root, Clock())
        writer = diskwriter.DiskWriter(self.state)
        results = [ended(guest(name), None, None, None) for name in names]
        keeper = listkeeper.Keeper(writer, 'host-stop', self.state, {}, Clock(), self.root)
        keeper.write(results, dict((result.guest.key, []) for result in results))
        self.assertEqual([], writer.close(5.0, Clock())[1])
        return keeper

    def host_start(self, **more):
        """A start that takes the list and comes as far as `more` says."""
        entries = startfiles.load(self.state, startfiles.RESTORE, Clock())[0]
        startfiles.take(self.state, startfiles.RESTORE)
        guests = [dict(entry._asdict(), started_as=more.get('reached', {}).get(entry.name)) for entry in entries]
        diskwriter.replace(self.state, startfiles.STARTED, startlist.text_of(
            (), guests=guests, boot=startfiles.boot_id(self.root), finished=more.get('finished'), cut_off=more.get('cut_off', '')))

    def waiting(self, name=startfiles.RESTORE):
        return [entry.name for entry in startfiles.load(self.state, name, Clock())[0]]

    def test_a_list_is_used_once(self):
        self.host_stop('a', 'b')
        self.assertEqual(['a', 'b'], self.waiting())
        self.host_start(reached={'a': 'started', 'b': 'started'}, finished=3.0)
        self.assertEqual([], self.waiting())
        self.assertRaises(BadList, startfiles.take, self.state, startfiles.RESTORE)
        self.assertEqual([], startfiles.pending(self.state, Clock()))

    def test_a_second_stop_command_of_the_same_shutdown_keeps_it(self):
        self.host_stop('a')
        self.host_stop()
        self.assertEqual(['a'], self.waiting())

    def test_a_shutdown_without_guests_retires_it(self):
        self.host_stop('a')
        self.boot('two')
        self.host_stop()
        self.assertEqual([], self.waiting())

    def test_but_not_if_the_power_fails_again_before_host_start_could_use_it(self):
        self.enable()
        self.host_stop('a')
        self.boot('two')
        self.host_stop()
        self.assertEqual(['a'], self.waiting())

    def test_guests_that_a_start_had_not_come_to_are_on_the_next_list(self):
        self.host_stop('a', 'b', 'c')
        self.boot('two')
        self.host_start(reached={'a': 'started'}, finished=3.0, cut_off='the host is going down')
        self.host_stop('a')
        self.assertEqual(['a', 'b', 'c'], self.waiting())
        # and also where none of them is on yet
        self.host_start(finished=1.0, cut_off='the host is going down')
        self.host_stop()
        self.assertEqual(['a', 'b', 'c'], self.waiting())

    def test_but_not_after_a_start_that_came_to_its_end_or_in_another_boot(self):
        self.host_stop('a', 'b')
        self.host_start(reached={'a': 'started', 'b': startlist.NOT_STARTED}, finished=3.0)
        self.host_stop('a')
        self.assertEqual(['a'], self.waiting())
        self.assertEqual(['b'], [entry.name for entry in startfiles.pending(self.state, Clock())])  # by hand it can be started
        self.host_start(reached={})
        self.boot('three')
        self.host_stop('z')
        self.assertEqual(['z'], self.waiting())

    def test_a_stop_by_hand_keeps_a_list_of_its_own_that_grows(self):
        for name in ('a', 'b'):
            writer = diskwriter.DiskWriter(self.state)
            keeper = listkeeper.Keeper(writer, 'stop', self.state, {}, Clock(), self.root)
            keeper.write([ended(guest(name), 'off')], {'sim#' + name: []})
            writer.close(5.0, Clock())
        self.assertEqual((['b', 'a'], []), (self.waiting(startfiles.STOPPED), self.waiting()))

    def shed(self, *names):
        """The watcher shuts these guests down, to stretch the battery."""
        writer = diskwriter.DiskWriter(self.state)
        keeper = listkeeper.Keeper(writer, 'shed', self.state, {}, Clock(), self.root)
        keeper.write([ended(guest(name), None, None, None) for name in names], dict(('sim#' + name, []) for name in names))
        self.assertEqual([], writer.close(5.0, Clock())[1])

    def of_shed(self):
        return [entry.name for entry in startfiles.shed(self.state, Clock())]

    def test_shed_guests_have_a_list_of_their_own_that_grows(self):
        self.shed('a')
        self.shed('b')
        self.assertEqual((['b', 'a'], ['b', 'a'], [], []), (self.of_shed(), self.waiting(startfiles.SHED), self.waiting(), self.waiting(startfiles.STOPPED)))

    def test_a_host_that_goes_down_before_the_power_is_back_brings_them_with_the_others(self):
        self.shed('a')
        self.host_stop('b')
        self.assertEqual((['b', 'a'], []), (self.waiting(), self.of_shed()))
        # And where all had been shed.
        self.boot('two')
        self.shed('c', 'd')
        self.host_stop()
        self.assertEqual((['c', 'd'], []), (self.waiting(), self.of_shed()))

    def test_a_shedding_that_ends_after_the_shutdown_has_read_its_list_loses_nobody(self):
        self.host_stop('b')
        self.shed('a')
        self.host_stop()  # the second stop command of the same shutdown
        self.assertEqual((['b', 'a'], []), (self.waiting(), self.of_shed()))

    def test_the_list_stays_where_that_of_the_host_cannot_be_written(self):
        self.shed('a')
        os.mkdir(os.path.join(self.state, startfiles.RESTORE))
        os.makedirs(os.path.join(self.state, startfiles.RESTORE + '.damaged', 'x'))  # so that it cannot be set aside either
        writer = diskwriter.DiskWriter(self.state)
        keeper = listkeeper.Keeper(writer, 'host-stop', self.state, {}, Clock(), self.root)
        keeper.write([ended(guest('b'), None, None, None)], {'sim#b': []})
        self.assertTrue('restore.json cannot be written' in ' '.join(writer.close(5.0, Clock())[1]))
        self.assertEqual(['a'], self.of_shed())

    def test_a_start_of_shed_guests_that_was_cut_off_is_gone_on_with(self):
        self.shed('a', 'b', 'c')
        entries = startfiles.load(self.state, startfiles.SHED, Clock())[0]
        startfiles.take(self.state, startfiles.SHED)
        guests = [dict(entry._asdict(), started_as=how) for entry, how in zip(entries, ('started', None, None))]
        for is_shed, left in ((True, ['b', 'c']), (False, [])):
            diskwriter.replace(self.state, startfiles.STARTED, startlist.text_of((), guests=guests, boot='one', shed=is_shed))
            self.assertEqual(left, self.of_shed())

    def test_a_list_that_is_none_is_said_and_changes_no_shutdown(self):
        self.shed('b')
        for name in (startfiles.RESTORE, startfiles.STARTED):
            with open(os.path.join(self.state, name), 'w') as stream:
                stream.write('garbage')
        self.assertRaises(BadList, startfiles.load, self.state, startfiles.RESTORE, Clock())
        keeper = self.host_stop('a')
        self.assertEqual(['a', 'b'], self.waiting())
        for name, problem in zip((startfiles.STARTED, startfiles.RESTORE), keeper.problems):
            self.assertTrue('%s is not a list' % name in problem.text, keeper.problems)
            self.assertTrue(os.path.exists(os.path.join(self.state, name + '.damaged')), name)
        with open(os.path.join(self.state, startfiles.SHED), 'w') as stream:
            stream.write('garbage')
        keeper = self.host_stop('c')
        self.assertEqual((['c', 'a', 'b'], 1), (self.waiting(), len(keeper.problems)))
        self.assertTrue(os.path.exists(os.path.join(self.state, startfiles.SHED + '.damaged')), keeper.problems)

    def test_a_disk_that_cannot_mark_the_list_as_used_lets_nobody_start(self):
        self.host_stop('a')
        os.mkdir(os.path.join(self.state, startfiles.STARTED))
        self.assertRaises(BadList, startfiles.take, self.state, startfiles.RESTORE)
        self.assertEqual(['a'], self.waiting())


if __name__ == '__main__':
    unittest.main()
