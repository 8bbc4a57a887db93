"""Guests that need each other go off in order; what is printed then is what the record says later."""

import os

from tests.lab.fleet import Consoles

NEEDS = {'web1': ('app1', 'app2'), 'web2': ('app1', 'app2'), 'app1': ('db',), 'app2': ('db',)}
TAKES_S = {'web1': 2, 'web2': 3, 'app1': 3, 'app2': 2, 'db': 4, 'win': 1}
GUESTS_CONF = """\
[web*]
needs = app1, app2

[app*]
needs = db

[win]
press-again = 2
"""


def test_six_guests_go_off_in_the_order_of_their_needs_and_the_report_says_the_same(tool, fleet):
    guests = {name: fleet.add(name, delay_s=takes_s, ignore=1 if name == 'win' else 0)
              for name, takes_s in TAKES_S.items()}
    fleet.start()
    tool.configure(guests=GUESTS_CONF)
    with Consoles(fleet.guests) as consoles:
        ended = tool.run('stop', '--json')
    assert ended.exit == 0, ended

    run = ended.json
    assert (run['schema'], run['verb'], run['exit'], run['warnings']) == (1, 'stop', 0, [])
    assert {guest['name']: guest['outcome'] for guest in run['guests']} == dict.fromkeys(TAKES_S, 'off')
    for name, guest in guests.items():
        assert guest.disk_says() == 'CLEAN'
        told = ended.guest(name)
        assert told['uuid'] == guest.uuid
        assert told['forced'] is None
        assert told['presses'] == guest.said().count('PRESSED') == (2 if name == 'win' else 1)

    for name, needs in NEEDS.items():
        for need in needs:
            # As the program tells it, and as the guests saw it.
            assert ended.guest(need)['asked'] >= ended.guest(name)['off']
            assert consoles.when(guests[need], 'PRESSED') >= consoles.when(guests[name], 'OFF')
    # The moment that all those that need it are off, not some time later.
    for name, needed_by in (('app1', ('web1', 'web2')), ('app2', ('web1', 'web2')), ('db', ('app1', 'app2'))):
        assert ended.guest(name)['asked'] - max(ended.guest(other)['off'] for other in needed_by) < 0.3
    # Nobody waits for the guest that nobody needs.
    assert ended.guest('win')['asked'] < 0.5

    report = tool.run('report', '--json')
    assert report.exit == 0, report
    assert report.json == run


def test_a_record_of_the_run_is_there_before_the_first_guest_is_asked(tool, fleet):
    guest = fleet.add('slow', delay_s=3)
    fleet.start()
    running = tool.start('stop', '--json')
    while 'PRESSED' not in guest.said():
        assert running.is_running(), running.wait()
    assert os.listdir(tool.state)
    assert running.wait().exit == 0


def test_only_the_guests_that_are_named_are_asked(tool, fleet):
    named, other = fleet.add('named', delay_s=1), fleet.add('other', delay_s=1)
    fleet.start()
    ended = tool.run('stop', '--json', 'named')
    assert ended.exit == 0, ended
    assert named.disk_says() == 'CLEAN'
    assert fleet.is_on(other)
    assert other.said() == ['READY']


def test_plan_and_status_touch_no_guest(tool, fleet):
    guests = [fleet.add(name, delay_s=1) for name in ('web', 'db')]
    fleet.start()
    tool.configure(guests='[web]\nneeds = db\n')
    for verb in ('plan', 'status'):
        for arguments in ((), ('--json',)):
            ended = tool.run(verb, *arguments)
            assert ended.exit == 0, ended
            assert 'web' in ended.out
            assert 'db' in ended.out
    assert [guest.said() for guest in guests] == [['READY'], ['READY']]
    assert all(fleet.is_on(guest) for guest in guests)
