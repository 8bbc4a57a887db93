"""What would go wrong with single guests, and with the time for all of them: findings from what was seen of them. Pure."""
from __future__ import absolute_import, division, print_function

from kvm_graceful import names
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.findings import error, warning
from kvm_graceful.model import PAUSED

YOUNG_S = 120  # a guest that was started less than this ago may still be booting


def of_guest(guest, policy, facts, measured_s, settings):
    # type: (Any, Any, Any, float | None, Any) -> list
    """`facts`: domainfacts.Facts; `measured_s`: what its shutdowns took, None where never measured."""
    name = names.shown(guest.name)
    if policy.on_shutdown == 'ignore':
        return []
    found = _asking(guest, policy, facts, name) if policy.on_shutdown == 'shutdown' else []
    if guest.restarts:
        found.append(warning('on-poweroff-restart',
                             'is set to start again when it shuts down; only a shutdown of the host undoes that',
                             'virsh edit %s: <on_poweroff>destroy</on_poweroff>' % name, guest.name))
    if guest.state == PAUSED and guest.reason == 'I/O error':
        found.append(error('io-error', 'is paused because its disk failed: it will hardly shut down',
                           'make room or mend the disk, then: virsh resume %s' % name, guest.name))
    if policy.grace_s is not None and measured_s is not None and policy.grace_s < measured_s:
        found.append(error('grace-too-short', 'has a grace of %d s, and took %.0f s: it will be forced'
                           % (policy.grace_s, measured_s), 'raise its grace above %.0f' % measured_s, guest.name))
    if facts.unsafe_cache and policy.on_timeout == 'destroy':
        found.append(warning('cache-unsafe', 'has a disk with cache=unsafe: if it is switched off, what it wrote may be lost',
                             'virsh edit %s: cache=none or writeback' % name, guest.name))
    if policy.shed_s is not None and guest.persistent is False:
        found.append(warning('shed-transient', 'is transient, and is not shed on battery: it could not be started again',
                             'virsh dumpxml it to a file and virsh define that', guest.name))
    if settings.on_boot == 'start':
        found += _booting(guest, policy, facts)
    return found


def _asking(guest, policy, facts, name):
    # type: (Any, Any, Any, str) -> list
    methods = [method for method, _ in policy.method]
    agent = 'agent' in methods and guest.agent == 'connected'
    button = 'acpi' in methods and facts.acpi
    if not agent and not button:
        why = 'has no ACPI, so that its power button does nothing, and no agent' if 'acpi' in methods else (
            'is asked through its agent alone, and that does not answer')
        return [error('cannot-be-asked' if 'acpi' not in methods else 'no-acpi', why + ': it will be forced',
                      'virsh edit %s: <features><acpi/></features>, then restart it; or install qemu-guest-agent in it'
                      % name if 'acpi' in methods else 'install qemu-guest-agent in it, or allow acpi in its method', guest.name)]
    found = []
    if 'acpi' in methods and not facts.acpi:
        found.append(warning('no-acpi', 'has no ACPI: only its agent can shut it down',
                             'virsh edit %s: <features><acpi/></features>' % name, guest.name))
    if 'agent' in methods and guest.agent == 'disconnected':
        perhaps = ', or not yet' if guest.up_s is not None and guest.up_s < YOUNG_S else ''
        found.append(warning('agent-silent', 'has the channel of a guest agent, and nobody answers there' + perhaps,
                             'install and start qemu-guest-agent in it, or take the channel out', guest.name))
    return found


def _booting(guest, policy, facts):
    # type: (Any, Any, Any) -> list
    if guest.persistent is False:
        return [warning('transient-not-started', 'is transient: it is not started again at boot, whatever ON_BOOT says',
                        'virsh dumpxml it to a file and virsh define that', guest.name)]
    if facts.autostart and policy.needs:
        return [warning('autostart-order', 'has autostart: libvirt starts it at boot without waiting for what it needs',
                        'virsh autostart --disable %s; ON_BOOT=start starts it in order' % names.shown(guest.name), guest.name)]
    return []


def of_time(rehearsed, measured, deadline_s):
    # type: (list, Any, float) -> list
    """`rehearsed`: GuestResults of a shutdown that takes as long as measured; `measured`: uuids of guests that were."""
    late = [result for result in rehearsed if result.forced is not None or result.outcome in ('left', 'destroyed')
            and 'on-shutdown' not in result.why]
    if not late:
        return []
    who = ', '.join(names.shown(result.guest.name) for result in late[:5]) + (' and others' if len(late) > 5 else '')
    todo = 'raise DEADLINE (%d s now), or shorten the chain of needs' % deadline_s
    if all(result.guest.uuid in measured for result in late):
        return [error('deadline-too-short', 'the deadline is too short for what was measured: %s would be forced' % who, todo)]
    return [warning('deadline-perhaps-too-short', 'the deadline is too short if guests take as long as is assumed: %s would be '
                    'forced' % who, todo + '; kvm-graceful drill measures')]


def of_problem(problem):
    # type: (Any) -> Any
    """From what the preparation of a shutdown says beyond the configuration: a save that cannot be, or a history that is none."""
    if 'cannot be saved' not in problem.text:
        return warning('history', str(problem), 'move the file away: times are measured anew')
    if ' are free' in problem.text:
        return warning('save-space', problem.text, 'make room on the disk of /var/lib/libvirt/qemu/save')
    return warning('cannot-save', problem.text, 'do not let it be saved: on-timeout = destroy or leave, on-shutdown = shutdown')
