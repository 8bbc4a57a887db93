"""check asks the real upsd: what it finds wrong with the battery, and nothing where all is well."""

import contextlib
import os

from tests.lab.tool import Tool

GUESTS = '[web]\nneeds = db\n'


def found(tool, environment):
    ended = tool.run('check', '--json', env=environment)
    return {one['id']: one['what'] for one in ended.json['findings'] if one['id'].startswith('ups-') or one['id'] == 'not-watched'}


def test_a_battery_that_does_not_last_other_hosts_a_worn_one_and_a_dead_server(nuts, libvirtd, fleet):
    nut, tool = nuts('ups'), Tool(os.path.join(libvirtd.folder, 'tool-check'), libvirtd)
    for name in ('web', 'db'):
        fleet.add(name)
    fleet.start()
    tool.configure('', GUESTS)  # 60 s each, as long as nothing was measured
    with open(os.path.join(tool.folder, 'upsmon.conf'), 'w') as f:
        f.write('MONITOR ups@%s:%d 1 one one primary\n' % (nut.address, nut.port))
    environment = {'NUT_CONFPATH': tool.folder}
    # Nobody is logged in, so that no other host can hang on it.
    assert sorted(found(tool, environment)) == ['not-watched']
    watcher = tool.start('watch', env=environment)
    try:
        assert found(tool, environment) == {}
        nut.says('ups', 'OL RB', 120, 100)
        nut.heard('ups', 'OL RB')
        now = found(tool, environment)
        assert sorted(now) == ['ups-replace-battery', 'ups-runtime']
        assert 'lasts 120 s; a shutdown is expected to take 120 s' in now['ups-runtime']
        nut.stop_server()
        assert sorted(found(tool, environment)) == ['ups-silent']
    finally:
        with contextlib.suppress(ProcessLookupError):
            watcher.signal(15)
        watcher.wait()
    assert [guest.said() for guest in fleet.guests] == [['READY']] * 2
