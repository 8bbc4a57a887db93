"""The libvirt floor: the same real guests end the same, whatever release's API the program gets to see, on Python 3 and 2.7.

What came later is hidden by tests/lab/oldlibvirt.py. With the API of 0.7.5 there are no events, no flags, no reasons: all is
seen by polling.
"""

import os

import pytest

from tests.lab.fleet import Consoles

from .conftest import new_tool

# (python, release of libvirt whose API is seen; None: all of today's)
WAYS = [('3', None), ('3', '1.2.2'), ('3', '0.9.8'), ('3', '0.9.2'), ('3', '0.7.5'), ('2.7', None), ('2.7', '0.7.5')]
IDS = ['Python %s, libvirt %s' % (python, api or 'of today') for python, api in WAYS]
GUESTS_CONF = """\
[web*]
needs = app

[app]
needs = db

[win]
press-again = 2

[never]
grace = 6

[kept]
on-shutdown = ignore
"""
DEADLINE_S = 90
seen = {}  # {way: {guest: how it ended}}


@pytest.fixture(params=WAYS, ids=IDS)
def old_tool(request, libvirtd):
    """The program under that Python, with that API."""
    tool = new_tool(libvirtd, *request.param)
    tool.way = request.param
    return tool


def test_a_whole_shutdown_ends_the_same(old_tool, fleet):
    """In order, one that wants a second press, one that never reacts, a paused one, one that is gone once it is off, one
    that is left, and one that another program has pressed."""
    web1, web2 = fleet.add('web1', delay_s=2), fleet.add('web2', delay_s=3)
    app, db = fleet.add('app', delay_s=2, transient=True), fleet.add('db', delay_s=2)
    win, never = fleet.add('win', delay_s=1, ignore=1), fleet.add('never', never=True)
    paused, kept = fleet.add('paused', delay_s=1), fleet.add('kept')
    fleet.start()
    fleet.domain(paused).suspend()
    old_tool.configure('DEADLINE=%d\n' % DEADLINE_S, GUESTS_CONF)
    with Consoles(fleet.guests) as consoles:
        ended = old_tool.run('host-stop', '--json', env=old_tool.runlevel('2 0'))
    assert ended.exit == 3, ended
    told = {guest['name']: guest for guest in ended.json['guests']}
    outcomes = {name: (guest['outcome'], guest['presses'], guest['forced'] is not None) for name, guest in told.items()}
    assert outcomes == {
        'web1': ('off', 1, False), 'web2': ('off', 1, False), 'app': ('off', 1, False), 'db': ('off', 1, False),
        'win': ('off', 2, False), 'never': ('destroyed', 1, True), 'paused': ('off', 1, False), 'kept': ('left', 0, False)}
    # What the guests say themselves.
    assert [guest.disk_says() for guest in (web1, web2, app, db, win, paused)] == ['CLEAN'] * 6
    assert (never.disk_says(), kept.disk_says()) == ('DIRTY', 'DIRTY')
    assert kept.said() == ['READY']
    assert fleet.is_on(kept)
    assert not fleet.is_on(never)
    for first, then in ((web1, app), (web2, app), (app, db)):
        assert consoles.when(then, 'PRESSED') >= consoles.when(first, 'OFF')
        # Polled every half second where there are no events.
        assert told[then.name]['asked'] - told[first.name]['off'] < 3
    assert ended.json['finished'] < DEADLINE_S
    seen[old_tool.way] = outcomes, {guest.name: guest.disk_says() for guest in fleet.guests}
    assert seen[old_tool.way] == seen.get(WAYS[0], seen[old_tool.way])
    report = old_tool.run('report', '--json')
    assert report.json == {key: value for key, value in ended.json.items() if key != 'acted'}


def test_a_libvirtd_that_restarts_in_the_middle_and_a_guest_that_joins(old_tool, libvirtd, fleet):
    slow, late = fleet.add('slow', delay_s=8), fleet.add('late', delay_s=1)
    fleet.start([slow])
    old_tool.configure('DEADLINE=60\n')
    running = old_tool.start('stop', '--json')
    while 'PRESSED' not in slow.said():
        assert running.is_running(), running.wait()
    libvirtd.restart()
    fleet.start([late])
    ended = running.wait()
    assert ended.exit == 0, ended
    assert {guest['name']: guest['outcome'] for guest in ended.json['guests']} == {'slow': 'off', 'late': 'off'}
    assert [guest.disk_says() for guest in (slow, late)] == ['CLEAN', 'CLEAN']


def test_plan_and_status_touch_no_guest(old_tool, fleet):
    web, db = fleet.add('web'), fleet.add('db')
    fleet.start()
    old_tool.configure(guests='[web]\nneeds = db\n')
    for verb in ('plan', 'status'):
        ended = old_tool.run(verb)
        assert ended.exit == 0, ended
        assert 'web' in ended.out
    assert [guest.said() for guest in (web, db)] == [['READY'], ['READY']]


def test_control_what_is_hidden_is_not_there(libvirtd, fleet):
    """The program, made to print what its connection has."""
    found = {}
    for api in (None, '0.7.5'):
        tool = new_tool(libvirtd, api=api)
        with open(tool.words('plan')[2], 'w') as f:
            f.write('import os, sys\nsys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))\n'
                    'import libvirt\nc = libvirt.open("qemu:///system")\n'
                    'print([n for n in ("listAllDomains", "listDomainsID", "domainEventRegisterAny") if hasattr(c, n)],\n'
                    '      hasattr(libvirt, "virEventRegisterDefaultImpl"))\n')
        found[api] = tool.run('plan').out.strip()
        os.remove(tool.words('plan')[2])
        os.rename(os.path.dirname(os.path.dirname(tool.words('plan')[2])), tool.folder + '-used')
    assert found == {None: "['listAllDomains', 'listDomainsID', 'domainEventRegisterAny'] True", '0.7.5': "['listDomainsID'] False"}
