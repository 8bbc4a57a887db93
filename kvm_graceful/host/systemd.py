"""systemd: asked through systemctl, which talks to PID 1 directly and works with D-Bus gone."""
from __future__ import absolute_import, division, print_function

from kvm_graceful.compat import Any  # noqa: F401 (type comments)

# poweroff.target and its like force the end 30 minutes after the request, whatever any unit says.
LIMIT_S = 28 * 60
# What unattended-upgrades sets; logind's own default is 5 s. Taken where logind does not tell.
INHIBITOR_DELAY_S = 30.0
_UP = ('running', 'degraded', 'maintenance')


class Systemd(object):
    """SystemState is `stopping` if and only if shutdown.target is active or has a start job."""

    name = 'systemd'
    limit_s = LIMIT_S

    def __init__(self, run):
        # type: (Any) -> None
        self._run = run

    def asked_by(self, environment):
        # type: (Any) -> str
        # Since 232; set for every process that a unit starts.
        return 'INVOCATION_ID is set' if environment.get('INVOCATION_ID') else ''

    def inhibitor_delay_s(self):
        # type: () -> float
        """logind waits as long as this for whoever holds a delay lock, and libvirtd holds one while guests run."""
        answer = self._run(['busctl', 'get-property', 'org.freedesktop.login1', '/org/freedesktop/login1',
                            'org.freedesktop.login1.Manager', 'InhibitDelayMaxUSec']) or ''
        words = answer.split()
        return int(words[1]) / 1e6 if len(words) == 2 and words[1].isdigit() else INHIBITOR_DELAY_S

    def queries(self):
        # type: () -> list
        return [self._state, self._jobs]

    def _state(self):
        # type: () -> tuple
        # The exit status is not zero for nearly every state: only the word counts.
        words = (self._run(['systemctl', 'is-system-running']) or '').split()
        state = words[0] if words else ''
        if state == 'stopping':
            return True, 'systemd is stopping the host'
        if state in _UP:
            return False, 'systemd says the host is %s' % state
        # Before 246 a boot that never finished (`starting`) hides `stopping`: the jobs tell.
        return None, ''

    def _jobs(self):
        # type: () -> tuple
        answer = self._run(['systemctl', '--no-legend', '--no-pager', 'list-jobs'])
        if answer is None:
            return None, ''
        for line in answer.splitlines():
            if line.split()[1:3] == ['shutdown.target', 'start']:
                return True, 'systemd has a start job for shutdown.target'
        if not answer.strip() and (self._run(['systemctl', 'show', '--property=Version']) or '')[:8] != 'Version=':
            return None, ''  # an empty list from a manager that does not answer is no list
        return False, 'systemd has no start job for shutdown.target'
