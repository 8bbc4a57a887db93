"""`stop` on a terminal, with real guests: bars that move while they shut down, then the report."""

import re

import pytest

pytest.importorskip('pyte')

from tests.report.screen import Screen  # noqa: E402 (needs pyte)


def test_somebody_at_a_terminal_sees_each_guest_go_off(libvirtd, tool, fleet):
    fleet.add('web', delay_s=3)
    fleet.add('db', delay_s=2)
    fleet.start()
    tool.configure(guests='[web]\nneeds = db\n')
    with Screen(libvirtd.command(tool.words('stop')), columns=80, lines=40) as screen:
        def seen(web, db):
            return screen.until(lambda lines: any(re.match(r'web  \[%s' % web, line) for line in lines)
                                and any(re.match(r'db   \[\.{16}\] %s' % db, line) for line in lines))
        lines = seen(r'\.+\] [123] s of about 60 s$', 'waits for web$')
        assert re.match(r'stop: 0 of 2 done, [0-3] s of 300 s, about 1[12]\d s to go$', lines[1]), lines
        lines = seen(r'#{16}\] off after [3-9]\.\d s$', r'\d s of about 60 s$')
        assert re.match(r'stop: 1 of 2 done, \d+ s of 300 s, about \d+ s to go$', lines[1]), lines
        assert screen.wait() == 0
        lines = screen.everything()
    assert not [line for line in lines if '[#' in line] and 'Over after' in '\n'.join(lines), lines
    # The drawing of the report: db waited for web.
    assert re.search(r'\ndb +\.+=+o\n', '\n'.join(lines)), lines


def test_status_watch_shows_guests_that_come_and_go_and_a_libvirtd_that_restarts(libvirtd, tool, fleet):
    web, db = fleet.add('web'), fleet.add('db')
    fleet.start([web])
    with Screen(libvirtd.command(tool.words('status', '--watch')), columns=60, lines=12) as screen:
        lines = screen.until(lambda lines: bool(lines) and lines[0].startswith('1 guest is on.'))
        assert [line for line in lines if line.startswith('web    running')], lines
        fleet.start([db])
        screen.until(lambda lines: lines[0].startswith('2 guests are on.') and any(line.startswith('db ') for line in lines))
        libvirtd.kill()
        screen.until(lambda lines: lines[0].startswith('kvm-graceful: '))
        libvirtd.start()
        screen.until(lambda lines: lines[0].startswith('2 guests are on.'))
        fleet.domain(db).destroy()
        lines = screen.until(lambda lines: lines[0].startswith('1 guest is on.') and not any(line.startswith('db ') for line in lines))
        assert max(len(line) for line in lines) < 60 and len(lines) < 12, lines
        screen.type(b'\x03')
        screen.wait()
