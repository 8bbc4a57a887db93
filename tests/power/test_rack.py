"""A rack on one UPS: the storage host, which has its cable, and three others, each with upsmon, a libvirtd and guests of its own."""

import contextlib
import os
import time

import pytest

from tests.lab.fleet import Consoles
from tests.lab.libvirtd import LabError, Libvirtd, wait_until
from tests.lab.network import Network
from tests.lab.nut import Nut
from tests.lab.upsmon import UpsHost

BATTERY_S, HOSTSYNC_S, HOST_S, TAKES_S = 64, 40, 4, 5
SETTINGS = 'DEADLINE=200\nHOST_TIME=%d\nBATTERY_SHARE=100\n' % HOST_S
GUESTS = '[*]\ngrace = 5\n[slow*]\ngrace = 12\n'
# (host, role, UPS, guests with the seconds that they take). The control's secondary has no watcher, and its host-stop knows of no
# UPS: either would stay logged in for it.
HOSTS = [('storage', 'primary', 'rack', {'nfs': 2}), ('one', 'secondary', 'rack', {'web': 2, 'slow': 9}),
         ('two', 'secondary', 'rack', {'db': 2}), ('three', 'secondary', 'rack', {'app': 2}),
         ('control storage', 'primary', 'control', {'disks': 2}), ('control one', 'secondary', 'control', {'slow-too': 9})]


@pytest.fixture
def rack():
    """(Nut, {name: UpsHost}): all on, and watched."""
    with contextlib.ExitStack() as stack:
        try:
            network = stack.enter_context(contextlib.closing(Network('kgs-%d' % os.getpid(), len(HOSTS))))
            nut = stack.enter_context(contextlib.closing(Nut(('rack', 'control'), network.address(0), 3493, network.prefix(0))))
            libvirtds = [stack.enter_context(contextlib.closing(Libvirtd())) for _ in HOSTS]
        except LabError as e:
            pytest.skip(str(e))
        nut.start()
        hosts = {}
        for number, ((name, role, ups, guests), libvirtd) in enumerate(zip(HOSTS, libvirtds)):
            host = hosts[name] = UpsHost(libvirtd, nut, ups, role, network.prefix(number), 'HOSTSYNC %d\n' % HOSTSYNC_S, SETTINGS, GUESTS,
                                         blind=name == 'control one')
            for guest, delay_s in guests.items():
                host.fleet.add(guest, delay_s=delay_s)
            host.fleet.start()
            host.start_upsmon()
            if name != 'control one':
                host.watch()
        yield nut, hosts


def test_the_storage_host_goes_last_and_the_power_is_cut_only_then(rack):
    nut, hosts = rack
    guests = {(name, guest.name): guest for name, host in hosts.items() for guest in host.fleet.guests}
    with Consoles(guests.values()) as consoles:
        begun = time.monotonic()
        for ups in ('rack', 'control'):
            nut.discharges(ups, 'OB DISCHRG', BATTERY_S, 80)
        wait_until(lambda: all(host.instant('off') for host in hosts.values()), BATTERY_S + 60, 'all hosts are down: %s' % {
            name: (host.instant('down'), host.instant('off')) for name, host in hosts.items()}, 0.2)
    said = {name: host.said() for name, host in hosts.items()}
    storage = hosts['storage']
    last_off = max(hosts[name].instant('off') for name in ('one', 'two', 'three'))
    print('\n'.join('%-16s told to go down after %5.1f s, guests off after %5.1f s' % (
        name, host.instant('down') - begun, host.instant('off') - begun) for name, host in hosts.items()))

    # The margin of the primary has the wait for the others in it.
    assert storage.instant('down') - begun < BATTERY_S - HOST_S - TAKES_S
    assert [guest.disk_says() for (name, _), guest in guests.items() if 'control' not in name] == ['CLEAN'] * 5
    # As the hosts saw it, and as the guests' own consoles did.
    assert storage.instant('down') >= last_off, said
    pressed = consoles.when(guests['storage', 'nfs'], 'PRESSED')
    assert pressed is not None
    off = [at for at, _, word in consoles.heard if word == 'OFF' and at < pressed]
    assert len(off) >= 4
    # The flag by which the last script of this host has the UPS cut the power: nobody else is on any more.
    assert os.path.getmtime(storage.flag) - time.time() + time.monotonic() >= last_off - 0.1
    assert max(host.instant('off') for name, host in hosts.items() if 'control' not in name) <= begun + BATTERY_S - HOST_S
    for name in ('one', 'two', 'three'):
        assert 'shut down now' not in said[name], said[name]

    # Its watcher saw the others log in, and says what is too short for them.
    assert 'HOSTSYNC is 40 s: where other hosts on this UPS have guests' in said['storage'], said['storage']

    # The control: with nobody logged in for it, the primary does not wait for the slow guest of its secondary.
    assert hosts['control storage'].instant('down') < hosts['control one'].instant('off'), said
