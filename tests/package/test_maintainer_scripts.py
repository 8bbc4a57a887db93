"""What dpkg's scripts do on each step of the package's life: run for real, with stand-ins for the commands they call.

debhelper's defaults would stop the unit, and with it every guest, on an upgrade. What is checked is therefore which
commands are called, not which text the scripts hold; and the same check is shown to find the fault where it is.
"""
import os
import re

import pytest

from tests.package.building import build, copy_of_checkout, output, unpacked, with_unit_flags

COMMANDS = ('systemctl', 'deb-systemd-invoke', 'deb-systemd-helper', 'update-rc.d', 'invoke-rc.d', 'py3compile',
            'py3clean')
UNIT = 'kvm-graceful-shutdown.service'
START = 'kvm-graceful-start.service'


class Life(object):
    """A host with stand-ins for what maintainer scripts call; `calls` tells the scripts' calls in order."""

    def __init__(self, package, folder, systemd=True):
        self.package, self.folder = package, folder
        self.log = os.path.join(folder, 'log')
        self.state = os.path.join(folder, 'state')
        os.makedirs(os.path.join(folder, 'bin'))
        os.makedirs(os.path.join(folder, 'init.d'))
        for command in COMMANDS:
            path = os.path.join(folder, 'bin', command)
            with open(path, 'w') as stream:
                stream.write('#!/bin/sh\necho "%s $*" >>%s\n' % (command, self.log))
            os.chmod(path, 0o755)
        if systemd:
            os.makedirs(os.path.join(folder, 'systemd'))
        for script in ('kvm-graceful-shutdown', 'kvm-graceful-watch'):
            output(['cp', package.root + '/etc/init.d/' + script, os.path.join(folder, 'init.d')])

    def calls(self, script, *words):
        """What the package's `script` calls, with these words as dpkg would give them."""
        path = os.path.join(self.package.control, script)
        if not os.path.exists(path):
            return []
        with open(path) as stream:
            text = stream.read()
        for place, stand_in in (('/run/systemd/system', 'systemd'), ('/etc/init.d', 'init.d'),
                                ('/usr/bin/deb-systemd-helper', 'bin/deb-systemd-helper'),
                                ('/var/lib/kvm-graceful-shutdown', 'state'), ('/etc/rc', 'rc')):
            text = text.replace(place, os.path.join(self.folder, stand_in))
        with open(os.path.join(self.folder, script), 'w') as stream:
            stream.write(text)
        if os.path.exists(self.log):
            os.remove(self.log)
        output(['/bin/sh', os.path.join(self.folder, script)] + list(words),
               env={'PATH': os.path.join(self.folder, 'bin') + ':/usr/bin:/bin', 'DPKG_MAINTSCRIPT_NAME': script,
                    'DPKG_MAINTSCRIPT_PACKAGE': 'kvm-graceful-shutdown'})
        if not os.path.exists(self.log):
            return []
        with open(self.log) as stream:
            return stream.read().splitlines()

    def upgrade(self):
        """All calls of an upgrade, in dpkg's order, the old package being of the same build."""
        return (self.calls('prerm', 'upgrade', '9') + self.calls('preinst', 'upgrade', '0.0.1', '9')
                + self.calls('postrm', 'upgrade', '9') + self.calls('postinst', 'configure', '0.0.1'))


def stops(calls):
    """Those calls that stop or restart something."""
    return [call for call in calls if re.match(r'(systemctl|deb-systemd-invoke|invoke-rc\.d) ', call)
            and re.search(r'\b(stop|restart|try-restart|reload-or-restart|force-reload|isolate|kill)\b', call)]


@pytest.fixture
def life(package, tmp_path):
    return Life(package, str(tmp_path / 'host'))


def test_first_installation_starts_and_enables_the_unit(life):
    assert life.calls('preinst', 'install') == []
    calls = life.calls('postinst', 'configure', '')
    assert 'deb-systemd-invoke start %s' % UNIT in calls
    assert 'deb-systemd-helper enable %s' % UNIT in calls
    assert 'update-rc.d kvm-graceful-shutdown defaults' in calls
    assert not stops(calls)
    assert not [call for call in calls if call.startswith('invoke-rc.d')]


def test_no_step_of_its_life_starts_or_stops_the_start_of_guests(life):
    calls = life.calls('preinst', 'install') + life.calls('postinst', 'configure', '')
    assert 'deb-systemd-helper enable %s' % START in calls
    calls += life.upgrade() + life.calls('prerm', 'remove') + life.calls('postrm', 'remove') + life.calls('postrm', 'purge')
    assert not [call for call in calls if START in call and call.split()[0] in ('systemctl', 'deb-systemd-invoke', 'invoke-rc.d')]


def test_nobody_enables_or_starts_the_watcher(life):
    calls = life.calls('preinst', 'install') + life.calls('postinst', 'configure', '') + life.upgrade()
    assert {call for call in calls if call.startswith('update-rc.d kvm-graceful-watch')} == {
        'update-rc.d kvm-graceful-watch defaults-disabled'}
    assert not [call for call in calls if call.split()[0] in ('invoke-rc.d', 'deb-systemd-invoke', 'systemctl')
                and 'kvm-graceful-watch' in call]


def test_on_ubuntu_16_04_the_watcher_is_disabled_in_two_steps(life):
    """Its update-rc.d does not know `defaults-disabled`."""
    path = os.path.join(life.folder, 'bin', 'update-rc.d')
    with open(path) as stream:
        text = stream.read()
    with open(path, 'w') as stream:
        stream.write(text + '[ "$2" != defaults-disabled ]\n')
    calls = life.calls('postinst', 'configure', '')
    assert [call.split(None, 2)[2] for call in calls if call.startswith('update-rc.d kvm-graceful-watch')] == [
        'defaults-disabled', 'defaults', 'disable']


def test_upgrade_stops_nothing(life):
    calls = life.upgrade()
    assert 'deb-systemd-invoke start %s' % UNIT in calls  # nothing where the unit is active
    assert stops(calls) == []


@pytest.mark.parametrize('words', [('abort-upgrade', '9'), ('abort-remove',),
                                   ('abort-deconfigure', 'in-favour', 'x', '1')])
def test_a_step_taken_back_stops_nothing(life, words):
    calls = life.calls('postinst', *words)
    assert calls
    assert stops(calls) == []


def test_removal_stops_the_unit_alone(life):
    """What that stop does is up to host-stop, which touches no guest unless the host is going down."""
    assert stops(life.calls('prerm', 'remove')) == ['deb-systemd-invoke stop %s' % UNIT]
    assert stops(life.calls('postrm', 'remove')) == []


def test_purge_leaves_nothing_behind(life):
    os.makedirs(life.state)
    with open(os.path.join(life.state, 'history.json'), 'w') as stream:
        stream.write('{}')
    life.calls('postrm', 'remove')
    assert os.path.exists(life.state)
    calls = life.calls('postrm', 'purge')
    assert 'update-rc.d kvm-graceful-shutdown remove' in calls
    assert 'update-rc.d kvm-graceful-watch remove' in calls
    assert 'deb-systemd-helper purge %s' % UNIT in calls
    assert not os.path.exists(life.state)


def test_each_script_may_run_twice(life):
    for script, words in (('preinst', ('install',)), ('postinst', ('configure', '')), ('prerm', ('remove',)),
                          ('postrm', ('remove',)), ('postrm', ('purge',))):
        assert life.calls(script, *words) == life.calls(script, *words)


def test_without_systemd_only_the_links_are_made(package, tmp_path):
    life = Life(package, str(tmp_path / 'host'), systemd=False)
    calls = life.calls('postinst', 'configure', '') + life.upgrade() + life.calls('prerm', 'remove')
    assert 'update-rc.d kvm-graceful-shutdown defaults' in calls
    # The watcher touches no guest, and would go on without its program.
    assert [call for call in calls if call.startswith(('systemctl', 'deb-systemd-invoke', 'invoke-rc.d'))] == [
        'invoke-rc.d kvm-graceful-watch stop']


@pytest.mark.parametrize('flags', ['', '--no-start'])
def test_control_other_flags_are_seen_to_stop_the_unit_on_upgrade(tmp_path, flags):
    """The same package built with debhelper's defaults, and with the flag that only looks right."""
    source = copy_of_checkout(str(tmp_path / 'source'))
    with_unit_flags(source, flags)
    other = unpacked(build(source, str(tmp_path / 'out')), str(tmp_path / 'other'))
    assert stops(Life(other, str(tmp_path / 'host')).upgrade())
