"""`set`: keys in a guest's own metadata, written by us, kept by libvirt, obeyed by the next shutdown."""

import libvirt
import pytest

pytestmark = pytest.mark.since('0.9.10', 'metadata')


def keys_of(fleet, guest, flags=0):
    """What libvirt itself shows of our element, live or as it will be at the next start."""
    try:
        return fleet.domain(guest).metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, 'urn:kvm-graceful-shutdown:1', flags)
    except libvirt.libvirtError as e:
        assert e.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN_METADATA, e
        return None


def test_what_is_set_holds_at_once_and_is_kept(tool, fleet):
    deaf, passing = fleet.add('deaf', never=True), fleet.add('passing', delay_s=1, transient=True)
    fleet.start()
    ended = tool.run('set', 'deaf', 'grace=3', 'tags=a & b, <c>', '--json')
    assert (ended.exit, ended.json['keys'], ended.json['warnings']) == (0, {'grace': '3', 'tags': 'a & b, <c>'}, []), ended
    assert '>3<' in keys_of(fleet, deaf) and '>3<' in keys_of(fleet, deaf, libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    assert tool.run('set', 'passing', 'needs=deaf').exit == 0
    assert 'deaf' in keys_of(fleet, passing)
    ended = tool.run('stop', '--json')
    assert ended.exit == 3, ended
    assert 2.5 <= ended.guest('deaf')['forced'] - ended.guest('deaf')['asked'] <= 5, ended
    assert ended.guest('deaf')['asked'] >= ended.guest('passing')['off']


def test_a_key_is_taken_away_and_the_last_one_takes_the_element_along(tool, fleet):
    guest = fleet.add('one', keys={'grace': '60', 'tags': 'x'})
    fleet.define(guest)
    ended = tool.run('set', 'one', 'grace=', '--json')
    assert (ended.exit, ended.json['keys']) == (0, {'tags': 'x'}), ended
    ended = tool.run('set', 'one', 'tags=')
    assert (ended.exit, ended.out) == (0, '[one]\n'), ended
    assert keys_of(fleet, guest, libvirt.VIR_DOMAIN_AFFECT_CONFIG) is None


def test_what_guests_conf_overrides_is_said(tool, fleet):
    fleet.define(fleet.add('web1'))
    tool.configure(guests='[web*]\ngrace = 60\n')
    ended = tool.run('set', 'web1', 'grace=5')
    assert ended.exit == 0, ended
    assert 'guests.conf:2: grace of [web*] holds instead' in ended.out


def test_mistakes_change_nothing(tool, fleet):
    guest = fleet.add('web1')
    fleet.define(guest)
    for words, said in ((('web1', 'grace=5m'), '"grace=5m": grace: "5m" is not a whole number'), (('web1', 'grac=5'), 'unknown key "grac" (did you mean grace?)'),
                        (('web1', 'tags=x', 'grace'), 'grace: not key=value'), (('web2', 'grace=5'), 'web2: no such guest (did you mean web1?)')):
        ended = tool.run('set', *words)
        assert (ended.exit, ended.out) == (2, ''), ended
        assert said in ended.err, ended
    assert keys_of(fleet, guest, libvirt.VIR_DOMAIN_AFFECT_CONFIG) is None
