"""Nothing but the host's end touches a guest: one boot, in which everything else happens; at last the host goes down."""

import pytest

from tests.host.host import hosts
from tests.host.machine import INSTALL_LIMIT_S

GUESTS = {'a': {'delay_s': 2}, 'b': {'delay_s': 3}}


class GuestsStay:
    """What the two below share. Each test finds the guests as the one before left them: on, and never asked."""

    @pytest.fixture(scope='class')
    def host(self, suite, images, debs):
        with hosts(suite, images, debs) as make:
            host = make(GUESTS, installed=True)
            host.start_guests()
            yield host

    @pytest.fixture
    def same_guests(self, host):
        before = host.processes()
        assert sorted(before) == sorted(GUESTS)
        yield host
        assert host.processes() == before
        assert [host.said(guest) for guest in host.guests] == [['READY']] * len(GUESTS)

    def go_down(self, host, how):
        assert host.goes_down(how) == 'guest-shutdown'
        evidence = host.evidence()
        assert evidence.disks_say(host.guests) == dict.fromkeys(GUESTS, 'CLEAN')
        assert evidence.host_fs == 'clean'
        assert evidence.run()['exit'] == 0


@pytest.mark.on('systemd')
class TestSystemd(GuestsStay):

    @pytest.mark.quick
    @pytest.mark.parametrize('words', ['stop kvm-graceful-shutdown', 'start kvm-graceful-shutdown',
                                       'restart kvm-graceful-shutdown', 'restart libvirtd'])
    def test_systemctl(self, same_guests, words):
        same_guests.run('systemctl ' + words)
        assert same_guests.run('systemctl is-active libvirtd') == 'active'

    @pytest.mark.quick
    @pytest.mark.parametrize('name', ['package', 'higher'], ids=['reinstalled', 'upgraded'])
    def test_package(self, same_guests, name):
        since = same_guests.run('date +%s.%N')
        same_guests.install(name)
        assert same_guests.run('systemctl is-active kvm-graceful-shutdown') == 'active'
        assert 'Stopp' not in same_guests.run('journalctl -u kvm-graceful-shutdown --since @' + since)

    @pytest.mark.quick
    def test_control_package_made_with_no_start_alone_stops_the_unit_on_upgrade(self, same_guests):
        same_guests.install('higher')
        since = same_guests.run('date +%s.%N')
        same_guests.install('no-start')
        assert same_guests.attempt('systemctl is-active kvm-graceful-shutdown').text == 'inactive'
        assert 'Stopped' in same_guests.run('journalctl -u kvm-graceful-shutdown --since @' + since)
        same_guests.install('higher')

    @pytest.mark.quick
    def test_removed_purged_and_installed_again(self, same_guests):
        same_guests.run('dpkg --remove kvm-graceful-shutdown 2>&1')
        same_guests.run('dpkg --purge kvm-graceful-shutdown 2>&1')
        same_guests.install('package')
        assert same_guests.run('systemctl is-active kvm-graceful-shutdown') == 'active'

    def test_libvirt_upgraded(self, same_guests):
        same_guests.run('dpkg -i /root/debs/*.deb 2>&1', INSTALL_LIMIT_S)
        assert same_guests.run('systemctl is-active kvm-graceful-shutdown') == 'active'

    def test_shutdown_taken_back(self, same_guests):
        same_guests.run('shutdown +1; sleep 20; shutdown -c; sleep 60')

    def test_rescue_target_and_back(self, same_guests):
        same_guests.run('systemctl isolate rescue.target; sleep 10')
        same_guests.processes()
        same_guests.run('systemctl isolate multi-user.target; sleep 3')
        assert same_guests.run('systemctl is-active kvm-graceful-shutdown') == 'active'

    @pytest.mark.quick
    def test_at_last_poweroff(self, host):
        """Past logind."""
        self.go_down(host, 'systemctl start --no-block poweroff.target')


@pytest.mark.on('sysvinit')
class TestSysvinit(GuestsStay):

    @pytest.mark.parametrize('words', ['kvm-graceful-shutdown start', 'kvm-graceful-shutdown stop', 'kvm-graceful-shutdown restart',
                                       'kvm-graceful-shutdown force-reload', 'libvirtd restart'])
    def test_service(self, same_guests, words):
        same_guests.run('service ' + words)
        same_guests.run('service libvirtd status')

    @pytest.mark.parametrize('name', ['package', 'higher'], ids=['reinstalled', 'upgraded'])
    def test_package(self, same_guests, name):
        same_guests.install(name)

    def test_removed_purged_and_installed_again(self, same_guests):
        same_guests.run('dpkg --remove kvm-graceful-shutdown 2>&1')
        same_guests.run('dpkg --purge kvm-graceful-shutdown 2>&1')
        same_guests.install('package')

    def test_libvirt_upgraded(self, same_guests):
        same_guests.run('dpkg -i /root/debs/*.deb 2>&1', INSTALL_LIMIT_S)

    def test_shutdown_taken_back(self, same_guests):
        same_guests.run('shutdown -P -h +1 </dev/null >/dev/null 2>&1 & sleep 20; shutdown -c; sleep 60')

    def test_at_last_halt(self, host):
        self.go_down(host, 'shutdown -h -P now')
