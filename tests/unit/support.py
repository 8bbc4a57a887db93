"""What several unit tests need: guests, plans and whole runs in virtual time. Python 2.6 dialect, like all unit tests."""
from __future__ import absolute_import, division, print_function

from kvm_graceful import engine, planner, record
from kvm_graceful.hypervisor.simulated import Behaviour, Simulated, VirtualClock
from kvm_graceful.model import DEFAULT_POLICY, Guest
from kvm_graceful.saving import Reserved


def guest(name, state='running', persistent=True, **fields):
    return Guest('sim#' + name, name, name, 'sim', state, persistent)._replace(**fields)


def policy(**fields):
    if 'needs' in fields:
        fields['needs'] = tuple(fields['needs'].split(','))
    return DEFAULT_POLICY._replace(**fields)


def plan_of(policies, estimates=None, guests=None, saves_s=None):
    """A Plan for {name: Policy}; guests in the order of their names, or as given; estimates, and what a save takes, by name."""
    guests = guests or [guest(name) for name in sorted(policies)]
    return planner.make_plan(guests, dict((one.key, policies[one.name]) for one in guests),
                             dict((one.key, (estimates or {}).get(one.name)) for one in guests),
                             dict(('sim#' + name, Reserved('disk', float(span))) for name, span in (saves_s or {}).items()))


class Simulation(object):
    """One run in virtual time: {name: Policy}, {name: Behaviour} (default: takes 5 s). `events`, `result(name)`, `exit_code`."""

    def __init__(self, policies, behaviours=None, deadline_s=300.0, parallel=None, estimates=None, facts=(), guests=None, newcomers=None,
                 saves_s=None):
        clock = VirtualClock()
        self.plan = plan_of(policies, estimates, guests, saves_s)
        self.hypervisor = Simulated(clock, list(self.plan.guests.values()), dict(('sim#' + name, (behaviours or {}).get(name, takes(5)))
                                                                                         for name in list(policies) + list(newcomers or {})))
        for at, fact in facts:
            self.hypervisor.at(at, fact)
        newcomer = None if newcomers is None else lambda one: (newcomers[one.name], None, None)
        self.engine = engine.Engine(self.plan, deadline_s, 0.0, parallel, newcomer)
        self.events = []
        self.lines = []
        engine.run(self.engine, self.hypervisor, clock, self._tell)
        self.finished = clock.now()
        self.exit_code = self.engine.exit_code()
        self._results = dict((result.guest.name, result) for result in self.engine.results())

    def _tell(self, event):
        self.events.append(event)
        self.lines.append(record.event_line(event, self.engine.deadline_at))

    def data(self, deadline_s, why='why', more=()):
        """The run as record.load gives it; `more`: lines that others than the engine write into a record."""
        plan, results = self.plan, self.engine.results()
        needs = dict((key, [plan.guests[other].name for other in plan.after[key]]) for key in plan.order)
        head = record.header('host-stop', '2026-11-23T15:36:17Z', deadline_s, why, [], results, needs)
        lines = sorted(self.lines + [line for line in more if line['at'] <= self.finished], key=lambda line: line['at'])
        return record.data_of(7, [], '', [head] + lines + [record.end_line(round(self.finished, 3), self.exit_code, results)])

    def result(self, name):
        return self._results[name]

    def told(self, what):
        return [event for event in self.events if event.what == what]


def takes(seconds, ignores=0, destroy_s=1.0, **more):
    return Behaviour(seconds, ignores, False, destroy_s, **more)


NEVER = Behaviour(0, 0, True, 1.0)
UNDYING = Behaviour(0, 0, True, None)
