"""Guest agents, real ones in Linux guests and dead ones in boot sectors; and a Linux guest that has suspended itself to RAM."""

import time

import libvirt
import libvirt_qemu
import pytest

from tests.lab.fleet import Consoles
from tests.lab.libvirtd import wait_until

pytestmark = pytest.mark.since('0.9.10', 'shutdown through guest agents')
# More than the agents that are asked at once, and than the requests that libvirtd takes from one connection (5). A hundred
# are to be pressed within 15 s; so many without a queue, within what one takes (test_a_frozen_agent).
DEAD = 20
DEAD_WITHIN_S = 7


def started(fleet, guests):
    """Started, and libvirt knows that the agents' ports are open."""
    fleet.start(guests)
    wait_until(lambda: all(channel(fleet, guest) == 'connected' for guest in guests), 10, 'the channels are open')


def channel(fleet, guest):
    xml = fleet.domain(guest).XMLDesc()
    return next((state for state in ('connected', 'disconnected') if "state='%s'" % state in xml), None)


def is_at_rest(fleet, guest):
    """A guest that is still busy with its start may need longer for an answer than an agent that is asked gets (2 s)."""
    began = time.monotonic()
    return ping(fleet, guest) == '{"return":{}}' and time.monotonic() - began < 0.5


def ping(fleet, guest):
    return libvirt_qemu.qemuAgentCommand(fleet.domain(guest), '{"execute":"guest-ping"}', 2, 0)


def told(ended, name):
    """[(what, text)] of the events that the run told of the guest."""
    key = ended.guest(name)['key']
    return [(event['what'], event['text']) for event in ended.json['events'] if event['guest'] == key]


def went_off(ended, name):
    guest = ended.guest(name)
    return (guest['outcome'], guest['forced'], guest['presses']) == ('off', None, 1)


def test_a_guest_whose_agent_answers_is_shut_down_through_it_unless_its_method_is_acpi(tool, fleet, linux):
    asked, pressed = linux('asked'), linux('pressed', keys={'method': 'acpi'})
    started(fleet, [asked, pressed])
    wait_until(lambda: is_at_rest(fleet, asked) and is_at_rest(fleet, pressed), 30, 'both agents answer at once')
    ended = tool.run('stop', '--json')
    assert ended.exit == 0, ended
    assert asked.said() == ['READY', 'SHUTDOWN', 'OFF']
    assert pressed.said() == ['READY', 'PRESSED', 'OFF']
    for guest, text in ((asked, 'asked to shut down through its agent'), (pressed, 'asked to shut down')):
        assert went_off(ended, guest.name), ended
        assert ended.guest(guest.name)['asked'] < 1.5
        assert ('asked', text) in told(ended, guest.name)
    assert tool.run('report', '--json').json == ended.json


def test_a_frozen_agent_is_followed_by_the_power_button_within_five_seconds(tool, fleet, linux):
    guest = linux('frozen', frozen=True)
    started(fleet, [guest])
    ended = tool.run('stop', '--json')
    assert ended.exit == 0, ended
    assert guest.said() == ['READY', 'PRESSED', 'OFF']
    assert went_off(ended, 'frozen'), ended
    assert ended.guest('frozen')['asked'] <= 5.5
    assert sorted(what for what, _ in told(ended, 'frozen')) == ['ask failed', 'asked', 'off'], ended


@pytest.mark.parametrize('method', ['agent, acpi', 'acpi'])
def test_a_guest_that_has_suspended_itself_to_ram_is_woken_and_asked(tool, fleet, linux, method):
    guest = linux('asleep', keys={'method': method})
    started(fleet, [guest])
    ping(fleet, guest)
    fleet.domain(guest).pMSuspendForDuration(libvirt.VIR_NODE_SUSPEND_TARGET_MEM, 0)
    wait_until(lambda: fleet.domain(guest).state()[0] == libvirt.VIR_DOMAIN_PMSUSPENDED, 20, 'it is asleep')
    ended = tool.run('stop', '--json')
    assert ended.exit == 0, ended
    assert (ended.guest('asleep')['outcome'], ended.guest('asleep')['forced']) == ('off', None), ended
    assert guest.said() == ['READY', 'SHUTDOWN' if 'agent' in method else 'PRESSED', 'OFF']
    assert ended.guest('asleep')['asked'] < 3
    assert ended.guest('asleep')['off'] < 25


def test_an_agents_channel_that_nobody_opened_is_passed_over_at_once(tool, fleet):
    guest = fleet.add('closed', delay_s=1, channel='closed')
    fleet.start()
    assert channel(fleet, guest) == 'disconnected'
    ended = tool.run('stop', '--json')
    assert ended.exit == 0, ended
    assert went_off(ended, 'closed'), ended
    assert ended.guest('closed')['asked'] < 0.5
    assert [what for what, _ in told(ended, 'closed')] == ['asked', 'off'], ended
    assert guest.disk_says() == 'CLEAN'


def test_dead_agents_keep_nobody_waiting(tool, fleet):
    """Each has opened its channel and never answers (guest.asm). Three guests without an agent come last by name."""
    dead = [fleet.add('dead%02d' % n, delay_s=1, channel='dead', transient=n % 2 == 0) for n in range(DEAD)]
    well = [fleet.add('well%d' % n, delay_s=1) for n in range(3)]
    fleet.start()
    assert [channel(fleet, guest) for guest in dead] == ['connected'] * DEAD
    with Consoles(fleet.guests) as consoles:
        ended = tool.run('stop', '--json')
    assert ended.exit == 0, ended
    assert [guest.disk_says() for guest in dead + well] == ['CLEAN'] * (DEAD + 3)
    assert max(ended.guest(guest.name)['asked'] for guest in well) < 1, ended
    last = max(ended.guest(guest.name)['asked'] for guest in dead)
    assert last <= DEAD_WITHIN_S, 'the last of %d was pressed after %.1f s' % (DEAD, last)
    pressed = [consoles.when(guest, 'PRESSED') for guest in dead + well]
    assert max(pressed) - min(pressed) <= DEAD_WITHIN_S
    assert all(went_off(ended, guest.name) for guest in dead + well), ended
    # Many that go off while others are looked at: none is taken for a newcomer, and none is lost from sight.
    assert {event['what'] for event in ended.json['events']} <= {'ask failed', 'asked', 'state', 'off'}, ended
