"""Starts the shutdown of this host in the way that its UPS software expects, so that the UPS cuts the power only after it."""
from __future__ import absolute_import, division, print_function

import os

from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.host import command
from kvm_graceful.power import sources

LIMIT_S = 20.0
BEGIN_S = 2.0  # from the init system's call to the first guest that is asked
APCCONTROL = 'etc/apcupsd/apccontrol'


def ways(found, root='/', run=command.status):
    # type: (sources.Sources, str, Any) -> list
    """[(name for people, function that returns whether it was begun)], the best first. `run`: as command.status."""
    chosen = []  # type: list
    if any(ups.role for ups in found.upses):
        # On a primary it sets FSD, which the secondaries hear of, and waits for them; on a secondary it ends this host alone.
        chosen.append(('upsmon -c fsd', lambda: run(['upsmon', '-c', 'fsd'], LIMIT_S) == 0))
    if any(ups.kind == 'apcupsd' for ups in found.upses) and sources.of_apcupsd(root):
        chosen.append(('apccontrol doshutdown', lambda: _apcupsd(root, run)))
    return chosen + [('shutdown -h -P now', lambda: run(['shutdown', '-h', '-P', 'now', 'the battery runs out'], LIMIT_S) == 0)]


def notice_s(found, reading):
    # type: (sources.Sources, Any) -> float
    """What passes, at most, before the first guest is asked, besides what somebody may delay the shutdown for."""
    span_s = BEGIN_S
    roles = [ups.role for ups in found.upses if ups.role]
    if roles:
        span_s += found.finaldelay_s
    if 'primary' in roles and (reading.logins is None or reading.logins > 1):  # itself, and those that it waits for
        span_s += found.hostsync_s
    return span_s


def _apcupsd(root, run):
    # type: (str, Any) -> bool
    """As apcupsd does it: the flag, by which the last script of the shutdown has the UPS cut the power, then its script."""
    flag = sources.power_fail_flag(root)
    try:
        os.close(os.open(flag, os.O_WRONLY | os.O_CREAT, 0o644))
    except OSError:
        pass  # then the UPS stays on, which is better than a host that does
    if run([os.path.join(root, APCCONTROL), 'doshutdown', 'ups', '1', '1'], LIMIT_S) == 0:
        return True
    try:
        os.unlink(flag)  # a later reboot must not cut the power
    except OSError:
        pass
    return False
