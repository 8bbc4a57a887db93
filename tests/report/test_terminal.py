"""The live view on a terminal: redrawn in place, as wide and high as the terminal, gone at the end; plain lines elsewhere."""
import json
import os
import re
import subprocess
import time

import pytest

pytest.importorskip('pyte')

from tests.report.screen import Screen  # noqa: E402 (needs pyte)

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
PROGRAM = ['/usr/bin/python3', os.path.join(HERE, 'liverun.py')]
BAR = re.compile(r'\[#*\.*\]')


def live(guests, speed=25, **more):
    return Screen(PROGRAM + [str(guests), str(speed)], **more)


def bars(lines):
    return [line for line in lines if BAR.search(line)]


def test_a_bar_for_each_guest_and_the_time_left():
    with live(12) as screen:
        lines = screen.until(lambda lines: any('after' in line for line in lines) and any('waits for' in line for line in lines))
        assert lines[0] == 'warning: said before'
        assert re.match(r'stop: \d+ of 12 done, \d+ s of 300 s, about \d+ s to go$', lines[1]), lines
        assert len(bars(lines)) == 12 and len(lines) == 14, lines
        assert max(len(line) for line in lines) < 80
        # One line of its own for each guest, all bars under one another.
        assert len({BAR.search(line).start() for line in bars(lines)}) == 1
        assert screen.wait() == 0
        assert screen.lines() == ['warning: said before', 'warning: said after', screen.lines()[-1]]
        assert float(screen.lines()[-1].split()[2]) < 1
        assert not [line for line in screen.everything() if BAR.search(line)]


def test_guests_ended_otherwise_than_by_themselves_are_told():
    with live(4, 40) as screen:
        lines = screen.until(lambda lines: 'destroyed' in '\n'.join(lines))
        assert any(re.match(r'stuck-000 .*\[#{16}\] destroyed after 61.0 s', line) for line in lines), lines
        assert any(re.match(r'win-000 .*off after 35.0 s', line) for line in lines), lines


@pytest.mark.parametrize('columns,lines', [(80, 24), (132, 50), (40, 10), (20, 5), (80, 2)])
def test_more_guests_than_lines(columns, lines):
    with live(100, 40, columns=columns, lines=lines) as screen:
        for _ in range(5):
            seen = screen.until(lambda lines: bool(lines) and lines[0].startswith('stop:') or len(lines) > 1 and lines[1].startswith('stop:'))
            assert len(seen) <= lines - 1 and max(len(line) for line in seen) < columns, seen
            time.sleep(0.2)
        if lines > 8:
            assert re.match(r'\.\.\. and \d+ more', seen[-1]), seen
            assert len(bars(seen)) >= lines - 4
        assert screen.wait() == 0
        # It was always redrawn in its place: nothing of it has scrolled away.
        assert len([line for line in screen.everything() if line.startswith('stop:')]) == 0


def test_the_terminal_may_change_its_size():
    with live(30, columns=100, lines=40) as screen:
        screen.until(lambda lines: len(bars(lines)) == 30)
        screen.resize(60, 15)
        screen.until(lambda lines: lines[0].startswith('stop:') and len(lines) == 14 and len(bars(lines)) == 12
                     and max(len(line) for line in lines) < 60)
        screen.resize(120, 50)
        screen.until(lambda lines: lines[0].startswith('stop:') and len(bars(lines)) == 30 and len(lines) == 31)
        assert screen.wait() == 0


def test_colours_unless_they_are_not_wanted():
    with live(12) as screen:
        screen.until(lambda lines: 'green' in screen.colours())
    with live(12, env={'NO_COLOR': '1'}) as screen:
        screen.until(lambda lines: any('after' in line for line in lines))
        assert screen.wait() == 0
        assert not re.search(rb'\x1b\[[0-9;]*m', screen.raw)


@pytest.mark.parametrize('term', ['dumb', ''])
def test_a_dumb_terminal_gets_a_line_for_each_event(term):
    with live(4, 100, env={'TERM': term}) as screen:
        assert screen.wait() == 0
        assert b'\x1b' not in screen.raw
        assert b'win-000: off by itself after 35.0 s' in screen.raw and b'asked again' in screen.raw


def test_a_pipe_gets_a_line_for_each_event():
    said = subprocess.run(PROGRAM + ['4', '50'], stdout=subprocess.PIPE, env=dict(os.environ, TERM='xterm')).stdout.decode()
    assert '\x1b' not in said and said.count('\n') > 8 and 'win-000: off by itself after 35.0 s' in said


def test_a_terminal_that_takes_nothing_holds_nothing_up():
    """Somebody pressed Ctrl-S, or the line is dead: the run goes on, and the end waits for its limit at most."""
    with live(100, speed=60) as screen:
        screen.until(bool)
        started = time.monotonic()
        screen.type(b'\x13')
        screen.reading.clear()
        # flush gives up after 2 s; then only the last line of this test program itself waits for the terminal.
        time.sleep(75 / 60 + 2 + 3)
        assert time.monotonic() - started < 30
        screen.reading.set()
        screen.type(b'\x11')
        assert screen.wait() == 0
        # Not on the screen: the view's own thread, free again, may have drawn over that line.
        assert b'flushed in 2.0 s' in screen.raw


def test_in_the_background_it_does_not_write_over_the_prompt():
    with Screen(['bash', '--norc', '-i'], env={'PS1': 'prompt> '}) as screen:
        for background, drawn in (('', True), (' &', False)):
            said = len(re.findall(b'said after', screen.raw))
            before = len(screen.raw)
            screen.until(lambda lines: bool(lines) and lines[-1].startswith('prompt>'))
            screen.type((' '.join(PROGRAM + ['4', '60']) + background + '\n').encode())
            screen.until(lambda lines, said=said: len(re.findall(b'said after', screen.raw)) > said)
            assert bool(BAR.search(screen.raw[before:].decode())) == drawn
        screen.type(b'exit\n')


def test_stop_leaves_the_report_on_the_terminal_and_report_is_as_wide_as_it(tmp_path):
    guest = '<domain type="test"><name>%s</name><memory>1024</memory><os><type>hvm</type></os></domain>'
    (tmp_path / 'node.xml').write_text('<node>%s</node>' % ''.join(guest % name for name in ('web', 'db')))
    program = os.path.join(TOP, 'bin', 'kvm-graceful')
    state = ['--state-dir', str(tmp_path / 'state')]
    stop = [program, 'stop', '--uri', 'test://%s' % (tmp_path / 'node.xml'), '--config', '/none', '--guests', '/none'] + state
    with Screen(stop, lines=40) as screen:
        assert screen.wait() == 0
        lines = screen.everything()
        assert not bars(lines) and lines[1] == '' and lines[2].startswith('Run 1: stop'), lines
    # The same run, at another pace: guests that took 5 and 10 s.
    record = tmp_path / 'state' / 'run-1.jsonl'
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    lines[-1]['at'] = 10.0
    for number, guest in enumerate(lines[-1]['guests']):
        guest.update(asked=0.0, off=5.0 * (number + 1))
    record.write_text(''.join(json.dumps(line) + '\n' for line in lines))
    for wide in (80, 140):
        with Screen([program, 'report'] + state, columns=wide) as screen:
            assert screen.wait() == 0
            assert max(len(line) for line in screen.everything()) == wide


def test_status_watch_without_a_terminal_prints_one_status_after_the_other_until_nobody_reads(tmp_path):
    guest = '<domain type="test"><name>%s</name><memory>1024</memory><os><type>hvm</type></os></domain>'
    (tmp_path / 'node.xml').write_text('<node>%s</node>' % ''.join(guest % ('guest-%d' % number) for number in range(40)))
    words = [os.path.join(TOP, 'bin', 'kvm-graceful'), 'status', '--watch', '--uri', 'test://%s' % (tmp_path / 'node.xml'),
             '--config', '/none', '--guests', '/none', '--state-dir', str(tmp_path / 'state')]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        said = b''
        while said.count(b'40 guests are on.') < 2:
            said += os.read(process.stdout.fileno(), 4096)
        process.stdout.close()
        assert process.wait(30) == 0
    assert b'\x1b' not in said
    with Screen(words, lines=20) as screen:  # more guests than lines
        lines = screen.until(lambda lines: len(lines) == 19)
        assert lines[0].startswith('40 guests are on.') and re.match(r'\.\.\. and \d+ more lines$', lines[-1]), lines
        screen.type(b'\x03')
        assert screen.wait() == 130
        assert 'Traceback' not in '\n'.join(screen.everything())
