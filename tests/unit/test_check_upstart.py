"""What check finds on a host that upstart runs."""
from __future__ import absolute_import, division, print_function

import os
import unittest

from kvm_graceful import listkeeper
from tests.unit.test_check import Root


class OnUpstart(Root):
    def setUp(self):
        Root.setUp(self)
        for path in ('rc0.d/K01kvm-graceful-shutdown-wait', 'rc6.d/K01kvm-graceful-shutdown-wait', 'init/kvm-graceful-shutdown.conf',
                     'init/kvm-graceful-shutdown-takeover.conf'):
            self.put('etc/' + path, '')

    def test_nothing_on_a_good_host(self):
        self.assertEqual({}, self.found('upstart'))

    def test_the_waiting_script_and_the_jobs(self):
        self.put('etc/init/kvm-graceful-shutdown.override', '# off\nmanual\n')
        self.assertEqual({'job-missing': 'error'}, self.found('upstart'))
        self.put('etc/init/kvm-graceful-shutdown.override', 'console output\n')
        self.assertEqual({}, self.found('upstart'))
        os.remove(os.path.join(self.root, 'etc/init/kvm-graceful-shutdown-takeover.conf'))
        self.assertEqual({'job-missing': 'error'}, self.found('upstart'))
        os.remove(os.path.join(self.root, 'etc/rc6.d/K01kvm-graceful-shutdown-wait'))
        self.assertEqual({'job-missing': 'error', 'init-script-not-enabled': 'error'}, self.found('upstart'))

    def test_the_boot(self):
        self.assertFalse(listkeeper.start_is_enabled(self.root))
        self.put('etc/init/kvm-graceful-start.conf', '')
        self.assertTrue(listkeeper.start_is_enabled(self.root))
        self.put('etc/init/kvm-graceful-start.override', '# by hand\nmanual\n')
        self.assertFalse(listkeeper.start_is_enabled(self.root))


if __name__ == '__main__':
    unittest.main()
