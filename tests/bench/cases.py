"""The cases with guests that go off: many at once, in tiers, with slow ones among them, with dead agents."""

from . import clients, table
from .clients import BARE, OURS, PARALLEL, SERIAL, TIERS, TOLD
from .course import span_s
from .table import Found, Goal

TAKES_S, TIER_TAKES_S, SLOW_S = 3, 2, 20
RATIO = 1.10
NO_SLOW = OURS + ', none slow'
AGENTS_LIMIT_S, QUICK_AGENTS_LIMIT_S = 60, 3  # libvirt-guests with dead agents is ended then: it would go on for many minutes


def name_of(letter, number):
    return '%s%03d' % (letter, number)


def takes(seconds):
    return lambda _name: {'delay_s': seconds}


def thirty(bench):
    """30 guests that take 3 s, no order; libvirt-guests.sh one after another too, once."""
    count = bench.count(30)
    serial = [] if bench.quick else [(SERIAL, lambda course: clients.libvirt_guests(course, 0), 1)]
    return _at_once(bench, count, [0.05, 0.35], serial, bench.rounds)


def crowd(bench):
    """200 guests that take 3 s, no order."""
    return _at_once(bench, bench.count(200), [0.3, None], [], bench.fewer)


def _at_once(bench, count, limits, more, rounds):
    contenders = [(BARE, clients.bare, rounds), (PARALLEL, lambda course: clients.libvirt_guests(course, count), bench.fewest),
                  (OURS, clients.ours, rounds)]
    with bench.course([name_of('g', n) for n in range(count)], takes(bench.seconds(TAKES_S))) as course:
        raced = bench.race(course, contenders + more)
    bench.kept[count, PARALLEL], bench.kept[count, OURS] = raced[PARALLEL], raced[OURS]
    found = table.rows(raced)
    ours = next(row for row in found if row['client'] == OURS)
    goals = [Goal('kvm-graceful, total, as a ratio to the bare client', ours['ratio'], RATIO, 'times'),
             Goal('kvm-graceful, first press to last', ours['asks_s'], limits[0], 's')]
    if limits[1] is not None:
        goals.append(Goal('kvm-graceful, CPU', ours['cpu_s'], limits[1], 's'))
    return Found('%d guests that take %d s each, in no order' % (count, bench.seconds(TAKES_S)), found, goals, [])


def tiers(bench):
    """Three tiers of ten that take 2 s each."""
    each, takes_s = bench.count(30) // 3 or 1, bench.seconds(TIER_TAKES_S)
    groups = [[name_of(letter, n) for n in range(each)] for letter in 'abc']
    conf = '[a*]\nneeds = b*\n[b*]\nneeds = c*\n'
    with bench.course(sum(groups, []), takes(takes_s)) as course:
        raced = bench.race(course, [(BARE, clients.bare, bench.rounds), (TIERS, lambda course: clients.tiers(course, groups), bench.fewer),
                                    (TOLD, lambda course: clients.bare(course, groups), bench.fewer),
                                    (OURS, lambda course: clients.ours(course, conf), bench.rounds)])
    overhead_s = table.middle(raced[BARE], lambda lap: lap.total_s) - takes_s
    best_s = 3 * takes_s + overhead_s
    for lap in raced[OURS]:
        keeps_order(lap, [(a, b) for a in groups[0] for b in groups[1]] + [(b, c) for b in groups[1] for c in groups[2]])
    ours_s = table.middle(raced[OURS], lambda lap: lap.total_s)
    told_s = table.middle(raced[TOLD], lambda lap: lap.total_s)
    return Found('Three tiers of %d guests that take %d s each' % (each, takes_s),
                 [without(row, 'ratio', 'asks_s') for row in table.rows(raced)],
                 [Goal('kvm-graceful, total, as a ratio to critical path + overhead of the bare client (%.2f s)' % best_s,
                       ours_s / best_s, RATIO, 'times')],
                 ['the bare client needs %.2f s more than its guests; the critical path is %d s' % (overhead_s, 3 * takes_s),
                  'kvm-graceful needs %.2f times what the bare client needs that is told the tiers' % (ours_s / told_s)])


def without(row, *keys):
    return {key: value for key, value in row.items() if key not in keys}


def keeps_order(lap, pairs):
    """Raises AssertionError where the second of a pair was pressed before the first was off."""
    for first, second in pairs:
        assert lap.off[first] <= lap.pressed[second], '%s was asked before %s was off' % (second, first)


def slow(bench):
    """Chains of three; one guest in ten needs 20 s, all others 2 s. And the same guests without the slow ones."""
    chains = bench.count(30) // 3 or 1
    groups = [[name_of(letter, n) for n in range(chains)] for letter in 'abc']
    names = sum(groups, [])
    slow_ones = {name_of('abc'[n], n) for n in range(min(chains, 3))}
    pairs = [(name_of(one, n), name_of(other, n)) for one, other in ('ab', 'bc') for n in range(chains)]
    conf = ''.join('[%s]\nneeds = %s\n' % pair for pair in pairs)
    ours = (OURS, lambda course: clients.ours(course, conf), bench.fewer)
    with bench.course(names, lambda name: {'delay_s': SLOW_S if name in slow_ones else TIER_TAKES_S}) as course:
        raced = bench.race(course, [(TIERS, lambda course: clients.tiers(course, groups), 1), ours])
    with bench.course(names, takes(TIER_TAKES_S)) as course:
        raced[NO_SLOW] = bench.race(course, [ours])[OURS]
    free = [name for name in names if not any(one[1:] == name[1:] and one[0] <= name[0] for one in slow_ones)]
    for lap in raced[OURS] + raced[NO_SLOW]:
        keeps_order(lap, pairs)
    last = {client: table.middle(laps, lambda lap: max(lap.off[name] for name in free)) for client, laps in raced.items()}
    return Found('%d chains of three; %d guests take %d s, the others %d s' % (chains, len(slow_ones), SLOW_S, TIER_TAKES_S),
                 [without(row, 'ratio', 'asks_s') for row in table.rows(raced)],
                 [Goal('the last guest that waits for no slow one is off, as a ratio to the same guests without slow ones',
                       last[OURS] / last[NO_SLOW], RATIO, 'times')],
                 ['the last of the %d guests that wait for no slow one was off after %s'
                  % (len(free), ', '.join('%.2f s (%s)' % (last[client], client) for client in raced))])


def agents(bench):
    """100 guests with agents that opened their channel and never answer."""
    count = bench.count(100)
    limit_s = QUICK_AGENTS_LIMIT_S if bench.quick else AGENTS_LIMIT_S
    with bench.course([name_of('d', n) for n in range(count)], lambda _name: {'delay_s': 1, 'channel': 'dead'}) as course:
        bench.say('%d guests with dead agents: %s' % (count, OURS))
        ours = course.lap(clients.ours(course))
        bench.say('%d guests with dead agents: %s, ended after %d s' % (count, PARALLEL, limit_s))
        theirs = course.lap(clients.libvirt_guests(course, count), limit_s=limit_s, whole=False)
    notes = ['libvirt-guests had pressed %d of %d when it was ended after %.0f s' % (len(theirs.pressed), count, theirs.total_s)]
    if theirs.pressed and not theirs.cut:
        notes = []
    return Found('%d guests whose agents are dead' % count, [table.row(PARALLEL, [theirs]), table.row(OURS, [ours])],
                 [Goal('kvm-graceful, all pressed, from its start', max(ours.pressed.values()), 15, 's'),
                  Goal('kvm-graceful, first press to last', span_s(ours), 15, 's')], notes)
