"""The package under test: built once a session from this checkout, and unpacked."""
import os

import pytest

from tests.package import fixtures
from tests.package.building import build, unpacked
from tests.package.oldhost import OldHost
from tests.versions.roots import RootError

checkout, package = fixtures.checkout, fixtures.package


@pytest.fixture(scope='session')
def upstart_package(checkout, tmp_path_factory):
    """The package of this checkout for Ubuntu 10.04 to 14.10."""
    folder = str(tmp_path_factory.mktemp('upstart-package'))
    return unpacked(build(checkout, os.path.join(folder, 'out'), '--profile', 'upstart'), folder)


@pytest.fixture(scope='session')
def bare_old_host(tmp_path_factory):
    try:
        return OldHost(str(tmp_path_factory.mktemp('old-host') / 'bare'))
    except RootError as error:
        pytest.skip(str(error))


@pytest.fixture(scope='session')
def old_host_with_package(bare_old_host, upstart_package, tmp_path_factory):
    host = OldHost(str(tmp_path_factory.mktemp('old-host') / 'installed'), bare_old_host)
    host.dpkg('-i', upstart_package.path)
    return host


@pytest.fixture
def old_host(bare_old_host, tmp_path):
    """A host that runs upstart, as far as the package can tell; nothing of ours is installed."""
    return OldHost(str(tmp_path / 'old-host'), bare_old_host)


@pytest.fixture
def installed(old_host_with_package, tmp_path):
    """The same with the package for upstart installed."""
    return OldHost(str(tmp_path / 'old-host'), old_host_with_package)
