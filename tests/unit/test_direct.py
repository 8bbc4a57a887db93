"""Past libvirtd: guests that were off before anybody could take their monitors."""
from __future__ import absolute_import, division, print_function

import unittest

from kvm_graceful.clock import Clock
from kvm_graceful.hypervisor.direct import Direct
from kvm_graceful.hypervisor.qemuprocess import Process
from kvm_graceful.model import Off
from tests.unit.support import guest


class Hold(unittest.TestCase):
    def test_guests_that_are_gone_are_told_and_whoever_is_told_may_take_them_out(self):
        watched = dict((one.key, (one, Process(2 ** 22 + 1, 1))) for one in (guest('a'), guest('b'), guest('c')))
        told = []

        def tell(fact):
            told.append(fact)
            watched.pop(fact.key)
        direct = Direct('qemu:///system', Clock(), tell)
        self.assertFalse(direct.holds())
        direct.hold(watched)
        self.assertTrue(direct.holds())
        direct.release()
        self.assertFalse(direct.holds())
        self.assertEqual([(Off, 'gone')] * 3, [(type(fact), fact.how) for fact in told])
        self.assertEqual({}, watched)


if __name__ == '__main__':
    unittest.main()
