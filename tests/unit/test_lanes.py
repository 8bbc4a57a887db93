"""Calls to libvirtd: those that hang hold up no other, and not more than libvirtd bears are out at a time."""
from __future__ import absolute_import, division, print_function

import threading
import unittest

from kvm_graceful.hypervisor import lanes

LIMIT_S = 20


class Instant(object):
    """A clock that stands."""

    def __init__(self):
        self.at = 100.0

    def now(self):
        return self.at


class Hanging(unittest.TestCase):
    def setUp(self):
        self.clock, self.free = Instant(), threading.Event()
        self.lanes = lanes.Lanes(self.clock)
        self.under_way = threading.Semaphore(0)

    def tearDown(self):
        self.free.set()

    def hang(self, count):
        def call(_lane):
            self.under_way.release()
            self.free.wait(LIMIT_S)
        for _ in range(count):
            self.lanes.submit(call)

    def on_their_way(self, count):
        for _ in range(count):
            self.under_way.acquire()

    def asked(self):
        """An event that comes when a call of now is carried out, and the lane that it got."""
        came, lane = threading.Event(), []

        def call(number):
            lane.append(number)
            came.set()
        self.lanes.submit(call)
        return came, lane

    def test_a_call_behind_hanging_ones_gets_a_lane_of_its_own_after_2_s(self):
        self.hang(lanes.AT_ONCE)
        self.on_their_way(lanes.AT_ONCE)
        came, lane = self.asked()
        self.assertEqual(0.0, self.lanes.waits_s())
        came.wait(0.1)
        self.assertEqual([], lane)
        self.clock.at += 2.5
        self.assertEqual(0.0, self.lanes.waits_s())
        came.wait(LIMIT_S)
        self.assertEqual([1], lane)

    def test_no_more_than_libvirtd_bears_and_then_it_is_told_how_long_one_has_waited(self):
        self.hang(lanes.AT_ONCE * lanes.MOST)
        for _ in range(lanes.MOST):
            self.clock.at += 2.5
            self.lanes.waits_s()
        self.on_their_way(lanes.AT_ONCE * lanes.MOST)
        came, lane = self.asked()
        for span_s in (5.0, 10.0):
            self.clock.at += 5.0
            self.assertEqual(span_s, self.lanes.waits_s())
        self.assertFalse(came.is_set() or lane)
        self.free.set()
        came.wait(LIMIT_S)
        self.assertTrue(lane)
        self.assertEqual(0.0, self.lanes.waits_s())

    def test_where_nothing_hangs_one_lane_does_it_all(self):
        done = []
        for _ in range(50):
            came, lane = self.asked()
            came.wait(LIMIT_S)
            done += lane
        self.assertEqual([0] * 50, done)


if __name__ == '__main__':
    unittest.main()
