"""check on a real libvirtd: a host with every mistake that can be made here, and one without any."""

import contextlib
import os
import subprocess

import pytest

UNITS = """\
Id=kvm-graceful-shutdown.service
UnitFileState=%(file)s
ActiveState=%(state)s
TimeoutStopUSec=%(limit)s

Id=virt-guest-shutdown.target
ActiveState=%(state)s

Id=libvirt-guests.service
UnitFileState=enabled
ActiveState=active

Id=pacemaker.service
ActiveState=%(pacemaker)s

"""
SCOPE = 'Id=machine-qemu-1-web.scope\nBefore=shutdown.target%s\n'
GOOD = dict(file='enabled', state='active', limit='29min', pacemaker='inactive')
BAD = dict(file='disabled', state='inactive', limit='1min 30s', pacemaker='active')
ACPI = '<features><acpi/></features>'


@pytest.fixture
def systemd(libvirtd, tool):
    """A function that gives the environment of a host with systemd, whose systemctl says these things."""
    marks = os.path.join(libvirtd.state, 'run/systemd/system')
    os.makedirs(marks)

    def says(units, scope):
        environment = tool.runlevel('N 2')
        folder = environment['PATH'].split(':')[0]
        for name, text in (('units', UNITS % units), ('scopes', SCOPE % scope)):
            with open(os.path.join(folder, name), 'w') as f:
                f.write(text)
        path = os.path.join(folder, 'systemctl')
        with open(path, 'w') as f:
            f.write('#!/bin/sh\ncase "$*" in *scope) cat %s/scopes ;; *) cat %s/units ;; esac\n' % (folder, folder))
        os.chmod(path, 0o755)
        return environment
    yield says
    os.removedirs(marks)


@pytest.fixture
def qemu_conf(libvirtd):
    """A function that adds a line to qemu.conf, for this test."""
    path = os.path.join(libvirtd.state, 'etc/qemu.conf')
    with open(path) as f:
        before = f.read()

    def add(line):
        with open(path, 'a') as f:
            f.write(line + '\n')
    yield add
    with open(path, 'w') as f:
        f.write(before)


@contextlib.contextmanager
def qemu_of_nobody(libvirtd):
    """What looks like a QEMU that libvirt does not know."""
    words = ['bash', '-c', 'exec -a qemu-system-x86_64 sleep 600']
    process = subprocess.Popen(libvirtd.command(words), stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        # nsenter stays in front of it and hands on no signal.
        for pid, name in libvirtd.processes().items():
            if name == 'sleep':
                os.kill(pid, 15)
        process.wait()


@pytest.mark.since('0.9.10', 'metadata and agents')
def test_a_host_with_25_mistakes(libvirtd, tool, fleet, systemd, qemu_conf):
    deaf, again, silent = fleet.add('deaf'), fleet.add('again', on_poweroff='restart'), fleet.add('silent', channel='closed')
    # What the lab's guest reads from a button that is not there says nothing.
    deaf.xml = deaf.xml.replace(ACPI, '')
    unsafe = fleet.add('unsafe')
    unsafe.xml = unsafe.xml.replace("type='raw'/>", "type='raw' cache='unsafe'/>")
    fleet.add('transient', transient=True)
    for name in ('a', 'b', 'web', 'app', 'db'):
        fleet.add(name)
    fleet.start()
    fleet.domain(fleet.guests[-3]).setAutostart(1)
    environment = systemd(BAD, '')
    qemu_conf('auto_shutdown_try_shutdown = "all"')
    with open(tool.state, 'w'):
        pass  # where the state directory should be
    tool.configure('DEADLINE=100\nGRACE=5m\nON_BOOT=start\nON_SHUTDOWN=shutdown\nURIS="qemu:///system lxc:///"\n', """\
[a]
needs = b
[b]
needs = a
[web]
needs = app, dbb
[app]
needs = db
[transient]
on-timeout = save
[silent]
method = agent, acpi
[unsafe]
method = agent
[db]
shed = 60
""")
    with open(os.path.join(tool.folder, 'libvirt-guests'), 'w') as f:
        f.write('ON_SHUTDOWN=suspend\n')
    with qemu_of_nobody(libvirtd):
        ended = tool.run('check', '--json', env=environment)
        text = tool.run('check', env=environment)
    found = {(one['id'], one['guest']): one['level'] for one in ended.json['findings']}
    assert found == {
        ('unit-not-enabled', ''): 'error', ('unit-not-active', ''): 'error', ('unit-timeout', ''): 'error',
        ('target-not-active', ''): 'error', ('scope-order', ''): 'error', ('state-directory', ''): 'error',
        ('auto-shutdown', ''): 'warning', ('libvirt-guests-differs', ''): 'warning', ('pacemaker', ''): 'warning',
        ('start-not-enabled', ''): 'warning', ('uri-refused', ''): 'error', ('configuration', ''): 'error',
        ('needs-circle', ''): 'error', ('no-such-guest', ''): 'warning', ('not-handled', ''): 'warning',
        ('deadline-perhaps-too-short', ''): 'warning', ('no-acpi', 'deaf'): 'error',
        ('on-poweroff-restart', 'again'): 'warning', ('agent-silent', 'silent'): 'warning',
        ('cannot-save', ''): 'warning', ('cannot-be-asked', 'unsafe'): 'error', ('cache-unsafe', 'unsafe'): 'warning',
        ('shed-not-watched', ''): 'warning', ('transient-not-started', 'transient'): 'warning', ('autostart-order', 'web'): 'warning'}, ended
    assert len(ended.json['findings']) == len(found) == 25
    assert (ended.exit, text.exit) == (2, 2)
    # One line each: what, and what to do.
    lines = [line for line in text.out.splitlines() if line.startswith(('error', 'warning'))]
    assert len(lines) == len(found)
    assert all('To mend it: ' in line for line in lines)
    assert 'did you mean db?' in text.out
    assert [guest.said() for guest in (again, silent)] == [['READY']] * 2


def test_nothing_is_found_on_a_good_host(tool, fleet, systemd):
    web, db = fleet.add('web', delay_s=1), fleet.add('db', delay_s=1)
    fleet.start()
    tool.configure('', '[web]\nneeds = db\n')
    environment = systemd(GOOD, ' virt-guest-shutdown.target')
    ended = tool.run('check', env=environment)
    assert (ended.exit, ended.err) == (0, ''), ended
    assert ended.out == ('Nothing found. 2 guests on; a shutdown is expected to take 120 s of 300 s.\n'
                         'Never measured: 2 of them. kvm-graceful drill GUEST shuts one down, measures it and starts it again.\n')
    assert not os.path.exists(tool.state)
    assert [guest.said() for guest in (web, db)] == [['READY']] * 2
    # The very same with one mistake.
    tool.configure('ON_TIMEOUT=leaf\n')
    ended = tool.run('check', env=environment)
    assert ended.exit == 2, ended
    assert ended.out.count('To mend it') == 1
    assert 'default:1' in ended.out


def test_a_hypervisor_that_does_not_answer_is_one_finding(tool, systemd):
    ended = tool.run('check', '--json', '--uri', 'qemu+unix:///system?socket=/no/such/socket',
                     env=systemd(GOOD, ' virt-guest-shutdown.target'))
    assert [one['id'] for one in ended.json['findings']] == ['no-hypervisor'], ended
    assert ended.exit == 2
