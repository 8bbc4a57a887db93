"""Settings from both files: values, precedence, and every mistake with file, line, what and what to do."""
from __future__ import absolute_import, division, print_function

import os
import shutil
import tempfile
import unittest

from kvm_graceful import settings
from kvm_graceful.model import DEFAULT_POLICY


class Files(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()

    def tearDown(self):
        shutil.rmtree(self.folder)

    def load(self, config=None, guests=None, libvirt_guests=None):
        for name, data in (('config', config), ('guests.conf', guests), ('libvirt-guests', libvirt_guests)):
            if data is not None:
                with open(os.path.join(self.folder, name), 'wb') as stream:
                    stream.write(data)
        return settings.load(os.path.join(self.folder, 'config'), os.path.join(self.folder, 'guests.conf'))

    def complaint(self, level='error', **files):
        """The only problem, without the folder."""
        found = self.load(**files).problems
        assert [problem.level for problem in found] == [level], found
        return str(found[0]).replace(self.folder + '/', '')


class Variables(Files):
    def test_no_file_at_all_is_the_defaults(self):
        found = self.load()
        self.assertEqual((300, None, ['qemu:///system'], False, DEFAULT_POLICY, []),
                         (found.deadline_s, found.parallel, found.uris, found.persistent_only, found.policy, found.problems))

    def test_each_variable(self):
        found = self.load(b'DEADLINE=600\nPARALLEL=4\nGRACE=90\nON_TIMEOUT=leave\nPRESS_AGAIN=15\nMETHOD=acpi\n'
                          b'URIS="qemu:///system test:///default"\n')
        self.assertEqual([], found.problems)
        self.assertEqual((600, 4, ['qemu:///system', 'test:///default']), (found.deadline_s, found.parallel, found.uris))
        self.assertEqual((90, 'leave', 15, (('acpi', None),)), (found.policy.grace_s, found.policy.on_timeout,
                                                        found.policy.press_again_s, found.policy.method))
        self.assertEqual(7, len(found.readings))

    def test_who_is_shed_or_drilled_is_forced_by_nobody_whatever_is_configured(self):
        found = self.load(b'ON_TIMEOUT=save\nGRACE=5\n', b'[web*]\non-timeout = destroy\n[web1]\ngrace = 7\n')
        found.force_nobody(['web1'])
        self.assertEqual([('leave', None), ('destroy', 5), ('save', 5)],
                         [(found.policy_for(name).on_timeout, found.policy_for(name).grace_s) for name in ('web1', 'web2', 'db')])

    def test_deadline_0_is_the_limit_of_the_init_system(self):
        self.assertEqual(None, self.load(b'DEADLINE=0').deadline_s)
        self.assertEqual(None, self.load(b'SHUTDOWN_TIMEOUT=0').deadline_s)

    def test_parallel_words(self):
        self.assertEqual([None, None, 1, 1, 5],
                         [self.load(line).parallel for line in (b'PARALLEL=unlimited', b'PARALLEL=0', b'PARALLEL_SHUTDOWN=0',
                                                                b'PARALLEL_SHUTDOWN=1', b'PARALLEL_SHUTDOWN=5')])

    def test_ours_wins_over_libvirt_guests_word_for_the_same_thing(self):
        for data in (b'DEADLINE=100\nSHUTDOWN_TIMEOUT=200\n', b'SHUTDOWN_TIMEOUT=200\nDEADLINE=100\n'):
            self.assertEqual(100, self.load(data).deadline_s)

    def test_every_variable_of_libvirt_guests_is_accepted(self):
        found = self.load(b'URIS=default\nON_BOOT=start\nSTART_DELAY=5\nON_SHUTDOWN=suspend\nPARALLEL_SHUTDOWN=2\nSHUTDOWN_TIMEOUT=99\n'
                          b'BYPASS_CACHE=1\nSYNC_TIME=1\nPERSISTENT_ONLY=true\n')
        self.assertEqual([], found.problems)
        self.assertEqual((99, 2, 'save', True, True), (found.deadline_s, found.parallel, found.policy.on_shutdown, found.persistent_only, found.bypass_cache))

    def test_libvirt_guests_own_file_fills_in_but_for_timeout_and_parallelism(self):
        found = self.load(b'URIS=test:///default\n', libvirt_guests=b'URIS=xen:///\nON_SHUTDOWN=suspend\nSHUTDOWN_TIMEOUT=7\nPARALLEL_SHUTDOWN=7\n')
        self.assertEqual((['test:///default'], 'save', 300, None),
                         (found.uris, found.policy.on_shutdown, found.deadline_s, found.parallel))
        self.assertEqual(2, len([reading for reading in found.readings if reading.meaning.startswith('not taken')]))

    def test_libvirt_guests_own_file_may_do_what_sh_can(self):
        found = self.load(libvirt_guests=b'if true; then URIS=$(echo x); fi\nON_SHUTDOWN=sleep\n')
        self.assertEqual([], found.errors())
        self.assertEqual(2, len(found.problems))

    def test_an_empty_value_is_as_if_unset(self):
        self.assertEqual((300, []), (self.load(b'DEADLINE=\n').deadline_s, self.load(b'DEADLINE=\n').problems))

    def test_mistakes(self):
        self.assertEqual('config:1: DEADLINE: "5m" is not a whole number; write seconds as digits only, without a unit',
                         self.complaint(config=b'DEADLINE=5m'))
        self.assertEqual('config:1: DEADLINE: 90000 is out of range; 0 to 86400 seconds are allowed',
                         self.complaint(config=b'DEADLINE=90000'))
        self.assertTrue('out of range' in self.complaint(config=b'DEADLINE=' + b'9' * 400))
        self.assertTrue('whole number' in self.complaint(config=b'GRACE=-1'))
        self.assertTrue('whole number' in self.complaint(config=b'GRACE=\xd9\xa3'))  # an Arabic digit
        self.assertTrue('save or destroy or leave' in self.complaint(config=b'ON_TIMEOUT=kill'))
        self.assertEqual('config:2: unknown variable DEADLNE (did you mean DEADLINE?); it is ignored',
                         self.complaint('warning', config=b'\nDEADLNE=5'))
        self.assertTrue('the later one holds' in self.complaint('warning', config=b'GRACE=5\nGRACE=6'))

    def test_a_bad_line_falls_back_to_its_default_and_the_rest_holds(self):
        found = self.load(b'DEADLINE=x\nPARALLEL=3\nGRACE="5\n')
        self.assertEqual((300, 3, None), (found.deadline_s, found.parallel, found.policy.grace_s))
        self.assertEqual(2, len(found.errors()))

    def test_a_file_that_cannot_be_read_is_an_error(self):
        os.mkdir(os.path.join(self.folder, 'config'))
        self.assertTrue('cannot be read' in self.complaint())


class Guests(Files):
    def test_patterns_then_the_very_name_key_by_key(self):
        found = self.load(guests=b'[web1]\ngrace = 5\n[web*]\ngrace = 60\nneeds = db1, nfs*\n[*]\npress-again = 9\n')
        self.assertEqual((5, ('db1', 'nfs*'), 9), (found.policy_for('web1').grace_s, found.policy_for('web1').needs,
                                                   found.policy_for('web1').press_again_s))
        self.assertEqual(60, found.policy_for('web2').grace_s)
        self.assertEqual((None, (), 9), (found.policy_for('db1').grace_s, found.policy_for('db1').needs,
                                         found.policy_for('db1').press_again_s))

    def test_strange_names(self):
        found = self.load(guests=b'[-my "guest" a]\ngrace=5\n[a[[]1]]\ngrace=6\n[\xc3\xbcber]\ngrace=7\n')
        self.assertEqual([], found.problems)
        self.assertEqual([5, 6], [found.policy_for(name).grace_s for name in ('-my "guest" a', 'a[1]')])

    def test_mistakes(self):
        for data, line, text in (
                (b'[a]\ngrase = 5', 2, 'unknown key "grase" (did you mean grace?); keys are grace, '),
                (b'[a]\ngrace = 5s', 2, 'grace: "5s" is not a whole number'),
                (b'[a]\ngrace = 0', 2, 'grace: 0 is out of range'),
                (b'[a]\ngrace', 2, 'not "key = value"'),
                (b'[a[]\ngrace = 5', 1, 'bad pattern "a[": "[" is never closed'),
                (b'[a[z-a]*]\ngrace = 5', 1, 'the range z-a runs backwards'),
                (b'[a]\n[b]\n[a]\ngrace=1', 3, 'section [a] is there already, at line 1'),
                (b'[a]\ngrace=1\ngrace=2', 3, 'grace is given twice in [a], first at line 2'),
                (b'[a\ngrace=1', 1, 'no "]"'),
                (b'[]', 1, 'empty pattern'),
                (b'grace=1', 1, 'before the first section'),
                (b'[a]\nneeds = [', 2, 'needs: bad pattern'),
                (b'[a]\nmethod = phone', 2, 'method: "phone" is not known; write agent or acpi'),
                (b'[a]\r\n', 1, 'carriage return'),
                (b'[a]\nneeds = a\xff', 2, 'UTF-8'),
                (b'[a]\nneeds = b\n[b]\nneeds = c*\n[c1]\nneeds = a', 2, 'needs form a circle: a -> b -> c1 -> a'),
                (b'[a]\nneeds = a', 2, 'needs form a circle: a -> a')):
            said = self.complaint(guests=data)
            self.assertTrue(said.startswith('guests.conf:%d: ' % line) and text in said, said)

    def test_keys_under_a_bad_header_go_to_no_other_section(self):
        self.assertEqual(None, self.load(guests=b'[a]\n[b\ngrace=5\n').policy_for('a').grace_s)

    def test_a_pattern_never_matches_its_own_guest(self):
        self.assertEqual([], self.load(guests=b'[nfs1]\nneeds = nfs*\n').problems)

    def test_names_that_no_guest_has_are_warnings(self):
        found = self.load(guests=b'[web]\nneeds = db1, x*\n[gone]\n').unknown_names(['web', 'db01'])
        self.assertEqual(['guests.conf:2: needs "db1": no such guest (did you mean db01?)', 'guests.conf:3: section [gone]: no such guest'],
                         [str(problem).replace(self.folder + '/', '') for problem in found])
        self.assertEqual(['warning'] * 2, [problem.level for problem in found])


if __name__ == '__main__':
    unittest.main()
