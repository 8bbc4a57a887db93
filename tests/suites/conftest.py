"""The package under test, and fresh roots of other suites."""

import subprocess

import pytest

from tests.package import fixtures

LIMIT_S = 900
checkout, package = fixtures.checkout, fixtures.package


@pytest.fixture(scope='session')
def mmdebstrap():
    """mmdebstrap(suite, packages, target, *options): a fresh root with these packages, in a mount namespace of its own."""
    def make(suite, packages, target, *options):
        words = ['unshare', '--mount', '--propagation', 'private', 'mmdebstrap', '--quiet', '--variant=apt', '--mode=root',
                 '--dpkgopt=force-unsafe-io', '--aptopt=APT::Install-Recommends "false"', '--aptopt=Acquire::Languages "none"',
                 # Release files of a suite that is not released yet count as expired after a week.
                 '--aptopt=Acquire::Check-Valid-Until "false"', '--include=' + ','.join(packages)]
        done = subprocess.run(words + list(options) + [suite, target], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=LIMIT_S)
        if done.returncode:
            pytest.skip('no fresh root of %s can be had: %s' % (suite, done.stdout[-300:]))
    return make
