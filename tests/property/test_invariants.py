"""Properties: the invariants of a shutdown over random graphs, guests, faults, saves and moving deadlines, in virtual time.

A case is plain data, so that each one that once failed can be kept in corpus.json, which is played on every run.
"""

import json
import os

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from kvm_graceful import engine, planner
from kvm_graceful.hypervisor.simulated import Behaviour, Simulated, VirtualClock
from kvm_graceful.model import (
    DEFAULT_POLICY,
    DESTROY_S,
    NEVER_RESUMED,
    Appeared,
    AskFailed,
    DeadlineMoved,
    Destroy,
    Guest,
    Hurry,
    Off,
    Resume,
    Save,
    StateChanged,
    StateKnown,
    StateUnknown,
)
from kvm_graceful.saving import Reserved, wanted

with open(os.path.join(os.path.dirname(__file__), 'corpus.json')) as stream:
    CORPUS = json.load(stream)
SECONDS = st.integers(0, 400)
KINDS = {'refused': lambda key: AskFailed(key, 'refused', 'acpi'), 'agent': lambda key: AskFailed(key, 'refused', 'agent'),
         'stays paused': lambda key: AskFailed(key, 'refused', None), 'lost': lambda key: StateUnknown(key, 'lost'),
         'found': StateKnown, 'paused': lambda key: StateChanged(key, 'paused', 'user'),
         'migrates': lambda key: StateChanged(key, 'paused', 'migration'), 'runs': lambda key: StateChanged(key, 'running', '')}


def maybe(strategy):
    return st.one_of(st.none(), strategy)


def guests(names):
    """Guests of these names: who they need, what is wanted for them, and how they behave."""
    return st.fixed_dictionaries({
        'needs': st.lists(st.sampled_from(names), max_size=3), 'grace': maybe(st.integers(1, 120)),
        'press-again': maybe(st.integers(1, 30)), 'on-timeout': st.sampled_from(['destroy', 'destroy', 'leave', 'save', 'save']),
        'on-shutdown': st.sampled_from(['shutdown'] * 5 + ['ignore', 'destroy', 'save']), 'reserved': maybe(st.integers(1, 60)),
        'state': st.sampled_from([['running', '']] * 5 + [['paused', 'user'], ['paused', 'migration'], ['paused', 'incoming migration'],
                                                         ['paused', 'postcopy'], ['pmsuspended', ''], ['crashed', '']]),
        'agent': st.sampled_from(['none', 'none', 'works', 'dead']), 'young': st.booleans(), 'estimate': maybe(st.integers(1, 200)),
        'takes': st.integers(0, 200), 'ignores': st.integers(0, 2), 'never': st.sampled_from([False, False, False, True]),
        'destroy': st.sampled_from([0.5, 14, None]), 'reboots': st.sampled_from([False] * 5 + [True]),
        'save': st.sampled_from([None, 1, 20, 500]), 'joins': st.sampled_from([None] * 5 + [3, 50, 200])})


@st.composite
def cases(draw):
    """Plain data: chains, forests, diamonds and circles alike."""
    names = ['g%d' % number for number in range(draw(st.integers(1, 8)))]
    facts = st.tuples(SECONDS, st.sampled_from(sorted(KINDS)), st.sampled_from(names)).map(list)
    moves = st.tuples(SECONDS, st.sampled_from(['deadline', 'hurry']), st.integers(0, 500)).map(list)
    return {'guests': {name: draw(guests(names)) for name in names}, 'facts': draw(st.lists(st.one_of(facts, moves), max_size=4)),
            'deadline': draw(st.integers(1, 400)), 'parallel': draw(maybe(st.integers(1, 3)))}


class Watched(Simulated):
    """Simulated guests that remember the truth: what each was sent and when, and when it was really off."""

    def __init__(self, clock, behaviours):
        Simulated.__init__(self, clock, [], behaviours)
        self.clock, self.sent, self.off, self.waits = clock, [], {}, 0

    def send(self, command):
        self.sent.append((self.clock.now(), command))
        Simulated.send(self, command)

    def first(self, key, *kinds):
        """When the guest was first sent a command (of these kinds); None if never."""
        return next((at for at, command in self.sent if command.key == key and (not kinds or isinstance(command, kinds))), None)

    def wait(self, until):
        self.waits += 1
        assert self.waits < 20000, 'it goes round in a circle'
        facts = Simulated.wait(self, until)
        for fact in facts:
            if isinstance(fact, Off):
                self.off[fact.key] = fact.at
            if isinstance(fact, Appeared):
                self.off.pop(fact.guest.key, None)
        return facts


class Play:
    """One case, played to its end."""

    def __init__(self, case):
        self.case, found = case, case['guests']
        self.policies = {name: DEFAULT_POLICY._replace(
            needs=tuple(one['needs']), grace_s=one['grace'], press_again_s=one['press-again'], on_timeout=one['on-timeout'],
            on_shutdown=one['on-shutdown']) for name, one in found.items()}
        self.saves = {name: Reserved('disk', float(one['reserved'])) for name, one in found.items()
                      if one['reserved'] and wanted(self.policies[name])}
        for name, policy in self.policies.items():  # as saving.settled would have it
            if name not in self.saves:
                self.policies[name] = policy._replace(on_timeout=policy.on_timeout.replace('save', 'destroy'),
                                                      on_shutdown=policy.on_shutdown.replace('save', 'shutdown'))
        everyone = {name: Guest(name, name, name, 'sim', one['state'][0], True, one['state'][1],
                                agent='none' if one['agent'] == 'none' else 'connected', up_s=5 if one['young'] else 5000)
                    for name, one in found.items()}
        self.behaviours = {name: Behaviour(one['takes'], one['ignores'], one['never'], one['destroy'], one['agent'], one['reboots'],
                                           one['save']) for name, one in found.items()}
        self.start = [one for name, one in everyone.items() if found[name]['joins'] is None]
        estimates = {name: one['estimate'] for name, one in found.items()}
        self.plan = planner.make_plan(self.start, self.policies, estimates,
                                      {one.key: self.saves[one.key] for one in self.start if one.key in self.saves})
        clock = VirtualClock()
        self.world = Watched(clock, self.behaviours)
        for name, one in everyone.items():
            self.world._states[name] = one.state
            if found[name]['joins'] is not None:
                self.world.at(found[name]['joins'], Appeared(one))
        for at, kind, what in case['facts']:
            self.world.at(at, DeadlineMoved(what, 'battery') if kind == 'deadline' else Hurry('TERM') if kind == 'hurry'
                          else KINDS[kind](what))
        self.core = engine.Engine(self.plan, float(case['deadline']), 0.0, case['parallel'],
                                  lambda one: (self.policies[one.key], estimates[one.key], self.saves.get(one.key)))
        self.events = []
        engine.run(self.core, self.world, clock, self.events.append)
        self.finished = clock.now()
        self.results = {result.guest.key: result for result in self.core.results()}

    def times(self, *whats):
        """{guest: instant} at which these things were first told of it."""
        found = {}
        for event in self.events:
            if event.what in whats:
                found.setdefault(event.key, event.at)
        return found


def check(case):
    """Every invariant of DESIGN section 5, over one case."""
    run = Play(case)
    plan, world, results = run.plan, run.world, run.results
    # Over by the deadline in force, plus one forced end; a deadline that has moved into the past counts from the move.
    moves = [at for at, kind, _ in case['facts'] if kind in ('deadline', 'hurry') and at <= run.finished]
    assert run.finished <= max([run.core.deadline_at] + moves) + DESTROY_S + 1e-6
    order_given_up = min([event.at for event in run.events if event.what == 'order'] or [1e9])
    joined, ended = run.times('joined'), run.times('off', 'destroyed', 'crashed', 'left', 'unknown', 'saved')
    saving = run.times('saving')
    for key in plan.order:
        asked, turn = world.first(key), run.core.runs[key].turn_at
        turn = asked if turn is None else turn
        # Every guest is sent something, unless it ended before, or is somebody else's to work on.
        assert asked is not None or key in ended and (key in world.off or results[key].why) and (
            key in world.off or case['guests'][key]['state'][1] in NEVER_RESUMED
            or any(kind == 'migrates' and name == key for _, kind, name in case['facts']))
        # Not before every guest that needs it is off, or has had its whole time.
        for other in plan.before[key] if asked is not None and asked < order_given_up - 1e-3 else ():
            if joined.get(other, -1) > min(asked, turn) - 1e-3:
                continue  # it came when it was this one's turn already
            whole_time = saving[other] + run.saves[other].seconds if other in saving else 1e9
            assert min(ended.get(other, 1e9), whole_time) <= asked + 1e-3, (other, key)
        # Nobody who is on is reported off, and nobody who is off is reported on.
        assert (results[key].off is not None) == (key in world.off), key
        assert (results[key].outcome in ('off', 'destroyed', 'crashed', 'saved')) == (key in world.off), key
    check_forced(run, moves)
    check_saves(run)
    for guest in plan.left:
        assert world.first(guest.key) is None
    for name, one in case['guests'].items():
        # What somebody else is at work on is never resumed; nobody is resumed twice.
        resumed = [at for at, command in world.sent if isinstance(command, Resume) and command.key == name]
        assert len(resumed) <= 1
        if one['state'][1] in ('postcopy', 'incoming migration') and not any(name == fact[2] for fact in case['facts']):
            assert not resumed


def check_forced(run, moves):
    """Forced only at the end of a written grace, or when the time that the others leave it is over."""
    reserved_s = sum(one.seconds for one in run.saves.values())
    for key, policy in run.policies.items():
        first = run.world.first(key, Destroy)
        simple = (policy.on_shutdown == 'shutdown' and policy.grace_s is None and not moves and not run.behaviours[key].reboots
                  and run.case['guests'][key]['state'][0] != 'crashed' and not run.plan.after.get(key))
        if first is not None and simple:
            assert first >= run.case['deadline'] - DESTROY_S - 1e-6, key
        saved = run.world.first(key, Save)
        if saved is not None and simple:
            assert saved >= run.case['deadline'] - reserved_s - DESTROY_S - 1e-6, key


def check_saves(run):
    """One at a time; the next one only when the last has ended, or was given up."""
    under_way = {}
    ended = run.times('off', 'destroyed', 'crashed', 'left', 'unknown', 'saved')
    for at, command in run.world.sent:
        if isinstance(command, Save):
            for other, since in under_way.items():
                assert ended.get(other, 1e9) <= at + 1e-3 or run.behaviours[other].save_s is None, (other, command.key, since)
            under_way[command.key] = at


@settings(max_examples=2500, deadline=None)
@given(cases())
def test_the_invariants_hold(case):
    note(json.dumps(case))  # for corpus.json
    check(case)


@pytest.mark.parametrize('case', CORPUS, ids=[case['why'].replace(' ', '-') for case in CORPUS])
def test_what_once_failed_holds(case):
    check(case)


@settings(max_examples=500, deadline=None)
@given(cases())
def test_with_guests_that_behave_and_time_enough_the_run_takes_the_longest_path(case):
    well = {'never': False, 'ignores': 0, 'grace': None, 'state': ['running', ''], 'joins': None, 'reboots': False, 'agent': 'none',
            'on-shutdown': 'shutdown', 'press-again': None, 'young': False}
    run = Play(dict(case, guests={name: dict(one, **well) for name, one in case['guests'].items()}, facts=[], deadline=100000, parallel=None))
    longest = {}
    for key in run.plan.order:
        longest[key] = run.behaviours[key].takes_s + max([longest[other] for other in run.plan.before[key]] or [0])
    assert abs(run.finished - max(list(longest.values()) or [0])) < 1e-6


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.integers(0, 9), st.lists(st.integers(0, 9), max_size=3)))
def test_order_agrees_with_graphlib(after):
    import graphlib

    from kvm_graceful import graph
    nodes = sorted(set(after) | {other for others in after.values() for other in others})
    after = {node: sorted(set(after.get(node, []))) for node in nodes}
    order, tangled = graph.topological(nodes, after)
    sorter = graphlib.TopologicalSorter({node: [other for other in nodes if node in after[other]] for node in nodes})
    try:
        sorter.prepare()
    except graphlib.CycleError:
        assert tangled and graph.components(tangled, after)
        for component in graph.components(tangled, after):
            way = graph.circle(component, after)
            assert way[0] == way[-1] and all(other in after[one] for one, other in zip(way, way[1:]))
    else:
        assert not tangled and sorted(order) == nodes
        assert all(order.index(node) < order.index(other) for node in nodes for other in after[node])
