"""Guests with unusual names work like any other, and are shown harmlessly."""

import unicodedata

import pytest

# All of these are accepted by libvirt. XML 1.0 has no ESC, but tabs, and C1 controls: U+009B is an ESC [ of its own.
NAMES = ('two words', 'it\'s "quoted"', '-rf', '--json', 'größe-数据', 'csi\u009b31mred', 'tab\there',
         'right\u202eleft', 'a,b=c;$(id)`id`&', '100%s%n', '*', '[a-z]?', ' padded ',
         'line\u2028separator', 'del\u007f')
LOCALES = ('C.UTF-8', 'C')


def harmful(text):
    """The characters of `text` that could do something to a terminal or a log: controls, bidi overrides, raw bytes."""
    return sorted({char for char in text
                   if char != '\n' and unicodedata.category(char) in ('Cc', 'Cf', 'Cs', 'Zl', 'Zp')})


@pytest.mark.parametrize('locale', LOCALES)
def test_guests_with_unusual_names_are_shut_down_and_shown_harmlessly(tool, fleet, locale):
    env = {'LC_ALL': locale}
    for name in NAMES:
        fleet.add(name, delay_s=1)
    fleet.start()
    for verb in ('plan', 'status', 'stop', 'report'):
        ended = tool.run(verb, env=env)
        assert ended.exit == 0, ended
        assert harmful(ended.out) == [], ended
        assert harmful(ended.err) == [], ended
        assert '100%s%n' in ended.out
    assert [(guest.name, guest.disk_says()) for guest in fleet.guests] == [(name, 'CLEAN') for name in NAMES]
    report = tool.run('report', '--json', env=env)
    assert sorted(guest['name'] for guest in report.json['guests']) == sorted(NAMES)
    assert harmful(report.out) == []


def test_unusual_names_can_be_named_on_the_command_line_and_in_guests_conf(tool, fleet):
    for name in NAMES[:6]:
        fleet.add(name, delay_s=1)
    other = fleet.add('other')
    fleet.start()
    tool.configure(guests='[two words]\nneeds = größe-数据\n')
    ended = tool.run('stop', '--json', '--', *NAMES[:6])
    assert ended.exit == 0, ended
    assert [guest.disk_says() for guest in fleet.guests[:6]] == ['CLEAN'] * 6
    assert ended.guest('größe-数据')['asked'] >= ended.guest('two words')['off']
    assert fleet.is_on(other)
