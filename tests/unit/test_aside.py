"""A child process for what may hang: it is waited for in bounded time, and keeps nothing open."""
from __future__ import absolute_import, division, print_function

import fcntl
import os
import resource
import tempfile
import unittest

from kvm_graceful import aside, diskreader, plainfile
from kvm_graceful.clock import Clock
from kvm_graceful.diskwriter import DiskWriter
from tests.unit.test_limits import in_child


class Answer(unittest.TestCase):
    def test_what_the_call_gives(self):
        for data in (b'', b'a', b'x' * (1 << 20)):
            self.assertEqual((data, ''), aside.answer(lambda data=data: data, Clock()))

    def test_one_that_hangs_is_given_up_and_keeps_nobody_else_waiting(self):
        clock = Clock()
        ours, theirs = os.pipe()
        fcntl.fcntl(ours, fcntl.F_SETFL, os.O_NONBLOCK)
        began = clock.now()
        self.assertEqual((None, 'does not answer'), aside.answer(lambda: clock.sleep(1.5), clock, 0.2))
        self.assertTrue(clock.now() - began < 1.2)
        os.close(theirs)
        self.assertEqual(b'', os.read(ours, 1))  # the end: the child, which is still there, has not kept the other end open
        os.close(ours)

    def test_a_descriptor_beyond_1023(self):
        def high():
            resource.setrlimit(resource.RLIMIT_NOFILE, (2048, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
            while os.open(os.devnull, os.O_RDONLY) < 1100:
                pass
            return aside.answer(lambda: b'7', Clock()) == (b'7', ''), 0
        self.assertEqual((1, 0), in_child(high))

    def test_without_any_descriptor_the_run_goes_on_and_says_so(self):
        def none_left():
            clock = Clock()
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
            try:
                while True:
                    last = os.open(os.devnull, os.O_RDONLY)
            except OSError:
                os.close(last)  # one is not enough for a pipe
            data, why = aside.answer(lambda: b'7', clock)
            writer = DiskWriter('/nowhere')
            writer.append({'what': 'run'})
            number, problems = writer.close(1.0, clock)
            return (data, number) == (None, None) and 'cannot be looked at' in why, len(problems)
        self.assertEqual((1, 1), in_child(none_left))


class Followed(unittest.TestCase):
    def test_a_configuration_file_may_be_a_link_and_may_be_missing(self):
        folder = tempfile.mkdtemp()
        path, link = os.path.join(folder, 'file'), os.path.join(folder, 'link')
        try:
            self.assertEqual((None, ''), diskreader.followed(path, 100, Clock()))
            os.symlink(path, link)
            self.assertTrue(diskreader.followed(link, 100, Clock())[1])  # leads nowhere: somebody meant there to be one
            with open(path, 'wb') as stream:
                stream.write(b'DEADLINE=7\n')
            self.assertEqual((b'DEADLINE=7\n', ''), diskreader.followed(link, 100, Clock()))
            self.assertEqual((None, 'is longer than 5 bytes'), diskreader.followed(link, 5, Clock()))
            self.assertRaises(ValueError, plainfile.followed, link, 5)
        finally:
            for name in (link, path):
                if os.path.lexists(name):
                    os.unlink(name)
            os.rmdir(folder)


if __name__ == '__main__':
    unittest.main()
