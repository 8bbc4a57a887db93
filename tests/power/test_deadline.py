"""Shutdowns on battery: real guests, real upsd. What the battery has decides, and only while it has to."""

import time

from tests.lab.libvirtd import wait_until
from tests.lab.tool import Tool

CONFIG = 'DEADLINE=200\nHOST_TIME=%d\nUPS=%s@127.0.0.1:%d\n'
# A battery of 60 s and a host that needs 40 s itself leave the guests the least that they ever get.
LEAST_S, FALLBACK_S = 25, 15


def told(ended, what):
    return [event for event in ended.json['events'] if event['what'] == what]


def test_a_battery_decides_only_on_battery_at_every_moment_and_after_its_last_word(libvirtd, fleet, nuts):
    """Five hosts, as it were, each with a UPS of its own, all at once since all of them mean waiting. Of four, the only guest
    takes 32 s, and the battery has 60 (100 where the power returns, which would still force it): on mains; on battery; on
    battery until the power returns; on battery until upsd is gone. The second is the control of the first: the same battery forces it. At the fifth the battery collapses."""
    nut, gone = nuts('mains', 'battery', 'returns', 'collapses'), nuts('gone')
    servers = {'mains': nut, 'battery': nut, 'returns': nut, 'gone': gone}
    nut.says('mains', 'OL', 60, 100)
    battery_s = {'battery': 60, 'returns': 100, 'gone': 60}
    for name, runtime_s in battery_s.items():
        servers[name].discharges(name, 'OB DISCHRG', runtime_s, 20)
    nut.says('collapses', 'OB DISCHRG', 600, 80)
    for name in ('battery', 'returns', 'collapses'):
        nut.heard(name, 'OB DISCHRG')
    gone.heard('gone', 'OB DISCHRG')

    for name in servers:
        fleet.add(name, delay_s=32)
    web, db, other = fleet.add('web', never=True), fleet.add('db', delay_s=3), fleet.add('other', never=True)
    fleet.start()
    running = {}
    for name, server in list(servers.items()) + [('collapses', nut)]:
        tool = Tool('%s/tool-%s' % (libvirtd.folder, name), libvirtd)
        tool.configure(CONFIG % (10 if name == 'collapses' else 40, name, server.port), '[web]\nneeds = db\n')
        running[name] = tool.start('stop', '--json', *(('web', 'db', 'other') if name == 'collapses' else (name,)))
        if name in battery_s:
            server.discharges(name, 'OB DISCHRG', battery_s[name], 20)
    wait_until(lambda: 'PRESSED' in web.said(), 60, 'web was asked')
    nut.discharges('collapses', 'OB DISCHRG', 90, 15)
    time.sleep(10)
    nut.says('returns', 'OL CHRG', 60, 20)
    gone.stop_server()
    ended = {name: one.wait() for name, one in running.items()}

    assert {name: ended[name].guest(name)['outcome'] for name in servers} == {
        'mains': 'off', 'battery': 'destroyed', 'returns': 'off', 'gone': 'destroyed'}, ended
    assert told(ended['mains'], 'deadline') == told(ended['mains'], 'power') == []
    assert [event['text'].split(': ')[1] for event in told(ended['returns'], 'deadline')][-1] == 'the power is back'
    for name in ('battery', 'gone'):
        assert LEAST_S - FALLBACK_S - 1 <= ended[name].guest(name)['forced'] <= LEAST_S - FALLBACK_S + 8, ended[name]

    run = ended['collapses']
    assert run.exit == 3, run
    moved = told(run, 'deadline')
    over_at = max(event['at'] + float(event['text'].split()[3]) for event in moved)
    assert over_at <= 90 + 10  # the battery had 90 s when it said so, and it said so in the first ten
    assert run.json['finished'] <= over_at + 1
    # Whoever waits for others is asked in order, and goes off by itself; the rest is forced, not before it has to be.
    assert (run.guest('web')['outcome'], run.guest('other')['outcome']) == ('destroyed', 'destroyed')
    assert run.guest('db')['asked'] >= run.guest('web')['off']
    assert (run.guest('db')['outcome'], run.guest('db')['forced']) == ('off', None)
    assert (db.disk_says(), other.disk_says()) == ('CLEAN', 'DIRTY')
    assert run.guest('web')['forced'] < run.guest('other')['forced']
    assert run.guest('other')['forced'] >= over_at - FALLBACK_S - 8
    # The story is in the record, with numbers.
    levels = [(event['supply'], event['runtime'], event['charge']) for event in told(run, 'power')]
    assert levels[0][0::2] == ('battery', 80.0)
    assert 590 <= levels[0][1] <= 600
    assert len(levels) >= 2
    assert run.json['deadline'] == 200
