"""What every verb over the host's guests needs first: the hypervisors, the guests that are on, what is wanted for each, what was
measured, and the plan."""
from __future__ import absolute_import, division, print_function

import os
from collections import namedtuple

from kvm_graceful import diskreader, history, names, planner, saving
from kvm_graceful.clock import Clock
from kvm_graceful.compat import PACKAGES, Any  # noqa: F401 (Any: type comments)
from kvm_graceful.errors import ConfigurationError, HypervisorError, UsageError
from kvm_graceful.hypervisor import daemon, either, processes
from kvm_graceful.hypervisor.several import Hypervisors
from kvm_graceful.inbox import Inbox  # noqa: F401 (type comments)
from kvm_graceful.model import Problem
from kvm_graceful.settings import MAX_BYTES, circle_problem
from kvm_graceful.settings import load as load_settings

HISTORY = 'history.json'
LOCAL_QEMU = frozenset(['qemu:///system', 'default'])

# What the command line said. `guests`: names, empty for all; `deadline_s` None: as configured; `run_dir` None: the usual one.
Options = namedtuple('Options', 'settings state_dir guests uris deadline_s descriptor run_dir')

# Everything that is known before the first guest is asked.
Prepared = namedtuple('Prepared', 'plan deadline_s problems history failed')


def settings_of(verb, config_file, guests_file):
    # type: (str, str, str) -> Any
    """What the administrator wants. A host's shutdown never waits for a dead disk; a person may wait, and see for which."""
    if verb != 'host-stop':
        return load_settings(config_file, guests_file)
    clock = Clock()
    return load_settings(config_file, guests_file, lambda path: diskreader.followed(path, MAX_BYTES, clock))


def connect(options, clock, inbox, verb='', proved=False, again_s=0.0):
    # type: (Options, Clock, Inbox, str, bool, float) -> Hypervisors
    """All hypervisors; where one cannot be had, tries that one for `again_s` seconds more. Raises HypervisorError.

    `verb`: one that shuts guests down goes past a libvirtd that does not answer (hypervisor.either); `proved`: the host is
    known to be going down."""
    try:
        from kvm_graceful.hypervisor import libvirt_  # late: it takes longer than all the rest together
    except ImportError as error:
        raise HypervisorError("libvirt's Python binding is missing (%s); install %s-libvirt" % (error, PACKAGES))
    events = libvirt_.start_events()
    save_flags = libvirt_.BYPASS_CACHE if options.settings.bypass_cache else 0
    until = clock.now() + again_s
    made = {}  # type: dict

    def one(uri):
        # type: (str) -> Any
        if uri not in made:
            made[uri] = new(uri)
        return made[uri]

    def new(uri):
        # type: (str) -> Any
        if not verb or daemon.sockets_of(uri) is None:
            return libvirt_.Hypervisor(uri, clock, inbox, events, save_flags)
        return either.Either(uri, clock, inbox, lambda tell, keeper: libvirt_.Hypervisor(uri, clock, tell, events, save_flags,
                                                                                         keeper), verb, proved)
    while True:
        found = Hypervisors(options.uris or options.settings.uris, one, inbox)
        if not found.failed or clock.now() >= until:
            return found
        clock.sleep(1.0)


def deadline_s(options, limit_s):
    # type: (Options, float) -> float
    """Seconds for everything: as configured, and no more than the init system leaves."""
    return float(min(options.deadline_s or options.settings.deadline_s or limit_s, limit_s))


def prepare(verb, options, hypervisors, limit_s, measured, problems):
    # type: (str, Options, Hypervisors, float, history.History, list) -> Prepared
    """Guests, policies, estimates and plan; `measured` and `problems` as history_in gives them. Raises what the verb does not go
    on with."""
    settings = options.settings
    guests = chosen(options, hypervisors)
    if verb != 'host-stop':
        refuse_if_failed(hypervisors)
    span_s = deadline_s(options, limit_s)
    policies, saves, not_saved = saving.settled(guests, dict((guest.key, policy_of(settings, guest)) for guest in guests),
                                                hypervisors.save_rooms, measured.rates, span_s)
    estimates = dict((guest.key, history.estimate(measured.times.get(guest.uuid, []))) for guest in guests)
    planned = planner.make_plan(guests, policies, estimates, saves)
    known = [problem.text for problem in settings.problems]
    circles = [circle_problem(way, settings.guests_file, None) for way in planned.circles]
    problems = (settings.problems + settings.unknown_names(hypervisors.names)
                + [circle for circle in circles if circle.text not in known]
                + [Problem('error', '', None, str(error)) for error in hypervisors.failed] + problems + not_saved
                + _not_handled(options, guests))
    errors = [problem for problem in problems if problem.level == 'error']
    if errors and verb not in ('host-stop', 'status'):
        raise ConfigurationError(errors)
    return Prepared(planned, span_s, problems, measured, hypervisors.failed)


def _not_handled(options, guests):
    # type: (Options, list) -> list
    """A warning for each QEMU of this host that is none of these guests, where guests of this host's QEMU are meant."""
    if not set(options.uris or options.settings.uris) & LOCAL_QEMU or options.guests:
        return []
    return [Problem('warning', '', None, text) for text in processes.not_handled(set(guest.uuid for guest in guests))]


def policy_of(settings, guest):
    # type: (Any, Any) -> Any
    policy = settings.policy_for(guest.name, guest.keys)
    if settings.persistent_only and guest.persistent is False:
        policy = policy._replace(on_shutdown='ignore')
    return policy


def newcomer(settings, measured, rooms, deadline_s, guest):
    # type: (Any, history.History, dict, float, Any) -> tuple
    """(Policy, estimate in seconds or None, saving.Reserved or None) of a guest that is started during the run."""
    policies, saves, _ = saving.settled([guest], {guest.key: policy_of(settings, guest)}, rooms, measured.rates, deadline_s)
    return policies[guest.key], history.estimate(measured.times.get(guest.uuid, [])), saves.get(guest.key)


def chosen(options, hypervisors):
    # type: (Options, Hypervisors) -> list
    """The guests that are on, of those that were named. Raises UsageError for a name that no domain has."""
    guests = hypervisors.guests()
    for name in options.guests:
        if name not in hypervisors.names and not hypervisors.failed:
            raise UsageError('%s: no such guest%s' % (names.shown(name), names.nearest(name, hypervisors.names)))
    return [guest for guest in guests if not options.guests or guest.name in options.guests]


def refuse_if_failed(hypervisors):
    # type: (Hypervisors) -> None
    if hypervisors.failed:
        raise hypervisors.failed[0]


def history_in(state_dir, clock):
    # type: (str, Any) -> tuple
    """(History, problems): without a usable history the shutdown goes on with the usual estimates."""
    path = os.path.join(state_dir, HISTORY)
    data, wrong = diskreader.read(state_dir, HISTORY, clock)
    if wrong:
        return history.NOTHING, [Problem('warning', path, None, 'cannot be read: %s' % wrong)]
    try:
        return (history.NOTHING if data is None else history.parse(data.decode('utf-8'))), []
    except (ValueError, RuntimeError) as error:  # RuntimeError: nested too deeply
        return history.NOTHING, [Damaged('warning', path, None, 'is not a history, and is made anew: %s' % error)]


class Damaged(Problem):
    """A file that is set aside."""

    __slots__ = ()


def needs_of(planned):
    # type: (planner.Plan) -> dict
    """Names of the guests that each guest needs, of those that are on."""
    return dict((key, sorted(planned.guests[other].name for other in planned.after[key])) for key in planned.order)


def estimate_from(planned, key, measured):
    # type: (planner.Plan, Any, list | None) -> str
    if measured:
        return '%.0f s, from %d run%s' % (planned.estimates[key], len(measured), '' if len(measured) == 1 else 's')
    if planned.policies[key].grace_s:
        return '%.0f s, its grace' % planned.estimates[key]
    return '%.0f s, never measured' % planned.estimates[key]
