"""check: one mistake after the other is made on a host that is good otherwise, in files below a root and in what its programs say."""
from __future__ import absolute_import, division, print_function

import os
import shutil
import tempfile
import unittest

from kvm_graceful import findings, guestfindings, inspection, listkeeper, settings
from kvm_graceful.hypervisor import domainfacts
from kvm_graceful.model import Problem
from kvm_graceful.report import findings as report
from tests.unit.support import NEVER, Simulation, guest, policy, takes

UNITS = """\
Id=kvm-graceful-shutdown.service
LoadState=loaded
UnitFileState=enabled
ActiveState=active
TimeoutStopUSec=29min
Before=shutdown.target

Id=virt-guest-shutdown.target
UnitFileState=static
ActiveState=active

Id=libvirt-guests.service
UnitFileState=enabled
ActiveState=active

Id=pacemaker.service
LoadState=not-found
UnitFileState=
ActiveState=inactive
"""
SCOPES = """\
Id=machine-qemu\\x2d1\\x2dweb.scope
ActiveState=active
Before=shutdown.target virt-guest-shutdown.target
"""
GOOD = domainfacts.Facts(True, False, False)


class Root(unittest.TestCase):
    """`answers`: what a program prints, by its first words; `put`: a file below the root."""

    def setUp(self):
        self.root = tempfile.mkdtemp()
        self.units, self.scopes, self.answers = UNITS, SCOPES, {}
        os.mkdir(os.path.join(self.root, 'proc'))
        self.put('etc/default/kvm-graceful-shutdown', '')
        self.put('etc/default/libvirt-guests', '#ON_BOOT=ignore\n')
        self.put('etc/libvirt/qemu.conf', '#auto_shutdown_poweroff = "all"\nauto_shutdown_try_save = "none"\n')
        os.mkdir(os.path.join(self.root, 'state'))

    def tearDown(self):
        shutil.rmtree(self.root)

    def put(self, path, text):
        path = os.path.join(self.root, path)
        if not os.path.isdir(os.path.dirname(path)):
            os.makedirs(os.path.dirname(path))
        with open(path, 'w') as stream:
            stream.write(text)

    def run_it(self, words):
        if words[:2] == ['systemctl', 'show']:
            return self.scopes if 'machine-qemu*.scope' in words else self.units
        return self.answers.get(' '.join(words))

    def look(self, init='systemd', starts=False):
        return inspection.look(init, self.root, self.run_it, os.path.join(self.root, 'etc/default/kvm-graceful-shutdown'),
                               os.path.join(self.root, 'state'), starts)

    def found(self, init='systemd', limit_s=1680.0, starts=False):
        """{id: level} of the host's findings."""
        loaded = settings.load(os.path.join(self.root, 'etc/default/kvm-graceful-shutdown'), os.path.join(self.root, 'none'))
        deadline_s = float(min(loaded.deadline_s or limit_s, limit_s))
        seen = self.look(init, starts)
        return dict((one.id, one.level) for one in findings.of_host(seen, loaded, deadline_s, limit_s))


class OnSystemd(Root):
    def changed(self, old, new):
        self.assertTrue(old in self.units, old)
        self.units = self.units.replace(old, new)
        return self.found()

    def test_nothing_on_a_good_host(self):
        self.assertEqual({}, self.found())

    def test_the_unit(self):
        self.assertEqual({'unit-not-enabled': 'error'}, self.changed('UnitFileState=enabled\nActiveState=active\nTimeout',
                                                                     'UnitFileState=masked\nActiveState=active\nTimeout'))
        self.units = UNITS
        self.assertEqual({'unit-not-active': 'error'}, self.changed('ActiveState=active\nTimeout', 'ActiveState=failed\nTimeout'))
        self.units = ''  # a manager that does not answer, or a program that was never installed
        self.assertEqual(['target-not-active', 'unit-not-active', 'unit-not-enabled'], sorted(self.found()))

    def test_its_time(self):
        self.assertEqual({'unit-timeout': 'error'}, self.changed('=29min', '=1min 30s'))
        self.units = UNITS
        self.assertEqual({'unit-timeout-unbounded': 'warning'}, self.changed('=29min', '=infinity'))
        self.put('etc/default/kvm-graceful-shutdown', 'DEADLINE=3600\n')
        self.units = UNITS
        self.assertEqual('warning', self.found()['deadline-above-limit'])

    def test_the_target_and_the_scopes(self):
        self.assertEqual({'target-not-active': 'error'}, self.changed('static\nActiveState=active', 'static\nActiveState=inactive'))
        self.units, self.scopes = UNITS, SCOPES.replace(' virt-guest-shutdown.target', '')
        self.assertEqual({'scope-order': 'error'}, self.found())
        self.scopes = SCOPES.replace('virt-guest-shutdown.target', 'virtqemud.service')  # auto_shutdown_* was on: our unit goes first
        self.assertEqual({}, self.found())

    def test_a_second_manager(self):
        self.put('etc/libvirt/qemu.conf', 'auto_shutdown_try_shutdown = "all"\n')
        self.assertEqual({'auto-shutdown': 'warning'}, self.found())
        self.put('etc/libvirt/qemu.conf', '')
        self.put('etc/default/libvirt-guests', 'ON_SHUTDOWN=suspend\nSHUTDOWN_TIMEOUT=10\n')
        self.assertEqual({}, self.found())  # ours does the same then
        self.put('etc/default/kvm-graceful-shutdown', 'ON_SHUTDOWN=shutdown\n')
        self.assertEqual({'libvirt-guests-differs': 'warning'}, self.found())
        self.put('etc/default/kvm-graceful-shutdown', '')
        self.assertEqual({'pacemaker': 'warning'}, self.changed('UnitFileState=\nActiveState=inactive', 'UnitFileState=disabled\nActiveState=active'))

    def test_the_boot(self):
        self.put('etc/default/kvm-graceful-shutdown', 'ON_BOOT=start\n')
        self.assertEqual({'start-not-enabled': 'warning'}, self.found())
        self.assertEqual({}, self.found(starts=True))
        os.makedirs(os.path.join(self.root, 'run/systemd/system'))
        self.assertFalse(listkeeper.start_is_enabled(self.root))
        self.put('etc/systemd/system/multi-user.target.wants/kvm-graceful-start.service', '')
        self.assertTrue(listkeeper.start_is_enabled(self.root))

    def test_the_state_directory(self):
        os.rmdir(os.path.join(self.root, 'state'))
        self.assertEqual({}, self.found())  # it will be made
        self.put('state', 'a file')
        self.assertEqual({'state-directory': 'error'}, self.found())

    def test_spans_as_systemd_writes_them(self):
        for text, span_s in (('29min', 1740), ('1min 30s', 90), ('1h 500ms', 3600.5), ('infinity', None), ('', None)):
            self.assertEqual(span_s, inspection.span_s(text), text)


class OnSysvinit(Root):
    def test_the_init_script_is_called_on_both_ways_down(self):
        self.assertEqual({'init-script-not-enabled': 'error'}, self.found('sysvinit'))
        self.put('etc/rc0.d/K01kvm-graceful-shutdown', '')
        self.assertEqual({'init-script-not-enabled': 'error'}, self.found('sysvinit'))
        self.put('etc/rc6.d/K02kvm-graceful-shutdown', '')
        self.assertEqual({}, self.found('sysvinit'))

    def test_a_disabled_libvirt_guests_breaks_the_chain_from_libvirtd_to_us(self):
        for path in ('rc0.d/K01', 'rc6.d/K01'):
            self.put('etc/%skvm-graceful-shutdown' % path, '')
            self.put('etc/%slibvirt-guests' % path.replace('1', '2'), '')
        self.put('etc/rc2.d/S12libvirt-guests', '')
        self.assertEqual({}, self.found('sysvinit'))
        os.rename(os.path.join(self.root, 'etc/rc2.d/S12libvirt-guests'), os.path.join(self.root, 'etc/rc2.d/K02libvirt-guests'))
        self.assertEqual({'libvirt-guests-disabled': 'warning'}, self.found('sysvinit'))

    def test_a_second_manager(self):
        for level in '06':
            for script in ('kvm-graceful-shutdown', 'pacemaker'):
                self.put('etc/rc%s.d/K01%s' % (level, script), '')
        self.assertEqual({'pacemaker': 'warning'}, self.found('sysvinit'))


class Guests(unittest.TestCase):
    def found(self, one=None, wanted=None, facts=GOOD, measured_s=None, on_boot='ignore'):
        loaded = settings.Settings()
        loaded.on_boot = on_boot
        return dict((finding.id, finding.level) for finding in guestfindings.of_guest(
            one or guest('web', agent='connected'), wanted or policy(), facts, measured_s, loaded))

    def test_nothing_with_good_ones(self):
        self.assertEqual({}, self.found())
        self.assertEqual({}, self.found(guest('web'), policy(grace_s=60, needs='db'), measured_s=59.0, on_boot='start'))

    def test_how_it_is_asked(self):
        deaf = GOOD._replace(acpi=False)
        self.assertEqual({'no-acpi': 'warning'}, self.found(facts=deaf))
        self.assertEqual({'no-acpi': 'error'}, self.found(guest('web'), facts=deaf))
        only_agent = policy(method=(('agent', 30.0),))
        self.assertEqual({}, self.found(wanted=only_agent, facts=deaf))
        self.assertEqual({'cannot-be-asked': 'error'}, self.found(guest('web'), only_agent))
        silent = guest('web', agent='disconnected', up_s=1000.0)
        self.assertEqual({'agent-silent': 'warning'}, self.found(silent))
        self.assertEqual({}, self.found(silent, policy(method=(('acpi', None),))))
        # Who is not asked at all cannot be asked wrongly.
        self.assertEqual({}, self.found(guest('web'), policy(on_shutdown='ignore'), deaf))
        self.assertEqual({}, self.found(guest('web'), policy(on_shutdown='destroy'), deaf))

    def test_what_else_is_wrong_with_it(self):
        self.assertEqual({'on-poweroff-restart': 'warning'}, self.found(guest('web', restarts=True)))
        self.assertEqual({'io-error': 'error'}, self.found(guest('web', state='paused', reason='I/O error')))
        self.assertEqual({'grace-too-short': 'error'}, self.found(wanted=policy(grace_s=30), measured_s=31.0))
        unsafe = GOOD._replace(unsafe_cache=True)
        self.assertEqual({'cache-unsafe': 'warning'}, self.found(facts=unsafe))
        self.assertEqual({}, self.found(wanted=policy(on_timeout='leave'), facts=unsafe))

    def test_the_boot(self):
        auto = GOOD._replace(autostart=True)
        self.assertEqual({'autostart-order': 'warning'}, self.found(wanted=policy(needs='db'), facts=auto, on_boot='start'))
        self.assertEqual({}, self.found(wanted=policy(needs='db'), facts=auto))
        self.assertEqual({'transient-not-started': 'warning'}, self.found(guest('web', persistent=False), on_boot='start'))

    def test_the_time_for_all_of_them(self):
        def found(deadline_s, measured, **more):
            run = Simulation(dict((name, policy(needs=need) if need else policy()) for name, need in (('a', 'b'), ('b', 'c'), ('c', ''))),
                             dict((name, more.get(name, takes(50))) for name in 'abc'), deadline_s,
                             estimates=dict.fromkeys('abc', 50.0))
            return [(one.id, one.level) for one in guestfindings.of_time(run.engine.results(), measured, deadline_s)]
        self.assertEqual([], found(300.0, ['a', 'b', 'c']))
        self.assertEqual([('deadline-too-short', 'error')], found(100.0, ['a', 'b', 'c']))
        self.assertEqual([('deadline-perhaps-too-short', 'warning')], found(100.0, []))
        self.assertEqual([('deadline-too-short', 'error')], found(300.0, ['a', 'b', 'c'], a=NEVER))

    def test_saves_that_cannot_be(self):
        for text, id_ in (('web cannot be saved: it is transient; shut down instead', 'cannot-save'),
                          ('web cannot be saved: it needs 4096 MiB, and 100 are free; shut down instead', 'save-space'),
                          ('is not a history, and is made anew', 'history')):
            self.assertEqual(id_, guestfindings.of_problem(Problem('warning', '', None, text)).id)

    def test_what_an_xml_tells(self):
        xml = '<domain><os><type arch="%s">hvm</type></os><features>%s</features><devices><disk><driver cache="%s"/></disk></devices></domain>'
        self.assertEqual(domainfacts.Facts(True, False, False), domainfacts.parse(xml % ('x86_64', '<acpi/>', 'none')))
        self.assertEqual(domainfacts.Facts(False, True, False), domainfacts.parse(xml % ('x86_64', '', 'unsafe')))
        self.assertEqual(True, domainfacts.parse(xml % ('s390x', '', 'none')).acpi)
        self.assertRaises(ValueError, domainfacts.parse, '<domain')


class Uris(unittest.TestCase):
    def test_those_of_no_use_are_refused_with_the_reason(self):
        found, good = findings.of_uris(['qemu:///system', 'lxc:///', 'xen+ssh://host/', 'test:///default'])
        self.assertEqual((['uri-refused'] * 2, ['qemu:///system', 'test:///default']), ([one.id for one in found], good))
        self.assertTrue('container' in found[0].what and 'xendomains' in found[1].what)


class Text(unittest.TestCase):
    def test_one_line_a_finding_with_what_to_do(self):
        found = [findings.error('no-acpi', 'has no ACPI', 'add it', 'my guest')._asdict(),
                 findings.warning('pacemaker', 'Pacemaker runs', 'stop it')._asdict()]
        data = {'findings': found, 'guests': 3, 'measured': 1, 'expected': 62.0, 'deadline': 300.0}
        self.assertEqual('error:   "my guest" has no ACPI. To mend it: add it. [no-acpi]\n'
                         'warning: Pacemaker runs. To mend it: stop it. [pacemaker]\n\n'
                         '1 error, 1 warning. 3 guests on; a shutdown is expected to take 62 s of 300 s.\n'
                         'Never measured: 2 of them. kvm-graceful drill GUEST shuts one down, measures it and starts it again.',
                         report.text(data))
        data = {'findings': [], 'guests': 1, 'measured': 1, 'expected': 62.0, 'deadline': 300.0}
        self.assertEqual('Nothing found. 1 guest on; a shutdown is expected to take 62 s of 300 s.', report.text(data))


if __name__ == '__main__':
    unittest.main()
