"""Runs to report on: whole shutdowns in virtual time, by the real engine, as data of a record."""
import random

from kvm_graceful.model import DEFAULT_POLICY, DeadlineMoved
from tests.unit.support import NEVER, UNDYING, Simulation, policy, takes


def guests(count, seed=1):
    """({name: Policy}, {name: Behaviour}): web servers that need their database, Windows guests, some that never go off."""
    chance = random.Random(seed)
    policies, behaviours = {}, {}
    for number in range(count):
        kind, group = number % 10, number // 10
        database = 'db-%03d.example.org' % group
        if kind == 0:
            name, wanted, does = database, policy(), takes(chance.randint(8, 30))
        elif kind == 1:
            name, wanted, does = 'win-%03d' % group, policy(press_again_s=15), takes(20, ignores=1)
        elif kind == 2 and group % 3 == 0:
            name, wanted, does = 'stuck-%03d' % group, policy(grace_s=60), (NEVER, UNDYING)[group % 2]
        elif kind == 2 and group % 3 == 1:
            name, wanted, does = 'vault-%03d' % group, policy(grace_s=40, on_timeout='save'), NEVER
        else:
            name, wanted, does = 'web-frontend-%03d-%d' % (group, kind), policy(needs=database), takes(chance.randint(3, 25))
        policies[name], behaviours[name] = wanted, does
    return policies, behaviours


def run_of(policies, behaviours, deadline_s=300.0, facts=(), why='systemd stops', battery=()):
    """Data as record.load gives them. `battery`: (instant, seconds left) to be in the record beside the engine's own events."""
    charge = [{'what': 'power', 'at': at, 'guest': None, 'text': 'on battery', 'runtime': left} for at, left in battery]
    saves_s = {name: 12 for name in policies if name.startswith('vault-')}
    return Simulation(policies, behaviours, deadline_s, facts=facts, saves_s=saves_s).data(deadline_s, why, charge)


def eventful(count):
    """A run of `count` guests with a deadline that moves and a battery that drains."""
    policies, behaviours = guests(count)
    return run_of(policies, behaviours, 300.0, facts=((20.0, DeadlineMoved(110.0, 'the battery has 140 s left')),),
                  battery=[(at, 160 - at) for at in range(20, 100, 10)])


def quick(count=3):
    """A short run far from its deadline."""
    policies = {'guest-%d' % number: DEFAULT_POLICY for number in range(count)}
    return run_of(policies, {name: takes(2 + number) for number, name in enumerate(sorted(policies))}, why='asked for by hand')
