"""The watcher: real upsd and upsmon, a battery that discharges, real guests. It sheds load, and begins at the last moment that fits."""

import contextlib
import json
import os
import re
import time

import pytest

from kvm_graceful.watch import POLL_MAINS_S
from tests.lab.fleet import Consoles
from tests.lab.libvirtd import LabError, Libvirtd, children_of, wait_until
from tests.lab.upsmon import UpsHost, cpu_s, memory_mb

BATTERY_S, HOST_S, TAKES_S, BEGIN_S, POLL_S = 60, 4, 10, 2, 2
SHED_S = 4
SETTINGS = 'DEADLINE=200\nHOST_TIME=%d\nBATTERY_SHARE=100\nRESTART_CHARGE=50\nSTART_DELAY=2\nON_BOOT=start\n' % HOST_S
# What a guest is expected to take is its grace, as long as nothing was measured.
GUESTS = '[*]\ngrace = 5\n[web]\nneeds = db\n[app]\nneeds = batch\n[batch]\nshed = %d\n' % SHED_S


@pytest.fixture
def hosts(nuts):
    """hosts(nut, ups): a host with a web and a db, and upsmon as its UPS's primary."""
    with contextlib.ExitStack() as stack:
        def make(nut, ups):
            try:
                libvirtd = stack.enter_context(contextlib.closing(Libvirtd()))
            except LabError as e:
                pytest.skip(str(e))
            told = os.path.join(libvirtd.folder, 'told')
            with open(told + '.sh', 'w') as f:
                f.write('#!/bin/sh\necho "$1" >>%s\n' % told)
            os.chmod(told + '.sh', 0o755)
            host = UpsHost(libvirtd, nut, ups, settings=SETTINGS + 'NOTIFY=%s.sh\n' % told, guests=GUESTS)
            for name in ('web', 'db', 'app', 'batch', 'hand'):
                host.fleet.add(name, delay_s=2)
            host.fleet.start()
            assert host.tool.run('stop', 'hand').exit == 0
            host.start_upsmon()
            return host
        yield make


def pressed(host):
    """But for the one that was stopped by hand."""
    return [guest.name for guest in host.fleet.guests if 'PRESSED' in guest.said() and guest.name != 'hand']


def on(host):
    return [guest.name for guest in host.fleet.guests if host.fleet.is_on(guest)]


def listed(host, name):
    """Names on a list; None where there is no such list."""
    try:
        with open(os.path.join(host.tool.state, name)) as f:
            return sorted(guest['name'] for guest in json.load(f)['guests'])
    except FileNotFoundError:
        return None


def told(host):
    """What people were told, without its numbers."""
    with open(os.path.join(host.libvirtd.folder, 'told')) as f:
        return [re.sub('[0-9]+', 'N', line) for line in f.read().splitlines()]


def restarted(host, watcher):
    """Its watcher is ended, and another begins, and has heard what a shutdown would take; its process id."""
    before = len(host.said())
    os.kill(watcher, 15)
    wait_until(lambda: not os.path.exists('/proc/%d' % watcher), 20, 'the watcher has ended')
    pid = host.watch()
    wait_until(lambda: 'on mains' in host.said()[before:], 30, 'it watches again: %s' % host.said())
    # What it asks once in six hours was begun before that line, and is read a poll after its end.
    wait_until(lambda: not children_of(pid), 60, 'its question is answered')
    time.sleep(POLL_MAINS_S + 1)
    return pid


def test_it_sheds_load_begins_at_the_last_moment_that_fits_and_not_at_all_when_the_power_returns_before(nuts, hosts):
    nut = nuts('curve', 'returns')
    goes, stays = hosts(nut, 'curve'), hosts(nut, 'returns')
    goes.watch()
    watcher = stays.watch()
    begun = time.monotonic()
    nut.discharges('curve', 'OB DISCHRG', BATTERY_S, 80)
    nut.discharges('returns', 'OB DISCHRG', BATTERY_S, 80)
    last = begun + BATTERY_S - HOST_S - TAKES_S - BEGIN_S

    app, batch = stays.fleet.guests[2:4]
    with Consoles([app, batch]) as consoles:
        wait_until(lambda: len(on(goes)) == len(on(stays)) == 2 or time.monotonic() > begun + 30, 60, 'load is shed')
        # Who needs it goes first, nobody before its time, and nobody else at all.
        assert pressed(goes) == pressed(stays) == ['app', 'batch'], (goes.said(), stays.said())
        assert begun + SHED_S <= consoles.when(app, 'PRESSED') <= consoles.when(app, 'OFF') <= consoles.when(batch, 'PRESSED')
    status = stays.tool.run('status', '--json', env=stays.environment).json
    assert status['power']['supply'] == 'battery'
    assert abs(status['power']['margin'] - (last - time.monotonic())) <= 6, (status['power'], last - time.monotonic())
    assert sorted(status['shed']) == ['app', 'batch']
    assert 'a shutdown has to begin in ' in stays.tool.run('status', env=stays.environment).out
    nut.says('returns', 'OL CHRG', 60, 49)
    wait_until(lambda: 'the power is back' in stays.said() or time.monotonic() - begun > 40, 60, 'the power is back')
    assert 'the power is back' in stays.said(), stays.said()
    watcher = restarted(stays, watcher)
    nut.says('returns', 'OB CAL LB', 5, 49)  # it measures its battery
    used_s, since = cpu_s(watcher), time.monotonic()

    wait_until(lambda: goes.instant('off'), 120, 'the host is down: %s' % goes.said())
    late_s = goes.instant('down') - last
    left_s = begun + BATTERY_S - goes.instant('off')
    print('began %.1f s after the last moment (%d s before it at most); the guests were off %.1f s before the battery was empty\n%s'
          % (late_s, POLL_S, left_s, goes.said()))
    # By what the battery said, exactly; by the clock the driver's second and a busy machine come on top.
    said_s = int(re.search('the battery has ([0-9]+) s left, and the margin is used up', goes.said()).group(1))
    assert HOST_S + TAKES_S + BEGIN_S <= said_s <= HOST_S + TAKES_S + BEGIN_S + POLL_S, goes.said()
    assert -POLL_S - 1 <= late_s <= 6, goes.said()
    assert left_s >= HOST_S
    assert [guest.disk_says() for guest in goes.fleet.guests] == ['CLEAN'] * 5
    assert 'upsmon -c fsd' in goes.said()
    assert 'HOSTSYNC' not in goes.said()  # nobody else is on this UPS
    assert goes.instant('init') is None
    run = goes.tool.run('report', '--json').json
    assert (run['verb'], run['exit']) == ('host-stop', 0)
    assert told(goes)[1:3] == ['kvm-graceful: load shedding: app, batch shut down after N s on battery', 'kvm-graceful: the host is shut down '
                               'now, with "upsmon -c fsd": the battery has N s left, and the margin is used up'], told(goes)
    assert 'has to begin in N s' in told(goes)[0]
    assert sorted(guest['name'] for guest in run['guests']) == ['db', 'web']
    assert [event['supply'] for event in run['events'] if event['what'] == 'power'][:1] == ['battery']
    # Whoever was shed comes back with the host, whoever was stopped by hand does not.
    assert (listed(goes, 'restore.json'), listed(goes, 'shed.json')) == (['app', 'batch', 'db', 'web'], None)
    assert goes.tool.run('host-start', '--json', env=goes.tool.runlevel('N 2')).exit == 0
    assert on(goes) == ['web', 'db', 'app', 'batch']

    # The same curve, and the power came back before that: nobody was shut down but those, and nothing is used for it.
    share = (cpu_s(watcher) - used_s) / (time.monotonic() - since)
    print('on mains the watcher takes %.3f %% of a core and %.1f MB' % (share * 100, memory_mb(watcher)))
    assert share < 0.001
    assert memory_mb(watcher) < 25
    assert on(stays) == ['web', 'db'], stays.said()  # the battery has not recovered
    nut.says('returns', 'OL RB', 60, 50)
    with Consoles([app, batch]) as consoles:
        wait_until(lambda: on(stays) == ['web', 'db', 'app', 'batch'], 60, 'exactly those are back: %s' % stays.said())
        wait_until(lambda: consoles.when(app, 'READY'), 30, 'app is up')
        assert consoles.when(batch, 'READY') < consoles.when(app, 'READY')
    wait_until(lambda: listed(stays, 'started.json') and not stays.tool.run('status', '--json').json['shed'], 20, 'the list is used up')
    assert (listed(stays, 'shed.json'), listed(stays, 'stopped.json')) == (None, ['hand'])
    assert [run['verb'] for run in stays.tool.run('report', '--list', '--json').json['runs']] == ['stop', 'shed']
    assert (stays.instant('down'), stays.instant('init'), sorted(pressed(stays))) == (None, None, ['app', 'batch'])
    assert 'shut down now' not in stays.said()
    assert [line.split(': ')[1].split(' after')[0] for line in told(stays)[1:]] == ['load shedding', 'the power is back', 'load shedding'], told(stays)
