"""The first shutdown after the installation, nothing configured, guests that ran before; and what happens without the package."""

import pytest

GUESTS = {'a': {'delay_s': 3}, 'b': {'delay_s': 6}}
POWER_OFF = {'systemd': 'poweroff', 'sysvinit': 'init 0'}
DISABLE = {'systemd': 'systemctl mask --now libvirt-guests.service', 'sysvinit': 'update-rc.d libvirt-guests disable'}
# systemd's own network, and a file system that counts as remote.
NETWORK_AND_REMOTE_FILES = """
systemctl unmask systemd-networkd && systemctl start systemd-networkd
truncate -s 16M /lab/remote.ext4 && mke2fs -q -t ext4 /lab/remote.ext4 && mkdir /srv/remote
echo '/lab/remote.ext4 /srv/remote ext4 loop,_netdev 0 0' >>/etc/fstab
systemctl daemon-reload && systemctl start remote-fs.target srv-remote.mount && systemctl is-active network.target
"""
# Each may only begin to stop when the last guest is off.
NEEDED_BY_GUESTS = {
    'systemd': ['Stopping libvirtd.service', 'Stopping systemd-machined.service', 'Stopping virtlogd.service',
                'Stopped target network.target', 'Stopping systemd-networkd.service', 'Stopped target remote-fs.target',
                'Unmounting srv-remote.mount'],
    'sysvinit': ['Stopping libvirt management daemon', 'Stopping libvirt logging daemon', 'Asking all remaining processes',
                 'Stopping enhanced syslogd', 'Will now halt'],
}


def last_off(host):
    """When the last guest said on its own console that it was going off, as stamped outside."""
    return max(line.at for line in host.machine.lines if line.source.startswith('guest') and line.text.endswith(' OFF'))


@pytest.mark.quick
@pytest.mark.on('systemd', 'sysvinit')
def test_control_without_the_package_guests_end_dirty(suite, new_host):
    host = new_host(GUESTS)
    host.run(DISABLE[suite.init])
    host.start_guests()
    assert host.goes_down(POWER_OFF[suite.init]) == 'guest-shutdown'
    evidence = host.evidence()
    assert evidence.disks_say(host.guests) == {'a': 'DIRTY', 'b': 'DIRTY'}
    assert evidence.host_fs == 'clean'
    assert [host.said(guest) for guest in host.guests] == [['READY'], ['READY']]


@pytest.mark.quick
@pytest.mark.on('systemd', 'sysvinit')
def test_first_shutdown_after_installation(suite, new_host):
    """Guests off, then libvirt, then storage and network, then power."""
    host = new_host(GUESTS)
    if suite.init == 'systemd':
        host.run(NETWORK_AND_REMOTE_FILES)
    host.start_guests()
    host.install()
    assert host.goes_down(POWER_OFF[suite.init]) == 'guest-shutdown'
    evidence = host.evidence()
    assert evidence.disks_say(host.guests) == {'a': 'CLEAN', 'b': 'CLEAN'}
    assert evidence.host_fs == 'clean'
    assert [host.said(guest) for guest in host.guests] == [['READY', 'PRESSED', 'OFF']] * 2
    run = evidence.run()
    assert (run['verb'], run['exit'], [guest['outcome'] for guest in run['guests']]) == ('host-stop', 0, ['off', 'off'])
    # The console shortens long names of units. From systemd 256 on networkd has a second unit, which nobody needs for long.
    console = [line for line in host.machine.lines if line.source == 'console' and 'systemd-networkd-' not in line.text]
    for text in NEEDED_BY_GUESTS[suite.init]:
        at = [line.at for line in console if text[:24] in line.text]
        assert at and at[0] > last_off(host), (text, host.machine.log())
    if suite.init == 'systemd':
        assert journal_is_in_order(evidence)


def journal_is_in_order(evidence):
    journal = evidence.journal()
    off = [entry.at for entry in journal if entry.who == 'kvm-graceful-shutdown.service' and 'off by itself' in entry.text]
    for text in NEEDED_BY_GUESTS['systemd']:
        at = [entry.at for entry in journal if entry.text.startswith(text)]
        assert at and at[-1] > max(off), text
    return True
