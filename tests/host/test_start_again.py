"""Hosts that reboot: guests come back as they were, in order, once; and a poweroff in the middle of that loses none."""

import json

import pytest

REBOOT = {'systemd': 'reboot', 'sysvinit': 'init 6'}
POWER_OFF = {'systemd': 'poweroff', 'sysvinit': 'init 0'}
GUESTS = {name: {'delay_s': 2} for name in ('web', 'app', 'db', 'idle', 'kept', 'was-off')}
CONFIGURE = """
printf 'ON_BOOT=%s\\nSTART_DELAY=%d\\n' >/etc/default/kvm-graceful-shutdown
printf '[web]\\nneeds = app\\n[app]\\nneeds = db\\n[kept]\\non-shutdown = save\\n' >/etc/kvm-graceful-shutdown/guests.conf
"""
RUNNING = 'virsh -q -c qemu:///system list | grep -q running'
STATES = "for name in %s; do echo $name $(virsh -q -c qemu:///system domstate $name); done"


def states(host):
    lines = host.run(STATES % ' '.join(GUESTS)).splitlines()
    return dict(line.split(' ', 1) for line in lines)


def started(host):
    """{guest's name: what became of it} once host-start has come to its end."""
    path = '/var/lib/kvm-graceful-shutdown/started.json'
    host.wait_until("grep -q '\"exit\": [0-9]' %s" % path)
    return {guest['name']: guest for guest in json.loads(host.run('cat %s' % path))['guests']}


def wait_until_one_runs(host):
    host.wait_until('pgrep -x "qemu-system-.*"')  # this takes a tenth of what virsh does
    host.wait_until(RUNNING)


def prepared(new_host, suite, on_boot='start', delay_s=0):
    host = new_host(GUESTS, installed=True, running=True, console_in_file=True)
    host.run(CONFIGURE % (on_boot, delay_s))
    host.run('virsh -q -c qemu:///system suspend idle; virsh -q -c qemu:///system destroy was-off')
    return host


def said(host, name):
    guest = next(guest for guest in host.guests if guest.name == name)
    text = host.run('cat %s' % guest.inside.replace('.img', '.log'))
    return [line.split()[-1] for line in text.splitlines() if line.strip()]


@pytest.mark.on('systemd', 'sysvinit')
def test_a_reboot_brings_six_guests_back_as_they_were(suite, new_host):
    host = prepared(new_host, suite)
    before = states(host)
    assert before == {'web': 'running', 'app': 'running', 'db': 'running', 'kept': 'running', 'idle': 'paused', 'was-off': 'shut off'}
    assert host.goes_down(REBOOT[suite.init]) == 'guest-reset'
    evidence = host.evidence()
    assert evidence.disks_say(host.guests)['db'] == 'CLEAN'
    run = evidence.run()
    assert {guest['name']: guest['outcome'] for guest in run['guests']}['kept'] == 'saved', run
    host.machine.start_again()
    became = started(host)
    assert (became['kept']['outcome'], became['kept']['started_as']) == ('saved', 'resumed'), became
    assert became['db']['ready'] <= became['app']['at'] <= became['app']['ready'] <= became['web']['at'], became
    assert states(host) == before
    assert said(host, 'kept') == ['READY']  # it never noticed
    assert said(host, 'db') == ['READY', 'PRESSED', 'OFF', 'READY']
    # Once: the next boot starts nobody.
    assert host.attempt('test -e /var/lib/kvm-graceful-shutdown/restore.json').code == 1


@pytest.mark.on('systemd', 'sysvinit')
def test_a_poweroff_while_guests_are_being_started_leaves_all_clean_and_brings_all_back(suite, new_host):
    host = prepared(new_host, suite, delay_s=25)
    host.run('virsh -q -c qemu:///system resume idle')
    host.goes_down(REBOOT[suite.init])
    host.machine.start_again()
    wait_until_one_runs(host)
    on = [name for name, state in states(host).items() if state == 'running']
    assert 1 <= len(on) <= 3
    host.run('sed -i "s/^START_DELAY=.*/START_DELAY=0/" /etc/default/kvm-graceful-shutdown')  # for the start that is not cut off
    host.goes_down(POWER_OFF[suite.init])
    evidence = host.evidence()
    assert {name: says for name, says in evidence.disks_say(host.guests).items() if name not in ('kept', 'was-off')} == dict.fromkeys(
        ('web', 'app', 'db', 'idle'), 'CLEAN'), (on, evidence.run(), host.machine.log())
    assert evidence.run()['exit'] == 0
    host.machine.start_again()
    host.run('true')
    host.wait_until('[ $(pgrep -xc "qemu-system-.*") = 5 ]')
    host.wait_until('[ $(virsh -q -c qemu:///system list | grep -c running) = 5 ]')


# libvirt asks this before it starts a guest; it looks for such a hook only when it starts itself.
REFUSE_APP = """
mkdir -p /etc/libvirt/hooks && printf '#!/bin/sh\\n[ "$1 $2" != "app prepare" ]\\n' >/etc/libvirt/hooks/qemu
chmod +x /etc/libvirt/hooks/qemu
"""
FAILED = {'systemd': 'systemctl is-failed kvm-graceful-start', 'sysvinit': '! pgrep -f "[k]vm-graceful host-start"'}


@pytest.mark.on('systemd', 'sysvinit')
@pytest.mark.parametrize('why, how', [('a-guest-does-not-start', 'reboot'), ('killed', 'poweroff')])
def test_the_start_failed_and_the_shutdown_after_it_leaves_all_clean(suite, new_host, why, how):
    host = prepared(new_host, suite, delay_s=0 if why != 'killed' else 25)
    host.run('virsh -q -c qemu:///system resume idle')
    if why != 'killed':
        host.run(REFUSE_APP)
    assert host.goes_down(REBOOT[suite.init]) == 'guest-reset'
    host.machine.start_again()
    if why == 'killed':
        wait_until_one_runs(host)
        host.run('pkill -KILL -f "[k]vm-graceful host-start"; sleep 2')
    else:
        assert started(host)['app']['started_as'] == 'failed'
    host.run(FAILED[suite.init])
    on = [name for name, state in states(host).items() if state == 'running']
    assert on and 'app' not in on
    command = {'poweroff': POWER_OFF, 'reboot': REBOOT}[how][suite.init]
    assert host.goes_down(command) == {'poweroff': 'guest-shutdown', 'reboot': 'guest-reset'}[how]
    evidence = host.evidence()
    run = evidence.run()
    assert run['exit'] == 0
    went = {guest['name'] for guest in run['guests'] if guest['outcome'] in ('off', 'saved')}
    # libvirtd may have been at the start of one more, which was there a moment later.
    assert set(on) <= went and 'app' not in went
    says = evidence.disks_say(host.guests)
    assert {name: says[name] for name in ('web', 'app', 'db', 'idle')} == dict.fromkeys(('web', 'app', 'db', 'idle'), 'CLEAN')
    assert evidence.host_fs == 'clean'
