"""The page of `plan --html` in a real browser, with 3, 30 and 300 guests: as the program itself writes it, over libvirt's test driver."""
import json

import pytest

from kvm_graceful.names import shown
from kvm_graceful.report import html
from tests.report import runs
from tests.report.measuring import CONTRAST, faults, opened
from tests.report.test_metrics import Host
from tests.report.test_pages import NASTY, PHONE, SCREEN, TABLET

GUEST = '<domain type="test"><name>%s</name><uuid>00000000-0000-0000-0000-%012d</uuid><memory>1024</memory><os><type>hvm</type></os></domain>'
KEYS = (('needs', lambda policy: ', '.join(policy.needs)), ('grace', lambda policy: policy.grace_s),
        ('press-again', lambda policy: policy.press_again_s), ('on-timeout', lambda policy: policy.on_timeout))


class Planned(Host):
    """The guests of runs.guests(count): web servers that need their database, and others that need longer than there is."""

    def __init__(self, folder, count):
        super().__init__(folder, 'DEADLINE=200\nPARALLEL=40\nGRACE=\nON_BOOT=start\nRESTART_CHARGE=60\n')
        policies = runs.guests(count)[0]
        (folder / 'node.xml').write_text('<node>%s</node>' % ''.join(GUEST % (name, at) for at, name in enumerate(sorted(policies))))
        (folder / 'guests.conf').write_text('[nobody]\ngrace = 5\n' + ''.join('[%s]\n%s' % (name, ''.join(
            '%s = %s\n' % (key, value(policy)) for key, value in KEYS if value(policy))) for name, policy in policies.items()))

    def page(self):
        path = self.folder / 'plan.html'
        done = self('plan', '--guests', str(self.folder / 'guests.conf'), '--html', str(path))
        assert (done.returncode, done.stdout) in ((0, 'Written: %s\n' % path), (3, 'Written: %s\n' % path)), done.stdout
        return str(path)


@pytest.fixture(scope='module')
def plans(tmp_path_factory):
    return {count: Planned(tmp_path_factory.mktemp('plan-%d' % count), count).page() for count in (3, 30, 300)}


@pytest.mark.parametrize('width', [PHONE, TABLET, SCREEN])
@pytest.mark.parametrize('count', [3, 30, 300])
def test_nothing_is_cut_off_and_no_label_lies_over_another(browser, plans, count, width):
    assert faults(browser, plans[count], width) == []
    assert len(browser.find_elements('css selector', '.names li')) == count


def test_control_a_plan_with_a_fault_is_found_out(browser, plans, tmp_path):
    with open(plans[30]) as f:
        text = f.read()
    assert text.count('--row: 28px') == 1
    (tmp_path / 'broken.html').write_text(text.replace('--row: 28px', '--row: 11px'))
    assert any('one over the other' in fault for fault in faults(browser, str(tmp_path / 'broken.html'), SCREEN))


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_everything_is_readable_in_light_and_dark(browser, plans, scheme):
    opened(browser, plans[300], SCREEN, scheme)
    texts = ['h1', 'p.muted', 'p.verdict', '.names bdi', '.names span', 'text.tick', 'td', 'th', 'footer', '.legend li', 'ul.plain li']
    found = browser.execute_script(CONTRAST, texts)
    assert not [(one, found[one]) for one in texts if found[one] is None or found[one] < 4.5]


def test_it_says_who_waits_for_whom_how_long_it_takes_and_what_is_to_be_mended(browser, plans):
    opened(browser, plans[30], SCREEN)
    assert len(browser.find_elements('css selector', '.bars line.arrow')) == 22  # each web server and its database
    text = browser.find_element('tag name', 'body').text
    for said in ('If the host went down now', '30 guests, 200 s for everything, 40 at once.', 'Expected to be over after',
                 'DEADLINE=200: 200 s for the whole shutdown', 'To be mended', 'section [nobody]: no such guest'):
        assert said in text, said


@pytest.mark.parametrize('width', [PHONE, SCREEN])
def test_hostile_names_are_only_ever_shown(browser, tmp_path, width):
    # As a hypervisor may give them: the test driver takes no such XML.
    plan = Planned(tmp_path, 3)
    data = json.loads(plan('plan', '--guests', '/none', '--json').stdout)
    data['guests'] = [dict(data['guests'][0], name=name, key=name) for name in NASTY]
    data['settings'][0]['value'] = '</li><script>document.title="owned"</script>'
    page = tmp_path / 'nasty.html'
    page.write_bytes(html.plan(data).encode('utf-8'))
    opened(browser, str(page), width)
    assert browser.title == 'If the host went down now'
    assert browser.find_elements('css selector', 'script, img, link, iframe, object, [onload], [onerror]') == []
    said = browser.execute_script('return [...document.querySelectorAll(".names bdi")].map((one) => one.textContent)')
    assert sorted(said) == sorted(shown(name) for name in NASTY)
