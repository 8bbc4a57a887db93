"""Inbox, workers and console: nothing that hangs holds the loop."""
from __future__ import absolute_import, division, print_function

import os
import signal
import threading
import unittest

from kvm_graceful import workers
from kvm_graceful.clock import Clock
from kvm_graceful.console import Console
from kvm_graceful.inbox import Inbox


class Waits(unittest.TestCase):
    def setUp(self):
        self.clock = Clock()
        self.inbox = Inbox(self.clock)

    def test_facts_come_in_the_order_in_which_they_were_put(self):
        for fact in 'abc':
            self.inbox.put(fact)
        self.assertEqual(['a', 'b', 'c'], self.inbox.wait(self.clock.now() + 60))

    def test_an_empty_wait_ends_at_its_instant(self):
        began = self.clock.now()
        self.assertEqual([], self.inbox.wait(began + 0.05))
        self.assertTrue(0.05 <= self.clock.now() - began < 5)

    def test_a_fact_from_a_thread_ends_the_wait(self):
        timer = threading.Timer(0.05, self.inbox.put, ['x'])
        timer.start()
        self.assertEqual(['x'], self.inbox.wait(self.clock.now() + 60))
        timer.join()

    def test_a_fact_from_a_signal_handler_ends_the_wait(self):
        old = signal.signal(signal.SIGALRM, lambda *_: self.inbox.put('signal'))
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            self.assertEqual(['signal'], self.inbox.wait(self.clock.now() + 60))
        finally:
            signal.signal(signal.SIGALRM, old)

    def test_more_facts_than_the_pipe_has_room_for(self):
        for fact in range(100000):
            self.inbox.put(fact)
        self.assertEqual(list(range(100000)), self.inbox.wait(self.clock.now() + 60))
        self.assertEqual([], self.inbox.wait(self.clock.now() + 0.01))


class Threads(unittest.TestCase):
    def test_workers_that_hang_do_not_keep_others_from_their_call(self):
        pool, never, done = workers.Workers(3), threading.Event(), threading.Event()
        pool.submit(never.wait)
        pool.submit(never.wait)
        pool.submit(done.set)
        done.wait(10)
        self.assertTrue(done.is_set())
        never.set()

    def test_bounded_gives_the_result_the_exception_or_up(self):
        never = threading.Event()
        self.assertEqual((True, 5), workers.bounded(lambda: 5, 10))
        back, error = workers.bounded(lambda: {}['x'], 10)
        self.assertTrue(back and isinstance(error, KeyError))
        self.assertEqual((False, None), workers.bounded(never.wait, 0.05))
        never.set()


class Lines(unittest.TestCase):
    def test_lines_come_out_in_order(self):
        read, write = os.pipe()
        console = Console(write)
        for number in range(5):
            console.say('line %d' % number)
        console.flush(10)
        self.assertEqual(b'line 0\nline 1\nline 2\nline 3\nline 4\n', os.read(read, 1000))
        os.close(read)
        os.close(write)

    def test_a_console_that_blocks_blocks_nobody_else(self):
        read, write = os.pipe()
        console, clock = Console(write), Clock()
        began = clock.now()
        for _ in range(100):
            console.say('x' * 10000)
        console.flush(0.1)
        self.assertTrue(clock.now() - began < 5)
        os.close(read)  # ends the writer's wait with EPIPE, which is survived

    def test_a_console_that_is_gone_is_survived(self):
        read, write = os.pipe()
        os.close(read)
        console = Console(write)
        console.say('x')
        console.flush(10)
        os.close(write)


if __name__ == '__main__':
    unittest.main()
