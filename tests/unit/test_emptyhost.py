"""emptyhost: what is plainly nothing to do, and what is left to the whole program."""
from __future__ import absolute_import, division, print_function

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from kvm_graceful import emptyhost, places

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# What loads much, or asks a program of the host: a host without guests waits for none of it.
LATE = ['kvm_graceful.cli', 'kvm_graceful.shutdown', 'argparse', 'json', 're', 'subprocess', 'threading']


class EmptyHost(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp()
        self.state = os.path.join(self.root, 'state')
        os.makedirs(os.path.join(self.root, 'run'))
        self.process(1, '/sbin/init')
        self.process(2)  # a kernel thread
        self.process(3, '/usr/bin/python3', '-Es', '/usr/sbin/kvm-graceful', 'host-stop')
        self.process(4, '/usr/bin/python3', '-Es', '/usr/sbin/kvm-graceful', 'watch')
        self.said = os.path.join(self.root, 'said')

    def tearDown(self):
        shutil.rmtree(self.root)

    def process(self, pid, *words):
        self.write('\0'.join(words), 'proc', str(pid), 'cmdline')

    def write(self, text, *path):
        path = os.path.join(self.root, *path)
        if not os.path.isdir(os.path.dirname(path)):
            os.makedirs(os.path.dirname(path))
        with open(path, 'w') as stream:
            stream.write(text)

    def nothing(self, *words):
        """(is there nothing to do, what was said)"""
        with open(self.said, 'w') as said:
            answer = emptyhost.nothing_to_do(list(words), self.root, self.state, said.fileno())
        with open(self.said) as said:
            return answer, said.read()

    def test_without_guests_it_says_so_once(self):
        self.assertEqual((True, 'kvm-graceful: no guest is running\n'), self.nothing('host-stop'))
        self.assertEqual((True, ''), self.nothing('host-stop', '--again'))
        os.mkdir(self.state)
        self.write('', 'state', 'history.json')
        self.write('', 'state', places.STOPPED)
        self.assertEqual((True, 'kvm-graceful: no guest is running\n'), self.nothing('host-stop'))

    def test_any_other_call_is_left_to_the_program(self):
        for words in ([], ['stop'], ['host-stop', '--json'], ['host-stop', '--state-dir', 'x'], ['host-start'], ['--version']):
            self.assertEqual((False, ''), self.nothing(*words))

    def test_a_guest_is_left_to_it(self):
        self.process(77, '/usr/bin/qemu-system-x86_64', '-name', 'guest=a')
        self.assertEqual((False, ''), self.nothing('host-stop'))

    def test_one_of_ours_that_is_at_work_on_guests_is_left_to_it(self):
        for words in (['host-start'], ['start', 'web'], ['stop', '--shed', 'web']):
            self.process(77, '/usr/bin/python3', '-Es', '/usr/sbin/kvm-graceful', *words)
            self.assertEqual((False, ''), self.nothing('host-stop'))

    def test_a_host_stop_of_this_boot_is_left_to_it(self):
        self.write('{}', 'run', places.FOLDER, places.LOCK)
        self.assertEqual((False, ''), self.nothing('host-stop'))

    def test_a_list_of_guests_to_start_is_left_to_it(self):
        for name in (places.RESTORE, places.SHED, places.STARTED):
            self.write('{}', 'state', name)
            self.assertEqual((False, ''), self.nothing('host-stop'))
            os.unlink(os.path.join(self.state, name))

    def test_a_state_directory_or_proc_that_cannot_be_read_is_left_to_it(self):
        self.write('', 'state')
        self.assertEqual((False, ''), self.nothing('host-stop'))
        os.unlink(self.state)
        os.mkdir(os.path.join(self.root, 'proc', '77'))
        os.mkdir(os.path.join(self.root, 'proc', '77', 'cmdline'))  # an error, and not the one of a process that has ended
        self.assertEqual((False, ''), self.nothing('host-stop'))

    def limited(self, call):
        """(what `call()` returns, seconds that it took) with a limit of 0.3 s."""
        limit, emptyhost.LIMIT_S, since = emptyhost.LIMIT_S, 0.3, time.time()
        try:
            return call(), time.time() - since
        finally:
            emptyhost.LIMIT_S = limit

    def test_a_console_that_takes_nothing_holds_it_up_for_no_longer_than_its_time(self):
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETFL, os.O_NONBLOCK)
        try:
            while True:
                os.write(writer, b'x' * 4096)
        except OSError:
            fcntl.fcntl(writer, fcntl.F_SETFL, 0)  # full
        children, fork = [], os.fork
        os.fork = lambda: children.append(fork()) or children[-1]
        try:
            answer, took = self.limited(lambda: emptyhost.nothing_to_do(['host-stop'], self.root, self.state, writer))
        finally:
            os.fork = fork
        self.assertEqual((True, 1), (answer, len(children)))
        self.assertTrue(0.2 < took < 2)
        os.kill(children[0], signal.SIGKILL)
        self.assertEqual(signal.SIGKILL, os.waitpid(children[0], 0)[1])
        os.close(reader)
        os.close(writer)

    def test_a_disk_that_does_not_answer_is_left_to_it(self):
        """In place of the disk: a look that comes to no end."""
        look, emptyhost._holds_a_list = emptyhost._holds_a_list, lambda state_dir: time.sleep(1)
        try:
            answer, took = self.limited(lambda: self.nothing('host-stop'))
        finally:
            emptyhost._holds_a_list = look
        self.assertEqual((False, ''), answer)
        self.assertTrue(0.2 < took < 0.9)

    def test_it_loads_next_to_nothing(self):
        script = ('import sys; sys.path[0] = %r; before = set(sys.modules); from kvm_graceful import emptyhost;'
                  ' print(" ".join(set(sys.modules) - before))' % TOP)
        process = subprocess.Popen([sys.executable, '-s', '-c', script], stdout=subprocess.PIPE)
        loaded = process.communicate()[0].decode().split()
        self.assertTrue('kvm_graceful.emptyhost' in loaded)
        self.assertEqual([], [name for name in LATE if name in loaded])

    def test_the_command_asks_it_first(self):
        with open(os.path.join(TOP, 'bin', 'kvm-graceful')) as stream:
            text = stream.read()
        self.assertTrue(text.index('emptyhost.nothing_to_do(') < text.index('import cli'))


if __name__ == '__main__':
    unittest.main()
