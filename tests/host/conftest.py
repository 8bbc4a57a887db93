"""Host VMs of the quick set, or, for script/test --host, of all suites: which tests run where, images and packages."""

import os
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from tests.host.host import hosts
from tests.host.images import LOOK_AHEAD, SUITES, image
from tests.host.machine import boot_and_keep
from tests.host.table import Results
from tests.package.building import build, copy_of_checkout, with_higher_version, with_unit_flags

MATRIX = bool(os.environ.get('KVM_GRACEFUL_HOST_MATRIX'))
QUICK_RELEASE = 'bookworm'
results = Results() if MATRIX else None


def pytest_configure(config):
    config.addinivalue_line('markers', 'on(*inits, but=()): on hosts with these init systems, but not of these releases')
    config.addinivalue_line('markers', 'quick: belongs to the quick set of script/test')


def pytest_generate_tests(metafunc):
    if 'suite' in metafunc.fixturenames:
        on = metafunc.definition.get_closest_marker('on')
        suites = [suite for suite in SUITES if suite.init in on.args and suite.release not in on.kwargs.get('but', ())]
        metafunc.parametrize('suite', suites, ids=str, indirect=True, scope='session')


@pytest.fixture(scope='session')
def suite(request):
    return request.param


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks for groups
def pytest_collection_modifyitems(config, items):
    """Without --host only what belongs to the quick set; with it, what has not passed yet."""
    here = os.path.dirname(__file__) + os.sep  # pytest calls this for all tests, and others have suites of their own
    in_hosts = [item for item in items if str(item.path).startswith(here) and 'suite' in getattr(item, 'fixturenames', ())]
    if MATRIX:
        left_out = [item for item in in_hosts if results.passed_before(item)]
    else:
        left_out = [item for item in in_hosts if item.get_closest_marker('quick') is None
                    or item.callspec.params['suite'].release != QUICK_RELEASE]
    config.hook.pytest_deselected(items=left_out)
    # One suite after the other, as written: pytest itself would tear classes apart.
    chosen = sorted((item for item in in_hosts if item not in left_out),
                    key=lambda item: (SUITES.index(item.callspec.params['suite']), item.path, item.function.__code__.co_firstlineno))
    items[:] = chosen + [item for item in items if item not in in_hosts]
    for item in in_hosts:
        if item.callspec.params['suite'].release in LOOK_AHEAD:
            item.add_marker(pytest.mark.xfail(strict=False, reason='a look ahead at a suite that is not released'))
        if MATRIX and item.cls is not None:  # those of a class share one boot
            item.add_marker(pytest.mark.xdist_group('%s-%s' % (item.cls.__name__, item.callspec.params['suite'])))


def pytest_runtest_logreport(report):
    if MATRIX and 'PYTEST_XDIST_WORKER' not in os.environ:  # what those hear is told here again
        results.take(report)


def pytest_terminal_summary(terminalreporter):
    if MATRIX:
        terminalreporter.section('host VMs')
        for line in results.lines():
            terminalreporter.write_line(line)


@pytest.fixture(scope='session')
def debs(tmp_path_factory):
    """{name: path}: `package`, made from this checkout, `higher`, the same with a higher version, and `no-start`, with
    that version too, made with debhelper's flag that only looks right."""
    folder = str(tmp_path_factory.mktemp('debs'))
    paths = {}
    for name in ('package', 'no-start'):
        os.mkdir(os.path.join(folder, name))
        source = copy_of_checkout(os.path.join(folder, name, 'source'))
        if name == 'no-start':
            with_unit_flags(source, '--no-start')
        paths[name] = build(source, os.path.join(folder, name))
    paths['higher'] = with_higher_version(paths['package'], os.path.join(folder, 'package'))
    paths['no-start'] = with_higher_version(paths['no-start'], os.path.join(folder, 'no-start'))
    return paths


@pytest.fixture(scope='session')
def images(request):
    """{suite: future of its Image}, for the suites of this session; two are made at a time, while tests run already, but for the
    whole matrix: there other machines at work beside these make all of them slower than one after the other."""
    suites = dict.fromkeys(item.callspec.params['suite'] for item in request.session.items
                           if 'images' in getattr(item, 'fixturenames', ()))
    pool = ThreadPoolExecutor(2)
    made = {suite: pool.submit(image, suite, boot_and_keep) for suite in suites}
    if MATRIX:
        wait(made.values())
    yield made
    pool.shutdown(cancel_futures=True)


@pytest.fixture
def new_host(suite, images, debs):
    """new_host({'a': {}, 'b': {'delay_s': 20}}, installed=True): a Host of this test alone, with the package; with running=True its
    guests are on."""
    with hosts(suite, images, debs) as make:
        yield make
