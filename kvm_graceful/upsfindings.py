"""What would go wrong on battery: findings from what was seen of the UPS. Pure."""
from __future__ import absolute_import, division, print_function

from kvm_graceful import names, upsname
from kvm_graceful.compat import PACKAGES, Any  # noqa: F401 (Any: type comments)
from kvm_graceful.findings import error, warning
from kvm_graceful.power import UNKNOWN, advice

_WORN = frozenset(['RB', 'REPLACEBATT'])  # NUT's word, and apcupsd's
_WATCHED = {'systemd': 'systemctl enable --now kvm-graceful-watch', 'upstart': 'see /etc/init/kvm-graceful-watch.conf'}
_SYSVINIT = 'apt-get install %s-daemon; update-rc.d kvm-graceful-watch enable; service kvm-graceful-watch start' % PACKAGES


def of_shed(guests, init, watches):
    # type: (list, str, bool) -> list
    """`guests`: names of those that are to go off early on battery."""
    if watches or not guests:
        return []
    who = ', '.join(names.shown(name) for name in guests[:5]) + (' and others' if len(guests) > 5 else '')
    return [warning('shed-not-watched', 'no kvm-graceful watch is at work, which alone sheds load on battery: %s' % who,
                    _WATCHED.get(init, _SYSVINIT))]


def of_ups(seen, init, watches, expected_s, deadline_s):
    # type: (Any, str, bool, float | None, float) -> list
    """`seen`: outlook.Seen; `watches`: the watcher is at work; `expected_s`: what a shutdown is expected to take now, None where
    no guest is on."""
    reading, upses = seen.reading, ', '.join(upsname.shown(ups) for ups in seen.sources.upses)
    found = [warning(one.id, one.what, one.todo) for one in advice.of(seen.sources, deadline_s, watches, reading.logins or 0)]
    found += [warning('ups-configuration', str(problem), 'mend that line') for problem in seen.sources.problems]
    if reading.supply == UNKNOWN:
        found.append(warning('ups-silent', 'nothing is known of the battery (%s): %s' % (upses, reading.text),
                             'start what answers for it (nut-server and its driver, or apcupsd), or correct its name'))
    elif reading.runtime_s is None:
        found.append(warning('ups-no-runtime', 'the UPS (%s) does not say how long its battery lasts: only a low battery begins '
                             'a shutdown, and DEADLINE holds' % upses, 'see runtimecal in ups.conf(5)'))
    elif expected_s is not None and seen.margin_s is not None and seen.margin_s < 0:
        found.append(error('ups-runtime', 'the battery (%s) lasts %.0f s; a shutdown is expected to take %.0f s, and %.0f s pass '
                           'before it, HOST_TIME after it, and BATTERY_SHARE is trusted'
                           % (upses, reading.runtime_s, expected_s, seen.notice_s),
                           'make it shorter (needs, on-timeout = save, shed), or take a bigger battery'))
    if _WORN.intersection(reading.text.replace(';', ' ').split()):
        found.append(warning('ups-replace-battery', 'the UPS (%s) says that its battery is worn out: what it claims to last is '
                             'not to be believed' % upses, 'replace the battery'))
    if not watches:
        found.append(warning('not-watched', 'there is a UPS (%s), and a shutdown begins only when its battery is low, whatever '
                             'the guests need' % upses, _WATCHED.get(init, _SYSVINIT)))
    return found
