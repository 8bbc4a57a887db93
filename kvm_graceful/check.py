"""check: what would go wrong at the next shutdown, before it does. Looks at the host, the configuration and each guest."""
from __future__ import absolute_import, division, print_function

import os

from kvm_graceful import (
    findings,
    guestfindings,
    host,
    inspection,
    listkeeper,
    preparation,
    rehearsal,
    startfiles,
    upsfindings,
    workers,
)
from kvm_graceful.clock import Clock
from kvm_graceful.compat import PACKAGES, PY2, Any  # noqa: F401 (Any: type comments)
from kvm_graceful.errors import BadList, HypervisorError
from kvm_graceful.findings import error, warning
from kvm_graceful.host import command
from kvm_graceful.hypervisor import domainfacts, processes, starting
from kvm_graceful.inbox import Inbox
from kvm_graceful.power import outlook
from kvm_graceful.preparation import Options  # noqa: F401 (type comments)
from kvm_graceful.settings import circle_problem

LOOK_S = 30.0  # for the XML of all guests
EXIT = {'error': 2, 'warning': 1}


def check(options, config_file, root='/', run=command.run, environment=os.environ):
    # type: (Options, str, str, Any, Any) -> dict
    """{findings, ...}; exit 0 for nothing, 1 for warnings, 2 for errors. Touches nothing."""
    system = host.detect(root, run)
    settings = options.settings
    found, uris = findings.of_uris(options.uris or settings.uris)
    found += [_of_file(problem) for problem in settings.problems]
    deadline_s = preparation.deadline_s(options, system.limit_s)
    seen = inspection.look(system.name, root, run, config_file, options.state_dir, listkeeper.start_is_enabled(root))
    found += findings.of_host(seen, settings, deadline_s, system.limit_s) + _of_lists(options.state_dir)
    guests, expected_s, learnt = [], None, 0  # type: list, float | None, int
    if uris:
        try:
            guests, expected_s, learnt = _of_guests(options._replace(uris=uris), system, found)
        except HypervisorError as failure:
            daemon = 'libvirt-bin' if PY2 else 'libvirt-daemon-system'
            found.append(error('no-hypervisor', str(failure), 'apt-get install %s-libvirt %s' % (PACKAGES, daemon)))
    shed = sorted(guest.name for guest in guests if preparation.policy_of(settings, guest).shed_s is not None)
    found += upsfindings.of_shed(shed, seen.init, seen.watches)
    power = outlook.seen(settings, Clock(), expected_s or 0.0, system, root, environment)
    if power is not None:
        found += upsfindings.of_ups(power, seen.init, seen.watches, expected_s, deadline_s)
    found.sort(key=lambda one: (one.level != 'error', one.guest, one.id))
    return {'schema': 1, 'verb': 'check', 'exit': max([0] + [EXIT[one.level] for one in found]), 'guests': len(guests),
            'measured': learnt, 'expected': expected_s, 'deadline': deadline_s, 'findings': [one._asdict() for one in found],
            'looked': Clock().wall()}


def _of_guests(options, system, found):
    # type: (Options, Any, list) -> tuple
    """(guests that are on, seconds that their shutdown is expected to take or None, how many of them were measured)."""
    clock = Clock()
    settings, known = options.settings, set(options.settings.problems)
    measured_before = preparation.history_in(options.state_dir, clock)  # forks: before libvirt
    hypervisors = preparation.connect(options, clock, Inbox(clock))
    # host-stop: says all, refuses nothing
    prepared = preparation.prepare('host-stop', options, hypervisors, system.limit_s, *measured_before)
    plan = prepared.plan
    guests = [plan.guests[key] for key in plan.order] + list(plan.left)
    found += [error('no-hypervisor', str(failure), 'start its daemon, or take it out of URIS') for failure in hypervisors.failed]
    unknown = settings.unknown_names(hypervisors.names) if not hypervisors.failed else []
    found += [warning('no-such-guest', str(problem), 'correct the name, or take it out') for problem in unknown]
    circles = [circle_problem(way, settings.guests_file, None) for way in plan.circles]
    texts = set(problem.text for problem in known)
    found += [_of_file(circle) for circle in circles if circle.text not in texts]
    strangers = processes.not_handled(set(guest.uuid for guest in guests))
    told = set(unknown) | set(circles) | known
    for problem in prepared.problems:
        if problem.text in strangers:
            if hypervisors.failed:
                continue  # it may be a guest of the one that does not answer
            found.append(warning('not-handled', problem.text, 'end it before the host goes down'))
        elif problem not in told and problem.text not in [str(failure) for failure in hypervisors.failed]:
            found.append(guestfindings.of_problem(problem))
    facts = _facts(hypervisors, guests)
    for guest in guests:
        spans = prepared.history.times.get(guest.uuid)
        found += guestfindings.of_guest(guest, preparation.policy_of(settings, guest), facts.get(guest.uuid, domainfacts.UNKNOWN),
                                        max(spans) if spans else None, settings)
    measured = [guest.uuid for guest in guests if guest.uuid in prepared.history.times]
    core, expected_s = rehearsal.rehearsed(prepared, settings.parallel)[:2]
    found += guestfindings.of_time(core.results(), measured, prepared.deadline_s)
    return guests, expected_s if guests else None, len(measured)


def _facts(hypervisors, guests):
    # type: (Any, list) -> dict
    """{uuid: domainfacts.Facts}; nothing where the hypervisor does not answer in time."""
    found = {}  # type: dict
    from kvm_graceful.hypervisor import libvirt_  # late: it takes longer than all the rest together
    for uri in sorted(set(guest.uri for guest in guests)):
        uuids = [guest.uuid for guest in guests if guest.uri == uri]

        def look(uri=uri, uuids=uuids):
            # type: (str, list) -> dict
            return domainfacts.facts(starting.connection(libvirt_.opened, uri), uuids)
        back, answer = workers.bounded(look, LOOK_S)
        if back and isinstance(answer, dict):
            found.update(answer)
    return found


def _of_file(problem):
    # type: (Any) -> Any
    """From a Problem of a configuration file. A bad line is an error even where a shutdown goes on with a default."""
    if problem.text.startswith('needs form a circle'):
        return error('needs-circle', str(problem), 'until then those guests are shut down together')
    make = error if problem.level == 'error' else warning
    return make('configuration', str(problem), 'correct that line; until then it counts as not written')


def _of_lists(state_dir):
    # type: (str) -> list
    try:
        waiting = startfiles.pending(state_dir, Clock(), unreached=True)
        startfiles.load(state_dir, startfiles.RESTORE, Clock())
    except BadList as failure:
        return [warning('start-list', str(failure), 'without it no guest is started at boot')]
    if not waiting:
        return []
    return [warning('start-unfinished', 'the last start was cut off, and %d guests were not reached' % len(waiting),
                    'kvm-graceful start')]
