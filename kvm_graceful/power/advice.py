"""What in NUT's configuration would cut the power under guests that still shut down, and the numbers to set. Pure."""
from __future__ import absolute_import, division, print_function

from collections import namedtuple

from kvm_graceful.compat import Any  # noqa: F401 (type comments)

SPARE_S = 30.0  # for the init systems of the other hosts


# `id`: never changes its meaning; `what` and `todo`: for people.
Advice = namedtuple('Advice', 'id what todo')


def of(found, deadline_s, watches, logins=None):
    # type: (Any, float, bool, int | None) -> list
    """Advice on `found` (sources.Sources). `deadline_s`: for the guests of one host; `watches`: the watcher is at work; `logins`:
    those that upsd waits for, this host among them, others with one each or two; None where unknown."""
    given = []
    roles = [ups.role for ups in found.upses]
    wanted_s = deadline_s + SPARE_S
    if 'primary' in roles and found.hostsync_s < wanted_s and (logins is None or logins > 1):
        given.append(Advice('ups-hostsync', 'HOSTSYNC is %.0f s: where other hosts on this UPS have guests, their power is cut '
                            'after that time' % found.hostsync_s, 'set HOSTSYNC %.0f in upsmon.conf' % wanted_s))
    if 'secondary' in roles and found.shutdownexit == 'yes' and not watches:
        given.append(Advice('ups-secondary', 'upsmon logs off as soon as the shutdown begins, and the primary then cuts the '
                            'power',
                            'enable kvm-graceful-watch, or set SHUTDOWNEXIT no in upsmon.conf (NUT 2.8.1)'))
    if found.finaldelay_s > SPARE_S:
        given.append(Advice('ups-finaldelay', 'FINALDELAY is %.0f s, and nothing is shut down meanwhile' % found.finaldelay_s,
                            'set FINALDELAY 5 in upsmon.conf'))
    return given
