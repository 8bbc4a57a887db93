"""upstart: the runlevel tells, as on sysvinit; the event `stopping` alone proves nothing."""
from __future__ import absolute_import, division, print_function

from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.host.sysv import SysV


class Upstart(SysV):
    """utmp has the new runlevel before the event `runlevel` is emitted, so a job on `stopping` can rely on it."""

    name = 'upstart'

    def asked_by(self, environment):
        # type: (Any) -> str
        # A stop of libvirt-bin by hand runs our job just as a shutdown does: that upstart asked proves nothing.
        return ''
