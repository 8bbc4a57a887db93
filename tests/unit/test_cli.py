"""The whole command as a program, over libvirt's test driver: words, exit codes, messages, JSON.

The test driver's guests go off at once; what time does to guests is shown by test_engine and by the tests on real guests.
"""
from __future__ import absolute_import, division, print_function

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from kvm_graceful import __version__, cli

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOMAIN = '<domain type="test"><name>%s</name><uuid>%s</uuid><memory>1024</memory><os><type>hvm</type></os></domain>'


class Command(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.state = os.path.join(self.folder, 'state')
        self.domains('web', 'db')

    def tearDown(self):
        shutil.rmtree(self.folder)

    def put(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path, 'wb') as stream:
            stream.write(data)
        return path

    def domains(self, *names):
        """A test hypervisor with these guests, all on."""
        xml = ''.join(DOMAIN % (name, '00000000-0000-0000-0000-%012d' % number) for number, name in enumerate(names))
        self.uri = 'test://' + self.put('node.xml', ('<node>%s</node>' % xml).encode('utf-8'))

    def run_it(self, *words, **more):
        """(exit code, standard output, standard error) of kvm-graceful VERB over the test hypervisor."""
        words = list(words)
        if words and words[0] in ('plan', 'stop', 'status', 'host-stop'):
            words[1:1] = ['--uri', more.get('uri', self.uri), '--config', os.path.join(self.folder, 'config'),
                          '--guests', os.path.join(self.folder, 'guests.conf')]
        if words and words[0] in ('plan', 'stop', 'status', 'host-stop', 'report'):
            words[1:1] = ['--state-dir', more.get('state', self.state)]
        environment = dict(os.environ, **more.get('environment', {}))
        process = subprocess.Popen(more.get('program', [sys.executable, '-Es', os.path.join(TOP, 'bin', 'kvm-graceful')]) + words,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        out, err = process.communicate()
        return process.returncode, out.decode('utf-8'), err.decode('utf-8')

    def complaint(self, code, *words, **more):
        """What it says when it refuses: one line, nothing on standard output."""
        got, out, err = self.run_it(*words, **more)
        self.assertEqual((code, ''), (got, out), err)
        self.assertTrue(err.startswith('kvm-graceful: ') and 'Traceback' not in err, err)
        self.assertEqual(1, err.count('\n'), err)
        return err.replace(self.folder + '/', '')


class Verbs(Command):
    def test_plan_shows_order_settings_and_warnings_and_touches_nothing(self):
        self.put('guests.conf', b'[web]\nneeds = db, dbx\n')
        self.put('config', b'DEADLINE=200\nON_BOOT=start\n')
        code, out, err = self.run_it('plan')
        self.assertEqual((0, ''), (code, err))
        for text in ('2 guests, 200 s for everything', 'web    db', '60 s, never measured', 'guests that were shut down are started at boot',
                     'guests.conf:2: needs "dbx": no such guest (did you mean db?)', 'over after 120 s, with 80 s to spare'):
            self.assertTrue(text in out, out)
        self.assertFalse(os.path.exists(self.state))

    def test_plan_as_json(self):
        self.put('guests.conf', b'[web]\nneeds = db\n')
        data = json.loads(self.run_it('plan', '--json')[1])
        self.assertEqual((1, 300, 120, 0), (data['schema'], data['deadline'], data['finished'], data['exit']))
        self.assertEqual([('web', 0, 60), ('db', 60, 120)], [(guest['name'], guest['asked'], guest['off']) for guest in data['guests']])

    def test_stop_and_report_tell_the_same_run(self):
        self.put('guests.conf', b'[web]\nneeds = db\n')
        code, out, err = self.run_it('stop', '--json')
        self.assertEqual(0, code)
        data = json.loads(out)
        self.assertEqual([('web', 'off'), ('db', 'off')], [(guest['name'], guest['outcome']) for guest in data['guests']])
        self.assertTrue(data['guests'][1]['asked'] >= data['guests'][0]['off'])
        self.assertTrue('web: asked to shut down' in err, err)
        self.assertEqual(data, json.loads(self.run_it('report', '--json')[1]))
        self.assertTrue('Exit code 0: as planned.' in self.run_it('report', '1')[1])

    def test_stop_of_named_guests_touches_no_other(self):
        data = json.loads(self.run_it('stop', '--json', 'db')[1])
        self.assertEqual(['db'], [guest['name'] for guest in data['guests']])

    def test_status(self):
        self.put('guests.conf', b'[web]\nneeds = db\n')
        code, out, _ = self.run_it('status')
        self.assertEqual(0, code)
        for text in ('2 guests are on. A shutdown now is expected to take 120 s of 300 s.', 'web    running  60.0 s     db', 'none is recorded'):
            self.assertTrue(text in out, out)
        self.run_it('stop')
        data = json.loads(self.run_it('status', '--json')[1])
        self.assertEqual(('stop', 0), (data['last_run']['verb'], data['last_run']['exit']))
        self.assertEqual({'finished': 2, 'deadline': 300, 'exit': 0, 'outcomes': {'off': 2}}, data['expected'])
        self.assertEqual((0, '1 guest is on. A shutdown now is expected to take 1 s of 300 s.\n', ''), self.run_it('status', '--brief', 'web'))

    def test_status_goes_on_with_a_broken_configuration_and_says_so(self):
        self.put('guests.conf', b'[web]\ngrase = 3\nneeds = db\n')
        code, out, err = self.run_it('status')
        self.assertEqual((0, ''), (code, err))
        self.assertTrue('unknown key "grase"' in out and '120 s of 300 s' in out, out)

    def test_a_watch_is_for_people(self):
        self.assertTrue('one of the two' in self.complaint(2, 'status', '--watch', '--json'))

    def test_with_all_standard_streams_closed_it_works_all_the_same(self):
        script = 'exec "$@" <&- >&- 2>&-'
        program = ['sh', '-c', script, 'sh', sys.executable, '-Es', os.path.join(TOP, 'bin', 'kvm-graceful')]
        self.assertEqual((0, '', ''), self.run_it('stop', program=program))
        self.assertEqual(0, json.loads(self.run_it('report', '--json')[1])['exit'])

    def test_runs_are_listed_and_shown_by_number(self):
        self.assertEqual((0, 'No shutdown is recorded yet.\n', ''), self.run_it('report', '--list'))
        self.run_it('stop', 'web')
        self.run_it('stop')
        self.put('state/run-9.jsonl', b'garbage')
        code, out, err = self.run_it('report', '--list')
        self.assertEqual((0, ''), (code, err))
        self.assertEqual(['1', '2'], [line.split()[0] for line in out.splitlines()[1:3]])
        self.assertTrue(out.splitlines()[2].endswith(' 0     2 off') and 'run-9.jsonl is not a record' in out, out)
        data = json.loads(self.run_it('report', '--list', '--json')[1])
        self.assertEqual([(1, {'off': 1}), (2, {'off': 2})], [(one['run'], one['outcomes']) for one in data['runs']])
        self.assertTrue('Run 1: stop' in self.run_it('report', '1')[1])

    def test_a_page_is_written_of_a_run_and_of_a_plan(self):
        page = os.path.join(self.folder, 'page.html')
        self.run_it('stop')
        for words in (('report', '--html', page), ('plan', '--html', page)):
            self.assertEqual((0, 'Written: %s\n' % page, ''), self.run_it(*words))
            with open(page) as stream:
                text = stream.read()
            self.assertTrue(text.startswith('<!DOCTYPE html>') and text.endswith('</html>\n') and '<bdi title="web">web</bdi>' in text)
            os.unlink(page)
        self.assertTrue('cannot be written' in self.complaint(1, 'report', '--html', os.path.join(self.folder, 'no', 'page')))

    def test_a_run_is_learnt_from(self):
        self.run_it('stop')
        self.assertTrue('1 s, from 1 run' in self.run_it('plan')[1])

    def test_names_are_shown_harmlessly(self):
        umlaut = b'\xc3\xbcber'.decode('utf-8')
        self.domains('my guest', '-rf', '&quot;q&quot;', umlaut)
        code, out, err = self.run_it('stop')
        self.assertEqual((0, ''), (code, err))
        for text in ('"my guest": asked', '"-rf": asked', '"\\"q\\"": asked', '"%s": asked' % umlaut):
            self.assertTrue(text in out, out)
        for words in (('report',), ('status',), ('report', '--prometheus'), ('report', '--html', os.path.join(self.folder, 'page'))):
            code, out, err = self.run_it(*words)
            self.assertEqual((0, ''), (code, err))
            self.assertTrue(umlaut in out or words[-1] != 'report', out)
        self.domains('web')
        file_name = self.put('simulated', json.dumps({'guests': [{'name': umlaut, 'needs': [umlaut + 'x']}]}).encode('utf-8'))
        code, out, err = self.run_it('simulate', file_name)
        self.assertEqual((0, ''), (code, err))
        self.assertTrue('"%s" ' % umlaut in out, out)
        self.domains('my guest', '-rf', '&quot;q&quot;', umlaut)
        self.assertEqual(0, self.run_it('plan', '--', '-rf')[0])
        self.assertEqual(0, self.run_it('plan', environment={'LC_ALL': 'C', 'PYTHONIOENCODING': 'ascii'})[0])


class HostStop(Command):
    def runlevel(self, answer):
        path = self.put('runlevel', ('#!/bin/sh\necho "%s"\n' % answer).encode('ascii'))
        os.chmod(path, 0o755)
        return {'PATH': self.folder + ':' + os.environ['PATH']}

    def test_a_host_that_is_not_going_down_is_left_alone(self):
        code, out, err = self.run_it('host-stop', environment=self.runlevel('N 2'))
        self.assertEqual((0, 'kvm-graceful: the host is not going down (the runlevel is 2); no guest was touched\n', ''), (code, out, err))
        self.assertFalse(os.path.exists(self.state))
        self.assertEqual(False, json.loads(self.run_it('host-stop', '--json', environment=self.runlevel('N 2'))[1])['acted'])

    def test_without_a_guest_it_ends_before_libvirt_is_imported(self):
        # Other tests have guests on this machine: look from a process namespace of its own.
        alone = ['unshare', '--pid', '--fork', '--mount-proc', '--propagation', 'unchanged']
        if subprocess.call(alone + ['true'], stderr=subprocess.PIPE):
            # unittest of 2.6 can skip nothing
            return getattr(self, 'skipTest', self.fail)('no process namespace may be made here (needs root)')
        environment = dict(self.runlevel('2 0'), PYTHONVERBOSE='1')
        program = alone + [sys.executable, '-s', os.path.join(TOP, 'bin', 'kvm-graceful')]
        code, out, err = self.run_it('host-stop', environment=environment, program=program)
        self.assertEqual((0, 'kvm-graceful: no guest is running\n'), (code, out))
        self.assertTrue('import \'kvm_graceful.hypervisor.processes\'' in err or 'import kvm_graceful.hypervisor.processes' in err)
        self.assertFalse('import \'libvirt\'' in err or 'import libvirt ' in err)

    def test_with_a_broken_configuration_it_goes_on_with_defaults_and_records_every_problem(self):
        self.put('config', b'DEADLINE=5m\nPARALLEL=1\nGRACE="x\n')
        self.put('guests.conf', b'[web]\nneeds = db\ngrase = 3\n[db]\nneeds = web\n')
        qemu = subprocess.Popen(['qemu-system-none', '60'], executable='/bin/sleep')  # what host-stop takes for a guest's process
        try:
            code, out, err = self.run_it('host-stop', '--json', environment=self.runlevel('2 6'))
        finally:
            qemu.kill()
            qemu.wait()
        self.assertEqual(0, code, err)
        data = json.loads(out)
        self.assertEqual((True, 300.0, ['off', 'off']), (data['acted'], data['deadline'], [guest['outcome'] for guest in data['guests']]))
        for text in ('config:1: DEADLINE', 'config:3: GRACE', 'unknown key "grase"', 'circle: web -> db -> web'):
            self.assertEqual(1, len([warning for warning in data['warnings'] if text in warning]), data['warnings'])
        del data['acted']
        self.assertEqual(data, json.loads(self.run_it('report', '--json')[1]))


class Refusals(Command):
    def test_errors_in_the_configuration_with_file_and_line(self):
        self.put('config', b'DEADLINE=5m\n')
        for verb in ('plan', 'stop'):
            self.assertTrue('config:1: DEADLINE: "5m" is not a whole number' in self.complaint(2, verb))
        self.put('config', b'')
        self.put('guests.conf', b'[web]\nneeds = db\n[d*]\nneeds = w*\n')  # a circle that shows only with the guests
        for verb in ('plan', 'stop'):
            self.assertTrue('needs form a circle: db -> web -> db' in self.complaint(2, verb)
                            or 'needs form a circle: web -> db -> web' in self.complaint(2, verb))
        self.assertFalse(os.path.exists(self.state))

    def test_usage(self):
        for words in ((), ('dance',), ('stop', '--deadline', '5m'), ('stop', '--deadline', '0'), ('report', 'x')):
            code, out, err = self.run_it(*words)
            self.assertEqual((2, ''), (code, out))
            self.assertTrue('usage: kvm-graceful' in err, err)
        self.assertTrue('error: argument --deadline: "5m" is not a whole number' in self.run_it('stop', '--deadline', '5m')[2])

    def test_the_version(self):
        self.assertEqual((0, 'kvm-graceful %s\n' % __version__, ''), self.run_it('--version'))

    def test_an_unknown_guest_with_the_nearest(self):
        self.assertEqual('kvm-graceful: web1: no such guest (did you mean web?)\n', self.complaint(2, 'stop', 'web1'))

    def test_no_hypervisor(self):
        for verb in ('plan', 'stop', 'status'):
            self.assertTrue('no connection' in self.complaint(1, verb, uri='qemu+unix:///system?socket=/no/such/socket'))

    def test_no_binding(self):
        program = [sys.executable, '-c', 'import sys; sys.modules["libvirt"] = None; sys.path.insert(0, %r)\n'
                   'from kvm_graceful import cli; cli.entry(sys.argv[1:])' % TOP]
        package = 'python%s-libvirt' % ('' if sys.version_info[0] == 2 else '3')
        self.assertTrue('; install %s\n' % package in self.complaint(1, 'plan', program=program))

    def test_not_root(self):
        program = [sys.executable, '-c', 'import os, sys; sys.path.insert(0, %r)\nfrom kvm_graceful import cli\n'
                   'import kvm_graceful.shutdown, kvm_graceful.report.text\nos.setuid(65534); cli.entry(sys.argv[1:])' % TOP]
        self.assertTrue('not root' in self.complaint(1, 'stop', program=program))

    def test_no_run_to_report_on(self):
        self.assertTrue('no shutdown is recorded' in self.complaint(1, 'report'))

    def test_a_state_directory_that_cannot_be_written_stops_no_shutdown(self):
        self.put('state', b'a file')
        code, out, err = self.run_it('stop', '--json')
        self.assertEqual(0, code)
        data = json.loads(out)
        self.assertEqual((None, ['off', 'off']), (data['run'], [guest['outcome'] for guest in data['guests']]))
        self.assertTrue('cannot be written' in data['warnings'][0] and 'cannot be written' in err, (data['warnings'], err))

    def test_a_history_that_is_none_is_told_and_made_anew(self):
        os.mkdir(self.state)
        self.put('state/history.json', b'\x00garbage')
        code, out, _ = self.run_it('stop', '--json')
        self.assertEqual(0, code)
        self.assertTrue('is not a history' in json.loads(out)['warnings'][0])
        self.assertTrue('from 1 run' in self.run_it('plan')[1])

class Start(Command):
    """What is loaded and built before the first guest is asked costs time, each time."""

    def test_a_stop_loads_nothing_of_the_network(self):
        code = ("import os, sys; sys.path.insert(0, %r); leave = os._exit; "
                "os._exit = lambda code: leave(code or bool(set(sys.modules) & set(['ssl', 'httplib', 'http.client', 'urllib2', "
                "'urllib.request', 'email']))); from kvm_graceful import cli; cli.entry(sys.argv[1:])" % TOP)
        self.assertEqual(0, self.run_it('stop', '--json', program=[sys.executable, '-Es', '-c', code])[0])
        self.assertEqual(1, self.run_it('stop', '--json', program=[sys.executable, '-Es', '-c', 'import ssl; ' + code])[0])

    def test_a_verbs_own_parser_knows_what_the_parser_of_all_knows(self):
        def texts(wanted):
            verbs = [action for action in cli._parser(wanted)._actions if action.dest == 'verb'][0].choices
            return dict((name, verbs[name].format_help()) for name in verbs)
        known = texts(())
        self.assertEqual(sorted(verb.name for verb in cli.VERBS), sorted(known))
        self.assertEqual(known, texts(['no verb']))
        for name in known:
            self.assertEqual({name: known[name]}, texts([name]))


if __name__ == '__main__':
    unittest.main()
