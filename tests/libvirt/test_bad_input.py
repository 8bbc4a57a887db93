"""Mistakes of the user and of the machine: one clear message, the right exit code, and no guest touched."""

import os
import re
import subprocess

import pytest

from tests.lab.tool import Running

BROKEN = [
    ('an unclosed quote', '# first\nURIS="qemu:///system\n', '', 'default:2', 2),
    ('a command', 'DEADLINE=300\nGRACE=$(reboot)\n', '', 'default:2', 2),
    ('a unit', 'DEADLINE=5min\n', '', 'default:1', 2),
    ('a key that does not exist', '', '[web]\nneeds = db\nflavour = vanilla\n', 'guests.conf:3', 2),
    ('a cycle', '', '[web]\nneeds = db\n[db]\nneeds = web\n', 'guests.conf', 2),
    ('a section twice', '', '[web]\ngrace = 10\n[web]\ngrace = 20\n', 'guests.conf:3', 2),
]


@pytest.fixture
def guest(fleet):
    guest = fleet.add('web', delay_s=1)
    fleet.add('db', delay_s=1)
    fleet.start()
    return guest


def test_plan_and_stop_refuse_a_broken_configuration_and_touch_nobody(tool, fleet, guest):
    for what, config, guests, place, code in BROKEN:
        tool.configure(config, guests)
        for verb in ('plan', 'stop'):
            ended = tool.run(verb)
            assert ended.exit == code, (what, ended)
            assert place in ended.err, (what, ended)
            assert 'Traceback' not in ended.err, (what, ended)
    assert [each.said() for each in fleet.guests] == [['READY'], ['READY']]
    assert not os.path.exists('/tmp/reboot')


def test_unknown_variables_and_guests_are_warnings(tool, guest):
    tool.configure('DEADLIN=300\n', '[web]\nneeds = dv\n')
    ended = tool.run('stop', '--json')
    assert ended.exit == 0, ended
    warnings = '\n'.join(str(warning) for warning in ended.json['warnings'])
    assert 'DEADLINE' in warnings  # the nearest name
    assert '"dv"' in warnings
    assert guest.disk_says() == 'CLEAN'


@pytest.mark.parametrize('verb, words', [('fly', []), ('stop', ['--fly']), ('stop', ['--deadline', 'soon'])])
def test_wrong_words_are_a_usage_error(tool, verb, words):
    ended = tool.run(verb, *words)
    assert ended.exit == 2, ended
    assert 'Traceback' not in ended.err


def test_a_guest_that_is_named_but_not_there_touches_nobody_else(tool, guest):
    ended = tool.run('stop', 'wbe')
    assert ended.exit in (1, 2), ended
    assert 'wbe' in ended.err
    assert guest.said() == ['READY']


def one_line(ended):
    assert ended.exit == 1, ended
    assert ended.err.count('\n') == 1, ended
    assert ended.err.startswith('kvm-graceful: '), ended


@pytest.mark.parametrize('verb', ['stop', 'plan', 'status'])
def test_no_hypervisor_is_one_line(tool, verb):
    one_line(tool.run(verb, '--uri', 'qemu+unix:///system?socket=/nowhere/libvirt-sock'))


def test_no_libvirt_binding_is_one_line(tool):
    """Python's -S leaves out the folders where Debian has it."""
    ended = Running([{'-BEs': '-BEsS'}.get(word, word) for word in tool.words('stop')], tool.libvirtd).wait()
    one_line(ended)
    assert re.search('; install python3?-libvirt\n$', ended.err)


def test_not_root_is_one_line(tool, guest):
    words = tool.words('stop')
    python = words.index('-BEs') - 1
    words[python:python] = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
    one_line(Running(words, tool.libvirtd).wait())
    assert guest.said() == ['READY']


def test_the_shutdown_goes_on_with_a_state_directory_that_cannot_be_written(libvirtd, tool, fleet, guest):
    os.makedirs(tool.state)
    subprocess.run(libvirtd.command(['mount', '-t', 'tmpfs', '-o', 'ro', 'none', tool.state]), check=True)
    ended = tool.run('stop', '--json')
    assert ended.exit == 0, ended
    assert [each.disk_says() for each in fleet.guests] == ['CLEAN', 'CLEAN']
    assert tool.state in '\n'.join(str(warning) for warning in ended.json['warnings']) + ended.err
    assert 'Traceback' not in ended.err
