"""What would happen, and what is: `plan` runs the same planner and engine over guests in virtual time, `status` looks."""
from __future__ import absolute_import, division, print_function

from kvm_graceful import engine, host, preparation, record, startfiles
from kvm_graceful.clock import Clock
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.errors import BadList
from kvm_graceful.hypervisor.simulated import Behaviour, Simulated, VirtualClock
from kvm_graceful.inbox import Inbox
from kvm_graceful.power import outlook
from kvm_graceful.preparation import Options  # noqa: F401 (type comments)


def plan(options):
    # type: (Options) -> dict
    """What `stop` would do now, by the same planner and engine over simulated guests. Raises as `stop` does."""
    limit_s = host.detect().limit_s
    clock = Clock()
    hypervisors = preparation.connect(options, clock, Inbox(clock))
    prepared = preparation.prepare('plan', options, hypervisors, limit_s, *preparation.history_in(options.state_dir, clock))
    rehearsal, finished, events, force_at = rehearsed(prepared, options.settings.parallel)
    guests, needs = [], preparation.needs_of(prepared.plan)
    for result in rehearsal.results():
        key, planned = result.guest.key, result.guest.key in prepared.plan.guests
        measured = prepared.history.times.get(result.guest.uuid)
        guests.append(dict(record.result_data(result), key=key, needs=needs.get(key, []),
                           force_at=force_at.get(key), shed=prepared.plan.policies[key].shed_s if planned else None,
                           persistent=result.guest.persistent,
                           then=prepared.plan.policies[key].on_timeout if planned else 'never touched',
                           estimate=prepared.plan.estimates.get(key),
                           estimate_from=preparation.estimate_from(prepared.plan, key, measured) if planned else '-'))
    return {'schema': 1, 'verb': 'plan', 'deadline': prepared.deadline_s, 'parallel': options.settings.parallel,
            'finished': finished, 'exit': rehearsal.exit_code(), 'guests': guests,
            'events': [record.event_line(event) for event in events],
            'settings': [reading._asdict() for reading in options.settings.readings],
            'warnings': [str(problem) for problem in prepared.problems]
                        + [event.text for event in events if event.what == 'order']}


def rehearsed(prepared, parallel):
    # type: (preparation.Prepared, int | None) -> tuple
    """(the engine after its run in virtual time, when it was over, its events, until when each guest could take)."""
    virtual = VirtualClock()
    behaviours = dict((key, Behaviour(estimate, 0, False, 1.0, 'works', False, 1.0))
                      for key, estimate in prepared.plan.estimates.items())
    simulated = Simulated(virtual, list(prepared.plan.guests.values()), behaviours)
    core = engine.Engine(prepared.plan, prepared.deadline_s, 0.0, parallel)
    events, force_at = [], {}  # type: list, dict

    def tell(event):
        # type: (Any) -> None
        events.append(event)
        if event.what == 'asked':
            force_at[event.key] = round(core.force_at(event.key), 1)
    engine.run(core, simulated, virtual, tell)
    return core, round(virtual.at, 3), events, force_at


def status(options):
    # type: (Options) -> dict
    """What is on, who needs whom, how long a shutdown would take now, and the last run."""
    clock = Clock()
    return look(options, preparation.connect(options, clock, Inbox(clock)))


def look(options, hypervisors):
    # type: (Options, Any) -> dict
    """`status` over hypervisors that are connected already. Raises HypervisorError, UsageError."""
    prepared = preparation.prepare('status', options, hypervisors, host.detect().limit_s,
                                   *preparation.history_in(options.state_dir, Clock()))
    core, finished, events, _ = rehearsed(prepared, options.settings.parallel)
    try:
        last = record.load(options.state_dir)
    except record.NoRecord:
        last = None
    needs = preparation.needs_of(prepared.plan)
    given_up = [event.text for event in events if event.what == 'order']
    try:
        shed = sorted(entry.name for entry in startfiles.shed(options.state_dir, Clock()))
    except BadList as error:
        shed, given_up = [], given_up + [str(error)]
    return {'schema': 1, 'verb': 'status', 'exit': 0, 'last_run': last, 'shed': shed,
            'power': outlook.look(options.settings, Clock(), finished, host.detect()),
            'expected': {'finished': finished, 'deadline': prepared.deadline_s, 'exit': core.exit_code(),
                         'outcomes': record.outcomes([record.result_data(result) for result in core.results()])},
            'warnings': [str(problem) for problem in prepared.problems] + given_up,
            'guests': [dict(record.result_data(result), needs=needs.get(result.guest.key, []), state=_state(result.guest))
                       for result in core.results()]}


def _state(guest):
    # type: (Any) -> str
    return guest.state + (' (%s)' % guest.reason if guest.reason else '')
