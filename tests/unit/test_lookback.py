"""report over a run and the start that followed it: text, JSON, page; and what is no record of a start."""
from __future__ import absolute_import, division, print_function

import json
import os
import time
import unittest

from tests.unit.test_cli import Command

WIDE = b'\xe5\xae\xbf\xe4\xb8\xbb'.decode('utf-8')


class Starts(Command):
    def start(self, stamp, **more):
        """The record of a start, as it is on disk."""
        guests = [dict(uuid=name, name=name, uri='qemu:///system', needs=needs, paused=False, persistent=True, finish=False, outcome='off',
                       started_as=how, at=at, ready=at, tries=1, why=why) for name, needs, how, at, why in (
                           ('db', [], 'started', 0.5, 'started'), ('web', ['db'], 'failed', None, 'could not be started, tried 4 times: no disk ' + WIDE),
                           ('app', [WIDE], None, None, ''))]
        data = dict(dict(schema=1, mark='', verb='host-start', boot='', started=stamp, finished=36.0, exit=3, cut_off='', guests=guests), **more)
        with open(os.path.join(self.state, 'started.json'), 'w') as stream:
            stream.write(json.dumps(data))

    def test_the_start_after_a_run_is_told_with_it(self):
        self.run_it('stop')
        self.domains('web', 'db')
        self.start('2199-01-01T00:00:00Z')
        self.assertEqual('failed', json.loads(self.run_it('report', '--json')[1])['start']['guests'][1]['started_as'])
        text = self.run_it('report')[1]
        for said in ('Start at boot, begun 2199-01-01 00:00:00 UTC\nOver after 36.0 s: 1 started, 1 failed, 1 not reached. '
                     'Exit code 3: some guests could not be started.', 'could not be started, tried 4 times: no disk',
                     'To start the others now: kvm-graceful start'):
            self.assertTrue(said in text, text)
        path = os.path.join(self.folder, 'page.html')
        self.assertEqual(0, self.run_it('report', '--html', path)[0])
        with open(path, 'rb') as stream:
            self.assertTrue(b'tried 4 times: no disk' in stream.read())
        # A run that came after it has no start yet, and the start stays with the one that it followed.
        self.start('2001-01-01T00:00:00Z')
        self.assertFalse('start' in json.loads(self.run_it('report', '--json')[1]))
        self.start(json.loads(self.run_it('report', '--json')[1])['started'])
        time.sleep(1.1)  # stamps are whole seconds
        self.run_it('stop')
        self.assertEqual([True, False], ['start' in json.loads(self.run_it('report', '--json', number)[1]) for number in '12'])

    def test_a_start_that_is_not_one_is_said(self):
        self.run_it('stop')
        for more in (dict(finished='x'), dict(started=5), dict(guests=5), dict(exit=None), dict(cut_off=None)):
            self.start('2199-01-01T00:00:00Z', **more)
            code, out, _ = self.run_it('report')
            self.assertTrue(code == 0 and 'started.json is not ' in out and 'Start at boot' not in out, (more, out))
        # A list that was moved there, and nothing became of it.
        with open(os.path.join(self.state, 'started.json'), 'w') as stream:
            stream.write('{"schema": 1, "mark": "", "guests": []}')
        self.assertFalse('started.json' in self.run_it('report')[1])


if __name__ == '__main__':
    unittest.main()
