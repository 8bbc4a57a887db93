"""Ubuntu 11.10 to 14.10 go down: libvirt-bin's own pre-stop would destroy guests after 30 s. They need 45 s, and have them.

Real guests, libvirtd, and the installed package under Python 2.7 with libvirt 1.2.2's API; upstart and rc are stand-ins, which
do what the real ones were seen to do (tests/lab/upstart.py). All hosts go down when the first test begins (conftest.upstart_hosts).
"""
import pytest


@pytest.mark.parametrize('release', ['13.10', '14.10'])
def test_guests_of_45_s_end_by_themselves_on_upstart(upstart_hosts, release):
    host, fleet = upstart_hosts(release)
    assert [(guest.name, guest.disk_says(), guest.said()[-1]) for guest in fleet.guests] == [
        ('db', 'CLEAN', 'OFF'), ('slow', 'CLEAN', 'OFF')], host.happened
    # The pre-stop gave way at once; then the job held libvirt-bin, and the script held rc.
    began = host.when('libvirt-bin stop/pre-stop')
    assert host.when('libvirt-bin stop/stopping') - began < 20
    assert host.when('kvm-graceful-shutdown ended with 0') - began > 44
    assert host.when('sendsigs finds') > host.when('libvirt-bin stop/waiting') > host.when('kvm-graceful-shutdown ended with 0')
    assert {what for _, what in host.happened if what.startswith('sendsigs')} == {'sendsigs finds 0'}
    assert 'takes the place' in next(what for _, what in host.happened if what.startswith('kvm-graceful-shutdown-takeover ended'))
    report = host.report
    assert (report['verb'], report['exit']) == ('host-stop', 0)
    assert {guest['name']: (guest['outcome'], guest['forced']) for guest in report['guests']} == {
        'slow': ('off', None), 'db': ('off', None)}
    # The pre-stop may have pressed a button or two before it was ended; what was left to us went in order.
    told = {guest['name']: guest for guest in report['guests']}
    assert told['db']['asked'] is None or told['db']['asked'] >= told['slow']['off']


def test_control_guests_of_45_s_are_destroyed_by_the_pre_stop_on_upstart(upstart_hosts):
    """The same host without the job that takes the pre-stop's place: the other one comes too late."""
    host, fleet = upstart_hosts('14.10 without the takeover')
    slow = next(guest for guest in fleet.guests if guest.name == 'slow')
    assert (slow.disk_says(), slow.said()[-1]) == ('DIRTY', 'PRESSED'), host.happened
    assert 28 < host.when('libvirt-bin stop/stopping') - host.when('libvirt-bin stop/pre-stop') < 45
