"""Debian packages that script/test has unpacked beside this machine, without installing them."""
import os

import pytest

CACHE = os.path.join(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'kvm-graceful-shutdown', 'beside')


def unpacked(package):
    """The folder that stands for / in that package. Skips the test where it could not be fetched."""
    folder = os.path.join(CACHE, package)
    if not os.path.exists(os.path.join(folder, 'complete')):
        pytest.skip('Debian package %s is not unpacked in %s; script/test does it' % (package, CACHE))
    return os.path.join(folder, 'root')
