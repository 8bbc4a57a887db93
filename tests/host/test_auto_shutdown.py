"""libvirt 12's own auto-shutdown and ours on the same host, ten guests of which one is paused: who is there sooner, and who is lost."""

import pytest

from tests.host.host import OFF

GUESTS = {'g%d' % number: {'delay_s': 3} for number in range(10)}
# All of it that there is: ask everybody, wait as long as it does by itself, then end who is left.
AUTO_SHUTDOWN = """
systemctl mask --now libvirt-guests.service
printf 'auto_shutdown_try_shutdown = "all"\\nauto_shutdown_poweroff = "all"\\n' >>/etc/libvirt/qemu.conf
systemctl restart libvirtd.service
"""
GONE = 'the last QEMU has ended'
# While the host goes down: tells on the console when no guest's process is left.
POWER_OFF = "(while pgrep -x qemu-system-x86; do sleep 0.1; done >/dev/null; echo '%s' >/dev/console) >/dev/null 2>&1 & poweroff" % GONE


def goes_down(host):
    """(seconds from `poweroff` to the end of the last QEMU, {guest: CLEAN or DIRTY}); the guest in the middle is paused."""
    host.start_guests()
    host.run('virsh -q -c qemu:///system suspend g5')
    since = host.machine.seconds()
    assert host.goes_down(POWER_OFF) == OFF
    gone = [line.at for line in host.machine.lines if line.source == 'console' and GONE in line.text]
    assert gone, host.machine.log()
    return gone[0] - since, host.evidence().disks_say(host.guests)


@pytest.mark.on('systemd', but=('bookworm', 'trixie'))
def test_sooner_than_libvirts_auto_shutdown_and_no_guest_is_lost(suite, new_host):
    theirs = new_host(GUESTS)
    theirs.run(AUTO_SHUTDOWN)
    took, says = goes_down(theirs)
    print("\nlibvirt's auto-shutdown: the last guest off after %.1f s, %d of 10 CLEAN" % (took, list(says.values()).count('CLEAN')))
    ours = new_host(GUESTS, installed=True)
    our_took, our_says = goes_down(ours)
    print('kvm-graceful: the last guest off after %.1f s, %d of 10 CLEAN' % (our_took, list(our_says.values()).count('CLEAN')))
    assert set(our_says.values()) == {'CLEAN'}
    assert our_took < took
