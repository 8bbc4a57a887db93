"""The bench works: all contenders of its quick run are measured; what did not shut the guests down counts as no lap."""

import contextlib
import json
import subprocess

import pytest

libvirt = pytest.importorskip('libvirt')

from tests.bench import clients, table  # noqa: E402 (needs libvirt)
from tests.bench.course import Course  # noqa: E402
from tests.lab.libvirtd import LabError, Libvirtd  # noqa: E402
from tests.lab.tool import CHECKOUT  # noqa: E402


@pytest.fixture
def course():
    try:
        libvirtd = Libvirtd()
    except LabError as e:
        pytest.skip(str(e))
    with contextlib.closing(libvirtd), contextlib.closing(Course(libvirtd, ['one'], lambda _name: {'delay_s': 1})) as course:
        yield course


def test_a_quick_bench_has_all_contenders():
    done = subprocess.run(['/usr/bin/python3', '-B', '-m', 'tests.bench', '--quick', '--json'], cwd=CHECKOUT, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found['quick'] and 'Linux' in found['machine']
    totals = {name: {row['client']: row.get('total_s') for row in case['rows']} for name, case in found['cases'].items()}
    assert list(totals) == ['none', 'thirty', 'tiers', 'agents', 'simulate']
    assert set(totals['thirty']) == {clients.BARE, clients.PARALLEL, clients.OURS}
    assert totals['thirty'][clients.BARE] >= 1  # as long as the guests take
    assert totals['tiers'][clients.OURS] >= 3
    assert totals['tiers'][clients.OURS] < totals['tiers'][clients.TIERS]
    assert set(totals['none']) == {clients.PARALLEL, clients.OURS}
    goals = {goal['text']: goal for case in found['cases'].values() for goal in case['goals']}
    assert goals['kvm-graceful, connections to libvirtd']['value'] == 0
    assert all(goal['met'] is None for goal in goals.values())  # nothing is judged by three guests


def test_a_client_that_leaves_a_guest_on_is_no_lap(course):
    with pytest.raises(LabError, match='all guests are off'):
        course.lap(['/bin/true'], heard_s=1)
    assert course.fleet.is_on(course.fleet.guests[0])


def test_a_client_that_fails_is_no_lap(course):
    with pytest.raises(LabError, match='a client failed'):
        course.lap(['/bin/false'])


def test_a_goal_is_met_only_by_what_is_within_it():
    found = table.Found('case', [], [table.Goal('good', 1.0, 1.0, 's'), table.Goal('bad', 1.01, 1.0, 's')], [])
    assert [goal['met'] for goal in table.data(found, True)['goals']] == [True, False]
    assert 'bad: 1.01 s, at most 1: MISSED' in table.text(found, True)
