"""Thousands of simulated guests: files for `simulate`, and what they cost. Called as a program, it prints the costs as JSON.

    python3 -m tests.lab.crowd SHAPE GUESTS
"""

import json
import os
import random
import sys
import tempfile
import time

CHAINS = 100
SHAPES = ('chains', 'trees')
SEED = 20261123


def simulation(shape, count):
    """A file's data: `count` guests in a hundred chains or in random trees; one in a hundred never reacts, a deadline moves."""
    dice = random.Random(SEED)
    guests = []
    for number in range(count):
        if shape == 'chains':
            needs = ['g%05d' % (number - CHAINS)] if number >= CHAINS else []
        else:
            needs = ['g%05d' % dice.randrange(number)] if number and dice.random() < 0.95 else []
        guests.append({'name': 'g%05d' % number, 'needs': needs, 'takes': dice.randint(1, 9), 'never': dice.random() < 0.01,
                       'agent': dice.choice(['none', 'works', 'dead'])})
    deadline = 40 * (count // CHAINS + 10)
    return {'deadline': deadline, 'guests': guests, 'events': [{'at': 20, 'what': 'deadline', 'value': deadline * 2},
                                                               {'at': 40, 'what': 'deadline', 'value': deadline}]}


def cost(shape, count):
    """{plan_s, run_s: seconds of CPU; peak_mb} of one simulation, in this very process."""
    from kvm_graceful import planner
    from kvm_graceful import simulation as simulate
    with tempfile.NamedTemporaryFile('w', suffix='.json') as f:
        json.dump(simulation(shape, count), f)
        f.flush()
        loaded = simulate.load(f.name)
        started = time.process_time()
        planner.make_plan(loaded['guests'], loaded['policies'], loaded['estimates'])
        planned = time.process_time()
        found = simulate.run(loaded)
        ended = time.process_time()
    asked = sum(guest['asked'] is not None or guest['forced'] is not None for guest in found['guests'])
    return {'shape': shape, 'guests': count, 'plan_s': planned - started, 'run_s': ended - planned, 'asked': asked,
            'peak_mb': peak_mb(), 'exit': found['exit']}


def peak_mb():
    """Of this process alone: getrusage() counts what it was forked from too."""
    with open('/proc/self/status') as f:
        return next(int(line.split()[1]) / 1024 for line in f if line.startswith('VmHWM:'))


if __name__ == '__main__':
    sys.path.insert(0, os.getcwd())
    print(json.dumps(cost(sys.argv[1], int(sys.argv[2]))))
