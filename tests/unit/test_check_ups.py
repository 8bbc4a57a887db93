"""check and the UPS: from the lines of a real upsmon.conf, and from what a UPS says. That it is really asked: tests/power."""
from __future__ import absolute_import, division, print_function

import os
import shutil
import unittest

from kvm_graceful import settings, upsfindings
from kvm_graceful.power import BATTERY, MAINS, UNKNOWN, Reading, feed, hostdown, lastmoment, outlook, sources
from tests.unit.test_check import Root


class TheUps(Root):
    def setUp(self):
        Root.setUp(self)
        self.says()

    def says(self, supply=MAINS, runtime_s=1200.0, logins=1, text='OL'):
        """What the UPS says from now on."""
        self.reading = Reading(supply, runtime_s, 100.0, False, False, logins, text, True)

    def watcher(self):
        """The watcher is at work."""
        self.put('proc/77/cmdline', '/usr/bin/python3\0-Es\0/usr/sbin/kvm-graceful\0watch\0--state-dir\0%s\0' % os.path.join(self.root, 'state'))

    def found_of_ups(self, expected_s=100.0):
        loaded = settings.load('/none', '/none')
        found = sources.find(loaded, self.root, {})
        notice_s = hostdown.notice_s(found, self.reading)
        margin_s = lastmoment.margin_s(self.reading._replace(supply=BATTERY), expected_s or 0.0, notice_s, feed.trust(loaded))
        seen = outlook.Seen(found, self.reading, notice_s, margin_s)
        return dict((one.id, one.level) for one in upsfindings.of_ups(seen, 'systemd', self.look().watches, expected_s,
                                                                           300.0))

    def test_the_ups(self):
        self.put('etc/nut/upsmon.conf', '# MONITOR x@y 1 a b master\nMONITOR ups@localhost 1 admin secret primary\n')
        self.assertEqual({'not-watched': 'warning'}, self.found_of_ups())
        self.watcher()
        self.assertEqual({}, self.found_of_ups())
        # 100 s for the guests, 30 for the host, 2 + 5 before the first is asked, from 80 % of what it says.
        self.says(runtime_s=172.0)
        self.assertEqual({}, self.found_of_ups())
        self.says(runtime_s=171.0)
        self.assertEqual({'ups-runtime': 'error'}, self.found_of_ups())
        self.assertEqual({}, self.found_of_ups(expected_s=None))  # no guest is on
        self.says(supply=UNKNOWN, text='upsd says DATA-STALE')
        self.assertEqual({'ups-silent': 'warning'}, self.found_of_ups())
        self.says(runtime_s=None)
        self.assertEqual({'ups-no-runtime': 'warning'}, self.found_of_ups())
        for text in ('OL RB', 'a@localhost: OL; b@localhost: OL CHRG RB'):
            self.says(text=text)
            self.assertEqual({'ups-replace-battery': 'warning'}, self.found_of_ups())

    def test_other_hosts_on_the_ups(self):
        self.watcher()
        self.put('etc/nut/upsmon.conf', 'MONITOR ups@localhost 1 admin secret primary\n')
        self.says(logins=2)
        self.assertEqual({'ups-hostsync': 'warning'}, self.found_of_ups())
        self.put('etc/nut/upsmon.conf', 'MONITOR ups@localhost 1 admin secret master\nHOSTSYNC 400\n')
        self.assertEqual({}, self.found_of_ups())
        self.put('etc/nut/upsmon.conf', 'MONITOR ups@localhost 1 admin secret master\nHOSTSYNC 400\nFINALDELAY 60\nMONITOR x@y z\n')
        self.assertEqual({'ups-finaldelay': 'warning'}, self.found_of_ups())
        self.put('etc/nut/upsmon.conf', 'MONITOR ups@main 1 admin secret slave\n')
        self.assertEqual({}, self.found_of_ups())  # the watcher is logged in until the guests are off
        shutil.rmtree(os.path.join(self.root, 'proc/77'))
        self.assertEqual({'ups-secondary': 'warning', 'not-watched': 'warning'}, self.found_of_ups())
        self.put('etc/nut/upsmon.conf', 'MONITOR ups@main one admin secret slave\nMONITOR ups@main 1 admin secret slave\nSHUTDOWNEXIT no\n')
        self.assertEqual({'ups-configuration': 'warning', 'not-watched': 'warning'}, self.found_of_ups())

    def test_guests_to_be_shed_need_a_watcher(self):
        for names, watches, said in ((['batch'], False, 'batch'), (list('abcdefg'), False, 'a, b, c, d, e and others'), (['batch'], True, None),
                                     ([], False, None)):
            found = upsfindings.of_shed(names, 'systemd', watches)
            self.assertEqual([said] if said else [], [one.what.split(': ')[1] for one in found])

    def test_apcupsd(self):
        self.watcher()
        self.put('etc/apcupsd/apcupsd.conf', 'UPSCABLE usb\n')
        self.says(runtime_s=90.0)
        self.assertEqual({'ups-runtime': 'error'}, self.found_of_ups())
        self.says(text='ONLINE REPLACEBATT')
        self.assertEqual({'ups-replace-battery': 'warning'}, self.found_of_ups())


if __name__ == '__main__':
    unittest.main()
