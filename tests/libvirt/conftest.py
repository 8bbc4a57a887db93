"""What the tests with a real libvirtd share: one private libvirtd for all; guests and a tool of its own for each."""

import contextlib
import functools
import itertools
import os

import pytest

libvirt = pytest.importorskip('libvirt')

from tests.lab.agentguest import LinuxGuest, build  # noqa: E402 (needs libvirt)
from tests.lab.fleet import Fleet  # noqa: E402
from tests.lab.libvirtd import LabError, Libvirtd  # noqa: E402
from tests.lab.tool import Tool  # noqa: E402
from tests.lab.upstart import UpstartHost  # noqa: E402
from tests.package.conftest import bare_old_host, checkout, old_host_with_package, upstart_package  # noqa: E402, F401 (fixtures)
from tests.package.oldhost import OldHost  # noqa: E402
from tests.versions.roots import RootError, root  # noqa: E402

PATIENT = 'a_healthy_guest_that_needs_200_of_the_300_seconds'
ON_UPSTART = 'guests_of_45_s'
UPSTART_HOSTS = {'13.10': (True, ()), '14.10': (False, ()), '14.10 without the takeover': (False, ('kvm-graceful-shutdown-takeover',))}
UNDER_BOTH = ('test_order', 'test_outcomes', 'test_forced', 'test_interrupted')
folders = itertools.count(1)


def libvirtd_or_skip():
    try:
        return Libvirtd()
    except LabError as e:
        pytest.skip(str(e))


@pytest.fixture(scope='session')
def session_libvirtd():
    with contextlib.closing(libvirtd_or_skip()) as libvirtd:
        yield libvirtd


@pytest.fixture
def libvirtd(session_libvirtd):
    """The private libvirtd, running; a test may restart or kill it."""
    if not session_libvirtd.is_running():
        session_libvirtd.start()
    return session_libvirtd


@pytest.fixture
def fleet(libvirtd):
    """Guests of this test alone; removed after it."""
    folder = os.path.join(libvirtd.folder, 'guests-%d' % next(folders))
    os.mkdir(folder)
    fleet = Fleet(libvirtd.connection, folder)
    yield fleet
    if not libvirtd.is_running():
        libvirtd.start()
    fleet.remove()


def new_tool(libvirtd, python='3', api=None):
    """kvm-graceful with a configuration and a state directory of its own, neither of them there yet; under Python 3 or 2.7,
    or the one at that path, with all of libvirt's API or that of an older release."""
    try:
        path = root('bullseye') if python == '2.7' else None
    except RootError as error:
        pytest.skip(str(error))
    return Tool(os.path.join(libvirtd.folder, 'tool-%d' % next(folders)), libvirtd, api, path,
                python if os.path.isabs(python) else '/usr/bin/python3')


def pytest_generate_tests(metafunc):
    """What matters most runs under Python 2.7 too. KVM_GRACEFUL_PYTHON=2.7 runs all tests under it, =/a/path under that one, and
    KVM_GRACEFUL_LIBVIRT=0.7.5 with that API."""
    if 'tool' in metafunc.fixturenames:
        both = metafunc.module.__name__.rpartition('.')[2] in UNDER_BOTH and 'KVM_GRACEFUL_PYTHON' not in os.environ
        pythons = ['3', '2.7'] if both else [os.environ.get('KVM_GRACEFUL_PYTHON', '3')]
        metafunc.parametrize('tool', pythons, indirect=True, ids=['Python ' + python for python in pythons] if both else None)


@pytest.fixture
def tool(libvirtd, request):
    """The program of this test alone."""
    return new_tool(libvirtd, request.param, os.environ.get('KVM_GRACEFUL_LIBVIRT'))


@pytest.fixture(scope='session')
def files(session_libvirtd):
    try:
        return build(os.path.join(session_libvirtd.folder, 'agentguest'))
    except LabError as e:
        pytest.skip(str(e))


@pytest.fixture
def linux(fleet, files):
    """Adds a Linux guest to the fleet."""
    return functools.partial(fleet.add, kind=LinuxGuest, files=files)


def pytest_configure(config):
    config.addinivalue_line('markers', 'since(release, what): needs what the API of libvirt has since that release')


def pytest_runtest_setup(item):
    """With the API of an older release hidden, a test of what that lacks says so."""
    api = os.environ.get('KVM_GRACEFUL_LIBVIRT')
    for mark in item.iter_markers('since'):
        release, what = mark.args
        if api is not None and [int(part) for part in api.split('.')] < [int(part) for part in release.split('.')]:
            pytest.skip('libvirt %s has no %s' % (api, what))


def pytest_collection_modifyitems(items):
    """The 200 seconds of the patient guest, and the 45 of those on upstart, pass while all other tests run: their tests go last."""
    items.sort(key=lambda item: (ON_UPSTART in item.name) + 2 * (PATIENT in item.name))


@pytest.fixture(scope='session', autouse=True)
def patient_run(request):
    """(Fleet, tool.Running) of a guest that takes 200 s, asked when the first test begins; None where it is not to be
    tested in this session."""
    if not any(PATIENT in item.name for item in request.session.items):
        yield None
        return
    # A libvirtd of its own, which the other tests do not restart.
    with contextlib.closing(libvirtd_or_skip()) as libvirtd:
        fleet = Fleet(libvirtd.connection, libvirtd.folder)
        fleet.add('patient', delay_s=200)
        fleet.start()
        running = new_tool(libvirtd, os.environ.get('KVM_GRACEFUL_PYTHON', '3'),
                           os.environ.get('KVM_GRACEFUL_LIBVIRT')).start('stop', '--json')
        yield fleet, running


@pytest.fixture(scope='session', autouse=True)
def upstart_hosts(request):
    """upstart_hosts(name): (UpstartHost, Fleet) of that host once it is down. All go down when the first test begins."""
    if not any(ON_UPSTART in item.name for item in request.session.items):
        yield None
        return
    try:
        installed = request.getfixturevalue('old_host_with_package')
    except pytest.skip.Exception as skipped:
        why = str(skipped)
        yield lambda _: pytest.skip(why)  # those tests alone
        return
    going = {}
    with contextlib.ExitStack() as stack:
        for name, (waits_in_rc, without) in UPSTART_HOSTS.items():
            libvirtd = stack.enter_context(contextlib.closing(libvirtd_or_skip()))
            old_host = OldHost(os.path.join(libvirtd.folder, 'old-host'), installed)
            host = stack.enter_context(contextlib.closing(UpstartHost(libvirtd, old_host, waits_in_rc, without, '1.2.2',
                                                                      '[slow]\nneeds = db\n')))
            fleet = Fleet(libvirtd.connection, libvirtd.folder)
            fleet.add('db', delay_s=1)
            fleet.add('slow', delay_s=45)
            fleet.start()
            going[name] = host, fleet, host.begin_to_go_down()

        def down(name):
            host, fleet, thread = going[name]
            thread.join(240)
            assert not thread.is_alive(), host.happened
            return host, fleet
        yield down
