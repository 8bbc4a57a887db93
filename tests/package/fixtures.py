"""Fixtures of every folder that tests the package: a clean checkout, and the package built from it once a session."""
import os

import pytest

from tests.package.building import build, copy_of_checkout, unpacked


@pytest.fixture(scope='session')
def checkout(tmp_path_factory):
    """A clean checkout of the work tree as it is."""
    return copy_of_checkout(str(tmp_path_factory.mktemp('checkout') / 'source'))


@pytest.fixture(scope='session')
def package(checkout, tmp_path_factory):
    """The package of this checkout."""
    folder = str(tmp_path_factory.mktemp('package'))
    return unpacked(build(checkout, os.path.join(folder, 'out')), folder)
