"""What the tests with real UPS daemons share: NUT and apcupsd of their own, and the guests of tests/libvirt."""

import contextlib

import pytest

from tests.lab.libvirtd import LabError
from tests.lab.nut import Nut
from tests.libvirt.conftest import fleet, libvirtd, session_libvirtd, tool  # noqa: F401 (fixtures)


@pytest.fixture
def nuts():
    """nuts('ups', 'other'): a NUT with UPSes of those names, running, on mains."""
    with contextlib.ExitStack() as stack:
        def make(*names, **options):
            try:
                nut = stack.enter_context(contextlib.closing(Nut(names or ('ups',), **options)))
            except LabError as e:
                pytest.skip(str(e))
            nut.start()
            return nut
        yield make
