"""The pages of `report --html` and `plan --html` in a real browser: nothing cut off, no label over another, nothing that runs."""
import re

import pytest

from kvm_graceful.model import DEFAULT_POLICY
from kvm_graceful.names import shown
from kvm_graceful.report import html
from tests.report import runs
from tests.report.measuring import CONTRAST, faults, opened
from tests.unit.support import UNDYING, takes

PHONE, TABLET, SCREEN = 360, 768, 1280
NASTY = ['<script>document.title="owned"</script>', '"><img src=x onerror=document.title="owned">', "' onload='x", '&lt;b&gt;',
         'red\x1b[31m', 'line\nbreak', 'tab\tnul\x00', 'r\u202eesrever', 'lone\ud800', '</title></style><h1>x', '%s%d{}', ' ']


def page(folder, data, name='page.html', change=lambda text: text):
    path = folder / name
    path.write_bytes(change(html.run(data)).encode('utf-8'))
    return str(path)


@pytest.fixture(scope='module')
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp('pages')
    return {count: page(folder, runs.eventful(count), '%d.html' % count) for count in (1, 3, 30, 300)}


@pytest.mark.parametrize('width', [PHONE, TABLET, SCREEN])
@pytest.mark.parametrize('count', [1, 3, 30, 300])
def test_nothing_is_cut_off_and_no_label_lies_over_another(browser, pages, count, width):
    assert faults(browser, pages[count], width) == []
    assert len(browser.find_elements('css selector', '.names li')) == count


@pytest.mark.parametrize('broken,says', [
    (('--row: 28px', '--row: 11px'), 'one over the other'),
    (('fit-content(24rem) minmax(0, 1fr)', '4rem minmax(0, 1fr)'), 'cut off'),
    (('max-width: 75rem', 'width: 120%'), 'wider than the window'),
    (('--drop: 0px', '--drop: 15px'), 'not in its row'),
])
def test_control_a_page_with_a_fault_is_found_out(browser, tmp_path, broken, says):
    def breaks(text):
        assert text.count(broken[0]) == 1
        return text.replace(*broken)
    found = faults(browser, page(tmp_path, runs.eventful(30), change=breaks), SCREEN)
    assert any(says in fault for fault in found), found


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_everything_is_readable_in_light_and_dark(browser, pages, scheme):
    opened(browser, pages[300], SCREEN, scheme)
    texts = ['h1', 'p.muted', '.names bdi', '.names span', 'text.tick', 'text.deadline-text', 'td', 'th', 'footer', '.legend li']
    marks = ['line.asked', 'line.forced', 'line.saving', 'use.saved', 'use.off', 'use.destroyed', 'use.left', 'use.again', 'line.deadline']
    found = browser.execute_script(CONTRAST, texts + marks)
    assert not [(one, found[one]) for one in texts if found[one] is None or found[one] < 4.5]
    assert not [(one, found[one]) for one in marks if found[one] is None or found[one] < 3]
    dark = browser.execute_script('return getComputedStyle(document.body).backgroundColor') == 'rgb(20, 24, 30)'
    assert dark == (scheme == 'dark')


def test_it_says_who_waited_for_whom_when_the_deadline_moved_and_what_the_battery_had(browser, pages):
    opened(browser, pages[30], SCREEN)
    # 22 web servers, each needing its database.
    assert len(browser.find_elements('css selector', '.bars line.arrow')) == 22
    assert 'deadline now in 90 s: the battery has 140 s left' in browser.find_element('tag name', 'body').text
    assert len(browser.find_elements('css selector', 'circle.charge')) >= 4
    assert 'deadline 110 s' in browser.find_element('css selector', '.axis').text


@pytest.mark.parametrize('width', [PHONE, SCREEN])
def test_hostile_names_are_only_ever_shown(browser, tmp_path, width):
    names = NASTY + ['x' * 300, '\u5bbf\u4e3b' * 40, 'e\u0301' * 60]
    data = runs.run_of(dict.fromkeys(names, DEFAULT_POLICY), {name: takes(5) for name in names}, why='</p><script>x</script>\x1b[0m')
    data['warnings'] = ['guests.conf:1: <img src=x onerror=1> \x1b[31m\u202e']
    opened(browser, page(tmp_path, data), width)
    assert browser.title == 'Run 7: host-stop'
    assert browser.find_elements('css selector', 'script, img, link, iframe, object, h1 + h1, [onload], [onerror]') == []
    assert browser.execute_script('return performance.getEntriesByType("resource").length') == 0
    said = browser.execute_script('return [...document.querySelectorAll(".names bdi")].map((one) => one.textContent)')
    assert sorted(said) == sorted(shown(name) for name in names)
    text = browser.execute_script('return document.documentElement.textContent')
    assert not re.search('[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]', text)
    # The longest are cut short beside the chart, and stand whole in the table.
    left = [fault for fault in faults(browser, page(tmp_path, data), width) if not fault.startswith('cut off: BDI')]
    assert left == []


@pytest.mark.parametrize('width', [PHONE, SCREEN])
def test_the_start_after_it_stands_below(browser, tmp_path, width):
    """With hostile names too, one that failed and one that was not reached."""
    ends = [('started', 0.4, 'started'), ('failed', None, 'could not be started, tried 4 times: <b>no</b> disk'), (None, None, '')]
    guests = [dict(name=name, needs=NASTY[:2], started_as=how, at=at, ready=at, why=why)
              for name, (how, at, why) in zip(NASTY, ends * 10)]
    start = dict(verb='host-start', started='2026-11-23T15:40:00Z', finished=40.0, exit=3, cut_off='', guests=guests)
    path = page(tmp_path, dict(runs.eventful(3), start=start))
    assert faults(browser, path, width) == []
    text = browser.find_element('tag name', 'body').text
    for said in ('Start at boot, begun 2026-11-23 15:40:00 UTC', '4 started, 4 failed, 4 not reached', 'tried 4 times: <b>no</b> disk',
                 'To start the others now: kvm-graceful start'):
        assert said in text, said
    assert browser.find_elements('css selector', 'b, script, img') == []


def test_without_scripts_and_nothing_fetched():
    text = html.run(runs.eventful(30))
    assert not re.search(r'(?i)<script|javascript:|@import|url\((?!#)|https?://|\son\w+=', text)
    assert "default-src 'none'" in text


def test_a_run_without_guests_one_that_was_cut_off_and_guests_that_never_ended(browser, tmp_path):
    nobody = runs.run_of({}, {})
    assert faults(browser, page(tmp_path, nobody), SCREEN) == []
    cut = dict(runs.eventful(30), finished=None, exit=None)
    for guest in cut['guests'][:10]:
        guest.update(off=None, outcome='unknown')
    assert faults(browser, page(tmp_path, cut), PHONE) == []
    assert 'CUT OFF' in browser.find_element('css selector', '.verdict.bad').text
    stuck = runs.run_of({'stuck': DEFAULT_POLICY}, {'stuck': UNDYING}, 30.0)
    assert faults(browser, page(tmp_path, stuck), PHONE) == []
    assert browser.find_elements('css selector', '.bars use.left')
