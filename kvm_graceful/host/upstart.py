"""upstart: the runlevel tells, as on sysvinit; the event `stopping` alone proves nothing."""
from __future__ import absolute_import, division, print_function

import os
import re

from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.host.sysv import SysV


class Upstart(SysV):
    """utmp has the new runlevel before the event `runlevel` is emitted, so a job on `stopping` can rely on it."""

    name = 'upstart'

    def asked_by(self, environment):
        # type: (Any) -> str
        # A stop of libvirt-bin by hand runs our job just as a shutdown does: that upstart asked proves nothing.
        return ''


def is_manual(root, job):
    # type: (str, str) -> bool
    """Whether an override (since 1.3) keeps events from starting this job."""
    try:
        with open(os.path.join(root, 'etc/init', job + '.override'), 'rb') as stream:
            return re.search(b'(?m)^[ \\t]*manual\\b', stream.read(1 << 20)) is not None
    except (IOError, OSError):
        return False
