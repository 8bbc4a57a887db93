"""Reports that go into files: a page for a browser, metrics for Prometheus."""
from __future__ import absolute_import, division, print_function

import os

from kvm_graceful import diskwriter
from kvm_graceful.compat import Any, as_bytes  # noqa: F401 (Any: type comments)
from kvm_graceful.errors import HostError
from kvm_graceful.report import prometheus


def page(path, text):
    # type: (str, str) -> str
    """Writes a page; returns what to say then. Raises HostError."""
    def write():
        # type: () -> None
        with open(path, 'wb') as stream:
            stream.write(as_bytes(text))
    return _written(path, write)


def metrics(folder, text, name=prometheus.FILE_NAME):
    # type: (str | None, str, str) -> str
    """Puts metrics in the place of the last ones, so that nobody ever reads half of them. Otherwise as `page`. Without a folder:
    the metrics themselves."""
    if not folder:
        return text.rstrip('\n')
    return _written(os.path.join(folder, name), lambda: diskwriter.put(folder, name, text, 0o644))


def _written(path, write):
    # type: (str, Any) -> str
    try:
        write()
    except (IOError, OSError) as error:
        raise HostError('%s: cannot be written: %s' % (path, error.strerror))
    return 'Written: %s' % path
