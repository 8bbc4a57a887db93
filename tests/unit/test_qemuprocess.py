"""Processes by pid and start time: a signal never reaches another process that got the same number."""
from __future__ import absolute_import, division, print_function

import os
import platform
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from kvm_graceful.hypervisor import qemuprocess
from kvm_graceful.hypervisor.qemuprocess import Process
from tests.unit.test_limits import in_child


class Signals(unittest.TestCase):
    def setUp(self):
        self.child = subprocess.Popen(['sleep', '60'])
        self.process = qemuprocess.identify(self.child.pid)

    def tearDown(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()

    def test_a_process_is_ended(self):
        self.assertTrue(qemuprocess.is_alive(self.process))
        self.assertEqual(True, qemuprocess.send(self.process, signal.SIGTERM))
        self.assertEqual(-signal.SIGTERM, self.child.wait())
        self.assertEqual(False, qemuprocess.send(self.process, signal.SIGTERM))

    def test_a_pid_that_was_used_again_is_left_alone(self):
        earlier = Process(self.child.pid, self.process.started - 1)
        self.assertFalse(qemuprocess.is_alive(earlier))
        self.assertEqual(False, qemuprocess.send(earlier, signal.SIGKILL))
        self.assertEqual(None, self.child.poll())

    def test_a_dead_one_that_nobody_has_collected_is_gone(self):
        os.kill(self.child.pid, signal.SIGKILL)
        for _ in range(1000):
            if qemuprocess.identify(self.child.pid) is None:
                break
            subprocess.call(['sleep', '0.01'])
        self.assertEqual(None, qemuprocess.identify(self.child.pid))
        self.assertFalse(qemuprocess.is_alive(self.process))

    def test_one_whose_main_thread_has_ended_lives_as_long_as_another_thread(self):
        exits = {'x86_64': 60, 'aarch64': 93}.get(platform.machine())
        if exits is None:
            return
        code = ('import ctypes, threading, time\n'
                'threading.Thread(target=time.sleep, args=(60,)).start()\n'
                'ctypes.CDLL(None).syscall(%d, 0)\n' % exits)
        child = subprocess.Popen([sys.executable, '-c', code])
        try:
            process = qemuprocess.identify(child.pid)
            for _ in range(1000):
                with open('/proc/%d/stat' % child.pid) as stream:
                    if ' Z ' in stream.read():
                        break
                subprocess.call(['sleep', '0.01'])
            self.assertTrue(qemuprocess.is_alive(process))
            self.assertEqual(None, child.poll())
        finally:
            child.kill()
            child.wait()
        self.assertFalse(qemuprocess.is_alive(process))

    def test_without_a_descriptor_it_is_neither_called_gone_nor_sent_a_signal(self):
        """Unknown is never off; and a number alone may be anybody's."""
        def without():
            resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
            try:
                while True:
                    os.open(os.devnull, os.O_RDONLY)
            except OSError:
                pass
            try:
                qemuprocess.send(self.process, signal.SIGKILL)
                sent = 1
            except (IOError, OSError):
                sent = 0
            return qemuprocess.is_alive(self.process), sent
        self.assertEqual((1, 0), in_child(without))
        self.assertEqual(None, self.child.poll())

    def test_one_that_was_stopped_is_told(self):
        self.assertFalse(qemuprocess.is_stopped(self.process))
        qemuprocess.send(self.process, signal.SIGSTOP)
        for _ in range(1000):
            if qemuprocess.is_stopped(self.process):
                break
            subprocess.call(['sleep', '0.01'])
        self.assertTrue(qemuprocess.is_stopped(self.process))


class Words(unittest.TestCase):
    def test_uuid_and_name(self):
        for name, says in ((b'guest=we b,,x,debug-threads=on', b'we b,x'), (b'old', b'old'), (b'guest=a', b'a'), (b'a,,b', b'a,b')):
            words = [b'qemu', b'-name', name, b'-uuid', b'1234']
            self.assertEqual((says, '1234'), (qemuprocess.name_in(words), qemuprocess.uuid_in(words)))
        for words in ([], [b'-name'], [b'-uuid'], [b'-uuid', b'\xff']):
            self.assertEqual((None, None), (qemuprocess.name_in(words), qemuprocess.uuid_in(words)))

    def test_what_is_no_process(self):
        root = tempfile.mkdtemp()
        try:
            for pid, text in ((7, b''), (8, b'8 (x'), (9, b'9 (a) b) S'), (10, b'10 (q) Z ' + b'1 ' * 30)):
                os.makedirs('%s/proc/%d' % (root, pid))
                with open('%s/proc/%d/stat' % (root, pid), 'wb') as stream:
                    stream.write(text)
            self.assertEqual([None] * 5, [qemuprocess.identify(pid, root) for pid in (6, 7, 8, 9, 10)])
        finally:
            shutil.rmtree(root)


if __name__ == '__main__':
    unittest.main()
