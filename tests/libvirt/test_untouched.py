"""At no other time is a guest touched: only host-stop on a host that really goes down shuts guests down."""

import os
import statistics

import pytest


def test_a_restart_of_libvirtd_leaves_every_guest_running(libvirtd, fleet):
    guests = [fleet.add('guest%d' % n) for n in range(2)]
    fleet.start()
    before = [libvirtd.qemu_pid(guest) for guest in guests]
    libvirtd.restart()
    assert [libvirtd.qemu_pid(guest) for guest in guests] == before
    assert all(fleet.is_on(guest) for guest in guests)
    assert [guest.said() for guest in guests] == [['READY'], ['READY']]


@pytest.mark.parametrize('says', ['N 2', '2 3', 'S 5'])
def test_host_stop_on_a_host_that_is_not_going_down_leaves_every_guest_running(tool, fleet, says):
    guest = fleet.add('guest', delay_s=1)
    fleet.start()
    ended = tool.run('host-stop', '--json', env=tool.runlevel(says))
    assert ended.exit == 0, ended
    assert (ended.json['schema'], ended.json['verb'], ended.json['acted']) == (1, 'host-stop', False)
    assert ended.json['why']
    assert fleet.is_on(guest)
    assert guest.said() == ['READY']
    assert not os.path.exists(tool.state) or os.listdir(tool.state) == []


@pytest.mark.parametrize('says', ['2 0', '2 6', '2 1'])
def test_host_stop_on_a_host_that_goes_down_shuts_the_guests_down(tool, fleet, says):
    guests = [fleet.add(name, delay_s=1) for name in ('web', 'db')]
    fleet.start()
    tool.configure(guests='[web]\nneeds = db\n')
    ended = tool.run('host-stop', '--json', env=tool.runlevel(says))
    assert ended.exit == 0, ended
    assert ended.json['verb'] == 'host-stop'
    assert [guest.disk_says() for guest in guests] == ['CLEAN', 'CLEAN']
    assert ended.guest('db')['asked'] >= ended.guest('web')['off']
    assert ended.json['acted'] is True
    assert dict(tool.run('report', '--json').json, acted=True) == ended.json


def test_host_stop_touches_nobody_where_nothing_tells_whether_the_host_goes_down(tool, fleet):
    guest = fleet.add('guest', delay_s=1)
    fleet.start()
    ended = tool.run('host-stop', env=tool.runlevel('unknown'))
    assert ended.exit == 1, ended
    assert fleet.is_on(guest)
    assert guest.said() == ['READY']


@pytest.mark.parametrize('level, goes_down', [('0', True), ('2', False)])
def test_host_stop_called_by_sysvinit_trusts_the_runlevel_that_it_was_called_for(tool, fleet, level, goes_down):
    """utmp may be gone. A change to runlevel 2 is a stop that init asked for too, but no end of the host."""
    guest = fleet.add('guest', delay_s=1)
    fleet.start()
    ended = tool.run('host-stop', env=dict(tool.runlevel('unknown'), RUNLEVEL=level))
    assert fleet.is_on(guest) is not goes_down, ended
    assert guest.disk_says() == ('CLEAN' if goes_down else 'DIRTY')


def test_host_stop_goes_on_with_a_broken_configuration_and_records_the_problems(tool, fleet):
    guests = [fleet.add(name, delay_s=1) for name in ('web', 'db')]
    fleet.start()
    tool.configure('DEADLINE=soon\nGRACE=$(reboot)\n', '[web]\nneeds = db\n\n[db]\nflavour = vanilla\n')
    ended = tool.run('host-stop', '--json', env=tool.runlevel('2 0'))
    assert ended.exit == 0, ended
    assert [guest.disk_says() for guest in guests] == ['CLEAN', 'CLEAN']
    # The good lines are in force.
    assert ended.guest('db')['asked'] >= ended.guest('web')['off']
    assert ended.json['deadline'] == 300
    warnings = '\n'.join(str(warning) for warning in tool.run('report', '--json').json['warnings'])
    for place in ('default:1', 'default:2', 'guests.conf:5'):
        assert place in warnings


def test_host_stop_without_guests_ends_at_once(tool):
    calls = [tool.run('host-stop', '--json', env=tool.runlevel('2 0')) for _ in range(5)]
    for ended in calls:
        assert ended.exit == 0, ended
        assert ended.json['acted'] is False
    assert statistics.median(ended.seconds for ended in calls) < 0.3


def test_host_stop_without_guests_never_connects(tool, fleet):
    def traced(verb, says):
        trace = os.path.join(tool.folder, 'trace')
        env = tool.runlevel(says)
        ended = tool.run(verb, env=env, before=['strace', '-f', '-qq', '-e', 'trace=connect,openat', '-o', trace])
        assert ended.exit == 0, ended
        with open(trace) as f:
            return f.read()

    without = traced('host-stop', '2 0')
    assert 'kvm_graceful' in without
    assert 'libvirt-sock' not in without
    assert 'libvirtmod' not in without
    # The same look does see a connection where there is one: status, and host-stop as soon as there is a guest.
    fleet.add('guest', delay_s=0)
    fleet.start()
    for verb in ('status', 'host-stop'):
        trace = traced(verb, '2 0')
        assert 'libvirtmod' in trace
        assert 'libvirt-sock' in trace
