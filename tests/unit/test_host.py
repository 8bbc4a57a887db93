"""Is the host going down? Each init system over a fake root and a stand-in for its commands."""
from __future__ import absolute_import, division, print_function

import os
import shutil
import tempfile
import unittest

from kvm_graceful import host
from kvm_graceful.host import command
from kvm_graceful.hypervisor import processes


class Root(unittest.TestCase):
    """`answers`: what each command prints; a command that is not there is missing or silent."""

    def setUp(self):
        self.root = tempfile.mkdtemp()
        os.makedirs(os.path.join(self.root, 'proc'))
        self.answers = {}

    def tearDown(self):
        shutil.rmtree(self.root)

    def process(self, pid, *words):
        os.makedirs(os.path.join(self.root, 'proc', str(pid)))
        with open(os.path.join(self.root, 'proc', str(pid), 'cmdline'), 'wb') as stream:
            stream.write('\0'.join(words + ('',)).encode('ascii'))

    def system(self):
        return host.detect(self.root, lambda words: self.answers.get(' '.join(words)))

    def down(self, environment=()):
        return host.going_down(self.system(), dict(environment)).down


class Systemd(Root):
    def setUp(self):
        Root.setUp(self)
        os.makedirs(os.path.join(self.root, 'run/systemd/system'))

    def test_it_is_known_by_its_directory_and_its_limit_stays_below_its_own_30_minutes(self):
        self.assertEqual(('systemd', 1680), (self.system().name, self.system().limit_s))

    def test_each_system_state(self):
        for state, down in (('stopping', True), ('running', False), ('degraded', False), ('maintenance', False)):
            self.answers['systemctl is-system-running'] = state + '\n'
            self.assertEqual(down, self.down(), state)

    def test_a_boot_that_never_finished_is_told_by_the_jobs(self):
        self.answers['systemctl is-system-running'] = 'starting\n'
        self.answers['systemctl --no-legend --no-pager list-jobs'] = ' 12 foo.service start running\n'
        self.assertEqual(False, self.down())
        self.answers['systemctl --no-legend --no-pager list-jobs'] = ' 12 foo.service stop running\n 99 shutdown.target start waiting\n'
        self.assertEqual(True, self.down())

    def test_an_empty_list_of_jobs_counts_only_from_a_manager_that_answers(self):
        self.answers['systemctl is-system-running'] = 'starting\n'
        self.answers['systemctl --no-legend --no-pager list-jobs'] = ''
        self.assertEqual(None, self.down())
        self.answers['systemctl show --property=Version'] = 'Version=252\n'
        self.assertEqual(False, self.down())

    def test_no_answer_at_all_counts_as_down_only_if_systemd_asked_for_the_stop(self):
        self.assertEqual(None, self.down())
        verdict = host.going_down(self.system(), {'INVOCATION_ID': 'x'})
        self.assertEqual(True, verdict.down)
        self.assertTrue('INVOCATION_ID' in verdict.why)


class SysV(Root):
    def test_runlevels(self):
        self.assertEqual('sysvinit', self.system().name)
        for answer, down in (('2 0', True), ('2 6', True), ('2 1', True), ('N 2', False), ('1 S', False), ('unknown', None), ('', None)):
            self.answers['runlevel'] = answer
            self.assertEqual(down, self.down(), answer)

    def test_without_a_utmp_the_rc_script_at_work_tells(self):
        self.answers['runlevel'] = 'unknown'
        self.process(40, '/bin/sh', '/etc/init.d/rc', '2')
        self.assertEqual(None, self.down())
        self.process(50, '/bin/sh', '/etc/init.d/rc', '0')
        self.assertEqual(True, self.down())

    def test_no_answer_at_all_counts_as_down_only_if_rc_asked_for_the_stop(self):
        self.assertEqual(None, self.down())
        self.assertEqual(None, self.down({'RUNLEVEL': '2'}))  # left over from the boot
        self.assertEqual(True, self.down({'RUNLEVEL': '0'}))


class Upstart(Root):
    def setUp(self):
        Root.setUp(self)
        self.answers['initctl version'] = 'init (upstart 0.6.5)\n'

    def test_the_runlevel_tells_and_a_stop_of_the_job_alone_proves_nothing(self):
        self.assertEqual('upstart', self.system().name)
        self.answers['runlevel'] = 'N 2'
        self.assertEqual(False, self.down({'UPSTART_EVENTS': 'stopping'}))
        self.answers['runlevel'] = '2 0'
        self.assertEqual(True, self.down())
        del self.answers['runlevel']
        self.assertEqual(None, self.down({'UPSTART_EVENTS': 'stopping', 'UPSTART_JOB': 'kvm-graceful-shutdown'}))


class Command(unittest.TestCase):
    def test_output_whatever_the_status_and_none_where_there_is_no_such_command(self):
        self.assertEqual('x\n', command.run(['sh', '-c', 'echo x; exit 3']))
        self.assertEqual(None, command.run(['no-such-command-anywhere']))

    def test_a_silent_command_is_given_up(self):
        limit, command.LIMIT_S = command.LIMIT_S, 0.2
        try:
            self.assertEqual(None, command.run(['sleep', '60']))
        finally:
            command.LIMIT_S = limit

    def test_runlevel_is_not_misled_by_the_environment(self):
        os.environ['RUNLEVEL'] = '0'
        try:
            self.assertEqual('unset\n', command.run(['sh', '-c', 'echo ${RUNLEVEL-unset}']))
        finally:
            del os.environ['RUNLEVEL']


class Processes(Root):
    def test_a_guest_that_is_being_received_is_told_from_one_that_runs_here(self):
        self.process(20, '/usr/bin/kvm', '-name', 'a', '-uuid', 'x', '-incoming', 'tcp:0.0.0.0:49152')
        self.process(21, '/usr/bin/kvm', '-name', 'b', '-uuid', 'y')
        self.assertEqual([True, False, False], [processes.is_incoming(uuid, self.root) for uuid in ('x', 'y', 'z')])

    def test_qemu_is_known_by_its_name_or_by_what_libvirt_gives_it(self):
        for pid, words in ((1, ('/sbin/init',)), (20, ('/usr/bin/qemu-system-x86_64', '-name', 'guest=a')), (21, ('/usr/bin/kvm', '-m', '1')),
                           (22, ('/opt/emulator', '-name', 'guest=b', '-uuid', 'x')), (30, ('qemu-nbd', '-c', 'x')),
                           (31, ('/usr/bin/python3', '/usr/sbin/kvm-graceful', 'host-stop')), (32, ('qemu-img', 'convert')),
                           (33, ('kvm-graceful',))):
            self.process(pid, *words)
        os.makedirs(os.path.join(self.root, 'proc', '99'))  # ended meanwhile
        os.makedirs(os.path.join(self.root, 'proc', 'self'))
        self.assertEqual([20, 21, 22], sorted(processes.qemu_pids(self.root)))

    def test_what_no_system_libvirt_owns_is_told_apart_and_named_harmlessly(self):
        self.process(20, '/usr/bin/qemu-system-x86_64', '-name', 'guest=ours,debug-threads=on', '-uuid', 'aa')
        self.process(21, '/usr/bin/qemu-system-x86_64', '-name', 'guest=mine\x1b[2J', '-object', '{"file":"/home/u/.config/libvirt/qemu/lib/x"}', '-uuid', 'bb')
        self.process(22, 'qemu-system-x86_64', '-display', 'none')
        user = os.stat(self.root).st_uid
        self.assertEqual(['"mine\\x1b[2J" is a guest of qemu:///session of user %d: not handled, it goes down with the host' % user,
                          'QEMU process 22 ("without a name") is no guest of qemu:///system: not handled, it goes down with the host'],
                         processes.not_handled(set(['aa']), self.root))
        self.assertEqual(3, len(processes.not_handled(set(), self.root)))


if __name__ == '__main__':
    unittest.main()
