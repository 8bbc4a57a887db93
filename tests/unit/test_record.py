"""Record and disk writer: written as it happens, read after a reboot, and never in the way."""
from __future__ import absolute_import, division, print_function

import os
import shutil
import signal
import tempfile
import unittest

from kvm_graceful import diskwriter, record, soundness
from kvm_graceful.clock import Clock
from kvm_graceful.errors import NoRecord
from kvm_graceful.model import Event, GuestResult, Problem
from tests.unit.support import guest

RESULT = GuestResult(guest('a'), None, 0, None, None, None, None)
HEAD = record.header('stop', '2026-11-23T15:00:00Z', 300.0, 'why', [Problem('error', 'f', 3, 'text')], [RESULT], {'sim#a': ['b']})
ASKED = record.event_line(Event(0.5, 'asked', 'sim#a', 'asked to shut down'))
OFF = record.event_line(Event(3.5, 'off', 'sim#a', 'off by itself'))
END = record.end_line(3.6, 0, [RESULT._replace(asked=0.5, presses=1, off=3.5, outcome='off', why='off by itself')])


class Folder(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp()
        self.folder = os.path.join(self.top, 'state')

    def tearDown(self):
        shutil.rmtree(self.top)

    def write(self, *lines):
        writer = diskwriter.DiskWriter(self.folder)
        for line in lines:
            writer.append(line)
        return writer.close(10, Clock())


class Written(Folder):
    def test_a_whole_run_is_read_as_it_was_written(self):
        self.assertEqual((1, []), self.write(HEAD, ASKED, OFF, END))
        run = record.load(self.folder)
        self.assertEqual((1, 'stop', 3.6, 0, ['f:3: text']), (run['run'], run['verb'], run['finished'], run['exit'], run['warnings']))
        self.assertEqual(('a', 0.5, 3.5, 'off', ['b']), tuple(run['guests'][0][key] for key in ('name', 'asked', 'off', 'outcome', 'needs')))

    def test_each_run_has_a_number_of_its_own_and_the_last_is_the_default(self):
        for number in (1, 2, 3):
            self.assertEqual((number, []), self.write(dict(HEAD, verb='v%d' % number)))
        self.assertEqual(('v3', 'v2'), (record.load(self.folder)['verb'], record.load(self.folder, 2)['verb']))
        self.assertRaises(NoRecord, record.load, self.folder, 7)

    def test_the_directory_is_for_root_alone(self):
        self.write(HEAD)
        self.assertEqual([0o700, 0o600], [os.stat(path).st_mode & 0o777 for path in (self.folder, self.folder + '/run-1.jsonl')])

    def test_what_was_appended_is_on_disk_before_the_run_ends(self):
        writer = diskwriter.DiskWriter(self.folder)
        writer.append(HEAD)
        clock, path = Clock(), self.folder + '/run-1.jsonl'
        until = clock.now() + 10
        while clock.now() < until and not (os.path.exists(path) and os.path.getsize(path)):
            clock.sleep(0.01)
        os.kill(writer._pid, signal.SIGKILL)  # as sudden as a power cut
        run = record.load(self.folder)
        self.assertEqual((None, None, 'unknown'), (run['finished'], run['exit'], run['guests'][0]['outcome']))
        writer.close(10, clock)

    def test_a_file_is_replaced_whole(self):
        writer = diskwriter.DiskWriter(self.folder)
        writer.append(HEAD)
        writer.replace('history.json', 'one')
        writer.replace('history.json', 'two')
        self.assertEqual((1, []), writer.close(10, Clock()))
        with open(self.folder + '/history.json') as stream:
            self.assertEqual('two', stream.read())
        self.assertEqual(['history.json', 'run-1.jsonl'], sorted(os.listdir(self.folder)))

    def test_nothing_written_leaves_nothing(self):
        self.assertEqual((None, []), self.write())
        self.assertFalse(os.path.exists(self.folder))

    def test_only_the_last_hundred_runs_are_kept(self):
        os.mkdir(self.folder)
        for number in range(1, 151):
            open(self.folder + '/run-%d.jsonl' % number, 'w').close()
        self.assertEqual((151, []), self.write(HEAD))
        self.assertEqual(list(range(52, 152)), diskwriter.run_numbers(self.folder))

    def test_a_state_directory_that_cannot_be_had_is_told_once(self):
        open(self.folder, 'w').close()
        number, problems = self.write(HEAD, ASKED, END)
        self.assertEqual((None, 1), (number, len(problems)))
        self.assertTrue('cannot be written' in problems[0], problems)


class Read(Folder):
    def test_a_run_that_was_cut_off_is_told_from_its_events(self):
        run = record.data_of(1, [], '', [HEAD, ASKED])
        self.assertEqual((None, 0.5, 'unknown'), (run['finished'], run['guests'][0]['asked'], run['guests'][0]['outcome']))
        run = record.data_of(1, [], '', [HEAD, ASKED, OFF])
        self.assertEqual((None, 3.5, 'off'), (run['finished'], run['guests'][0]['off'], run['guests'][0]['outcome']))

    def test_a_torn_last_line_is_passed_over(self):
        self.write(HEAD, ASKED)
        with open(self.folder + '/run-1.jsonl', 'ab') as stream:
            stream.write(b'{"what": "off", "at": 3.')
        self.assertEqual('unknown', record.load(self.folder)['guests'][0]['outcome'])

    def test_what_is_no_record_is_refused(self):
        os.mkdir(self.folder)
        for data in (b'', b'\n\n', b'x', b'[]\n', b'{"what": "run", "schema": 99}\n', b'\xff\xfe\n'):
            with open(self.folder + '/run-1.jsonl', 'wb') as stream:
                stream.write(data)
            self.assertRaises(NoRecord, record.load, self.folder)

    def test_no_run_yet(self):
        self.assertRaises(NoRecord, record.load, self.folder)
        os.mkdir(self.folder)
        self.assertRaises(NoRecord, record.load, self.folder)


class Sound(unittest.TestCase):
    def test_an_event_that_names_no_guest_is_not_ours(self):
        line = {'what': 'off', 'at': 1.0, 'text': 't', 'guest': 'q#1'}
        self.assertTrue(soundness.is_sound(line, False) and soundness.is_sound(dict(line, guest=None), False))
        del line['guest']
        self.assertFalse(soundness.is_sound(line, False))


if __name__ == '__main__':
    unittest.main()
