"""Every way in which a host goes down: its guests are off by themselves before, and its file system is left clean."""

import pytest

from tests.host.host import AGAIN, OFF, check

GUESTS = {'a': {'delay_s': 3}, 'b': {'delay_s': 6}}


@pytest.fixture
def host(new_host):
    return new_host(GUESTS, installed=True, running=True)


@pytest.mark.on('systemd')
@pytest.mark.parametrize('command, ended', [
    ('reboot', AGAIN), ('shutdown -h now', OFF), ('shutdown +1', OFF), ('systemctl start poweroff.target', OFF),
    ('systemctl isolate reboot.target', AGAIN), ('kill -INT 1', AGAIN), ('kill -s RTMIN+4 1', OFF)])
def test_systemd(host, command, ended):
    check(host, host.goes_down(command), ended)


@pytest.mark.on('sysvinit')
@pytest.mark.parametrize('command, ended', [
    ('init 6', AGAIN), ('poweroff', OFF), ('reboot', AGAIN), ('shutdown -P -h now', OFF), ('shutdown -P -h +1', OFF),
    ('kill -INT 1', AGAIN)])
def test_sysvinit(host, command, ended):
    check(host, host.goes_down(command), ended)


@pytest.mark.on('systemd', 'sysvinit')
def test_power_button(host):
    """That of the host, as a UPS or a hand presses it; logind and elogind listen."""
    host.machine.press_power_button()
    check(host, host.machine.wait_until_off(), OFF)


@pytest.mark.on('systemd', 'sysvinit')
def test_ctrl_alt_del(host):
    host.machine.press_ctrl_alt_del()
    check(host, host.machine.wait_until_off(), AGAIN)


@pytest.mark.on('systemd')
def test_halt(host):
    """A machine that has halted is not off: somebody switches it off. (Debian's sysvinit powers off on `halt`.)"""
    host.machine.send('halt')
    host.machine.wait_for(r'.*reboot: System halted', 300, 'console')
    host.machine.switch_off()
    check(host, OFF, OFF)


@pytest.mark.on('sysvinit')
def test_init_1(host):
    """killprocs ends every process on the way to single-user mode, QEMU too; the guests are off before."""
    host.machine.send('init 1')
    host.wait_until('pgrep -x sulogin')  # killprocs ends what listens, too, twice
    assert host.run('runlevel | cut -c 3') in '1S'
    host.run('sync')
    host.machine.switch_off()
    evidence = host.evidence()
    assert evidence.disks_say(host.guests) == {'a': 'CLEAN', 'b': 'CLEAN'}
    assert evidence.run()['exit'] == 0
    assert [host.said(guest) for guest in host.guests] == [['PRESSED', 'OFF']] * 2


LOAD_KERNEL = 'kexec -l /boot/vmlinuz-* --initrd=/lab/initramfs --reuse-cmdline && '


@pytest.mark.on('systemd')
def test_kexec(host):
    """Another kernel, without a power-off in between."""
    before = host.run('cat /proc/sys/kernel/random/boot_id')
    host.machine.wait_until_again(LOAD_KERNEL + 'systemctl kexec', 200)
    assert host.run('cat /proc/sys/kernel/random/boot_id') != before
    check(host, host.goes_down('poweroff'), OFF)
    assert [host.said(guest) for guest in host.guests] == [['PRESSED', 'OFF']] * 2


@pytest.mark.on('systemd', but=['bookworm'])
def test_soft_reboot(host):
    """The same kernel, and all else anew; from systemd 254 on."""
    boot = host.run('cat /proc/sys/kernel/random/boot_id')
    host.machine.wait_until_again('systemctl soft-reboot', 400)
    assert host.run('cat /proc/sys/kernel/random/boot_id') == boot
    assert host.run('systemctl show --value --property=SoftRebootsCount') == '1'
    check(host, host.goes_down('poweroff'), OFF)
    assert [host.said(guest) for guest in host.guests] == [['PRESSED', 'OFF']] * 2


# Keeps the boot from coming to its end.
SLOW_BOOT = {'systemd': """
cat >/etc/systemd/system/slow-boot.service <<'END'
[Unit]
Before=time-sync.target
Wants=time-sync.target
[Service]
Type=oneshot
ExecStart=/bin/sleep 10000
TimeoutStartSec=infinity
[Install]
WantedBy=multi-user.target
END
systemctl enable slow-boot
""", 'sysvinit': """
cat >/etc/init.d/slow-boot <<'END'
#!/bin/sh
### BEGIN INIT INFO
# Provides:          slow-boot
# Required-Start:    $all
# Required-Stop:
# Default-Start:     2 3 4 5
# Default-Stop:
### END INIT INFO
[ "$1" != start ] || sleep 10000
END
chmod +x /etc/init.d/slow-boot && update-rc.d slow-boot defaults
"""}
STILL_BOOTING = {'systemd': '[ "$(systemctl is-system-running)" = starting ] && systemctl is-active kvm-graceful-shutdown',
                 'sysvinit': 'pgrep -f "^/bin/sh /etc/init.d/rc 2"'}


@pytest.mark.on('systemd', 'sysvinit')
def test_poweroff_while_the_boot_is_still_going_on(suite, host):
    """Guests with autostart run already, and something else keeps the boot waiting, what our own unit is ordered after too."""
    host.run('for name in a b; do virsh -q -c qemu:///system autostart $name; done\n' + SLOW_BOOT[suite.init])
    assert host.goes_down({'systemd': 'reboot', 'sysvinit': 'init 6'}[suite.init]) == AGAIN
    since = len(host.machine.lines)
    host.machine.start_again()
    for number, guest in enumerate(host.guests):
        host.machine.wait_for('%s READY' % guest.label, 300, 'guest%d' % number, since)
    host.run(STILL_BOOTING[suite.init])
    check(host, host.goes_down({'systemd': 'poweroff', 'sysvinit': 'init 0'}[suite.init]), OFF)
    assert [host.said(guest) for guest in host.guests] == [['PRESSED', 'OFF', 'READY', 'PRESSED', 'OFF']] * 2
