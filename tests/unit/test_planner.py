"""Planner and graph: order, circles, latest instants, shrinking to floors."""
from __future__ import absolute_import, division, print_function

import unittest

from kvm_graceful import criticalpath, graph
from tests.unit.support import plan_of, policy


def times(plan, deadline_s, **asked):
    """latest_times at instant 0, nobody asked yet."""
    return criticalpath.latest_times(plan, plan.order, dict((key, criticalpath.needed_s(plan, key)) for key in plan.order), 0.0, deadline_s)


class Graph(unittest.TestCase):
    def test_topological_keeps_the_order_of_equals(self):
        self.assertEqual((['b', 'c', 'a'], []), graph.topological(['a', 'b', 'c'], {'b': ['a'], 'c': ['a']}))

    def test_components_and_the_way_round(self):
        after = {'a': ['b'], 'b': ['c', 'x'], 'c': ['a'], 'x': ['y'], 'y': ['x'], 'z': ['a'], 's': ['s']}
        nodes = sorted(after)
        order, tangled = graph.topological(nodes, after)
        self.assertEqual(['z'], order)
        found = sorted(sorted(component) for component in graph.components(tangled, after))
        self.assertEqual([['a', 'b', 'c'], ['s'], ['x', 'y']], found)
        self.assertEqual(['a', 'b', 'c', 'a'], graph.circle(['a', 'b', 'c'], after))
        self.assertEqual(['s', 's'], graph.circle(['s'], after))

    def test_a_long_chain_does_not_overrun_the_stack(self):
        nodes = list(range(20000))
        after = dict((node, [node + 1]) for node in nodes[:-1])
        after[nodes[-1]] = [0]
        self.assertEqual(20000, len(graph.components(nodes, after)[0]))


class Plans(unittest.TestCase):
    def test_needs_by_name_and_pattern_among_the_guests_that_are_on(self):
        plan = plan_of({'web': policy(needs='db*,gone'), 'db1': policy(), 'db2': policy(needs='db*')})
        self.assertEqual(['sim#db1', 'sim#db2'], plan.after['sim#web'])
        self.assertEqual(['sim#db1'], plan.after['sim#db2'])
        self.assertEqual(['sim#web', 'sim#db2', 'sim#db1'], plan.order)

    def test_a_need_given_twice_counts_once(self):
        self.assertEqual(['sim#db'], plan_of({'web': policy(needs='db,d*,db'), 'db': policy()}).after['sim#web'])

    def test_estimates_come_from_history_then_grace_then_the_default(self):
        plan = plan_of({'a': policy(), 'b': policy(grace_s=20), 'c': policy(), 'd': policy(grace_s=20)}, {'c': 7.0, 'd': 50.0})
        self.assertEqual([60.0, 20.0, 7.0, 20.0], [plan.estimates['sim#' + name] for name in 'abcd'])

    def test_latest_instants_go_backward_from_the_deadline(self):
        plan = plan_of({'a': policy(needs='b'), 'b': policy(needs='c'), 'c': policy()}, {'a': 10.0, 'b': 20.0, 'c': 30.0})
        found = times(plan, 300)
        self.assertEqual([285, 240, 205], [found.force_at['sim#' + name] for name in 'cba'])
        self.assertFalse(found.shrunk or found.order_given_up)

    def test_estimates_that_do_not_fit_shrink_in_proportion(self):
        plan = plan_of({'a': policy(needs='b'), 'b': policy(), 'alone': policy()}, {'a': 60.0, 'b': 120.0, 'alone': 60.0})
        found = times(plan, 120)  # 30 for two forced ends leave 90 for 180
        self.assertEqual([30, 60, 60], [round(found.estimate['sim#' + name], 3) for name in ('a', 'b', 'alone')])
        self.assertEqual((0, 30), (round(found.ask_at['sim#a'], 3), round(found.force_at['sim#a'], 3)))
        self.assertTrue(found.shrunk)

    def test_none_shrinks_below_its_floor(self):
        plan = plan_of({'a': policy(needs='b'), 'b': policy(needs='c'), 'c': policy()}, {'a': 12.0, 'b': 100.0, 'c': 4.0})
        found = times(plan, 45 + 40)
        self.assertEqual([10, 26, 4], [round(found.estimate['sim#' + name], 2) for name in 'abc'])

    def test_order_is_given_up_where_the_floors_do_not_fit(self):
        plan = plan_of({'a': policy(needs='b'), 'b': policy()})
        self.assertFalse(times(plan, 50).order_given_up)
        found = times(plan, 49)
        self.assertTrue(found.order_given_up)
        self.assertEqual([34, 34], [found.force_at['sim#' + name] for name in 'ab'])

    def test_leaving_a_guest_on_costs_no_time(self):
        plan = plan_of({'a': policy(needs='b', on_timeout='leave'), 'b': policy(on_timeout='leave')}, {'a': 5.0, 'b': 5.0})
        self.assertEqual(295, times(plan, 300).force_at['sim#a'])


if __name__ == '__main__':
    unittest.main()
