"""The order of a start, in virtual time: needs, readiness, retries, saved and paused guests, the end in the middle."""
from __future__ import absolute_import, division, print_function

import heapq
import unittest

from kvm_graceful import engine, starter
from kvm_graceful.hypervisor.simulated import VirtualClock
from kvm_graceful.model import StopAsking
from kvm_graceful.startlist import Entry


def entry(name, needs=(), **more):
    return Entry(name, name, 'sim', tuple(needs), False, True, False, 'off')._replace(**more)


class Vm(object):
    """A guest in virtual time. `fails`: starts that go wrong first; `agent_s`: from on to the agent's first answer; `off_s`: from
    its restore to off."""

    def __init__(self, state='off', boots_s=1.0, fails=0, agent_s=None, off_s=None, autostart=False, silent=False):
        self.state, self.boots_s, self.fails, self.agent_s, self.off_s = state, boots_s, fails, agent_s, off_s
        self.autostart, self.silent, self.on_at, self.starts, self.time_set = autostart, silent, 0.0, [], 0


class Host(object):
    """The port over Vms, by name; for engine.run."""

    def __init__(self, vms, clock, facts):
        self.vms, self.clock, self.heap, self.number = vms, clock, [], 0
        for at, fact in facts:
            self.later(at, lambda fact=fact: fact)

    def later(self, at, call):
        self.number += 1
        heapq.heappush(self.heap, (at, self.number, call))

    def send(self, command):
        key, vm, now = command.key, self.vms.get(command.key[4:]), self.clock.at
        if isinstance(command, starter.Look):
            if vm is None:
                return self.later(now, lambda: starter.Looked(key, 'absent', False, False))
            return self.later(now, lambda: starter.Looked(key, vm.state, vm.agent_s is not None or vm.silent, vm.autostart))
        if isinstance(command, starter.Start):
            vm.starts.append((now, vm.state, command.paused))
            return self.later(now + vm.boots_s, lambda: self.started(key, vm))
        if isinstance(command, starter.SetTime):
            vm.time_set += 1
        elif vm.agent_s is not None and now - vm.on_at >= vm.agent_s:
            self.later(now, lambda: starter.Answered(key))

    def started(self, key, vm):
        if vm.fails:
            vm.fails -= 1
            return starter.StartFailed(key, 'network not found')
        if vm.state == 'saved' and vm.off_s is not None:
            self.later(self.clock.at + vm.off_s, lambda: setattr(vm, 'state', 'off'))
        vm.state, vm.on_at = 'on', self.clock.at
        return starter.Started(key)

    def wait(self, until):
        while self.heap and self.heap[0][0] <= until:
            at, _, call = heapq.heappop(self.heap)
            self.clock.at = max(self.clock.at, at)
            fact = call()
            if fact is not None:
                return [fact]
        self.clock.at = max(self.clock.at, until)
        return []


class Starts(unittest.TestCase):
    def play(self, entries, vms, facts=(), start=True, delay_s=0, sync_time=False, ready=False):
        clock = VirtualClock()
        self.vms = vms
        self.core = starter.Starter(entries, starter.Wanted(start, delay_s, sync_time, ready), 0.0)
        self.told = []
        engine.run(self.core, Host(vms, clock, facts), clock, self.told.append)
        return dict((result['name'], result) for result in self.core.results())

    def started_at(self, name):
        return [at for at, _, _ in self.vms[name].starts]

    def test_each_starts_when_those_that_it_needs_are_ready_and_not_before(self):
        results = self.play([entry('web', ['app', 'cache']), entry('app', ['db']), entry('db'), entry('cache')],
                            {'web': Vm(), 'app': Vm(agent_s=7), 'db': Vm(agent_s=13), 'cache': Vm()})
        self.assertEqual([0], self.started_at('db'))
        self.assertEqual([0], self.started_at('cache'))
        # asked every 2 s: 13 s after it is on at 1 s
        self.assertEqual([15], self.started_at('app'))
        # app is on at 16 and answers by 24; cache has no agent and has had its 30 s at 31
        self.assertEqual([31], self.started_at('web'))
        self.assertEqual(['started'] * 4, [results[name]['started_as'] for name in ('web', 'app', 'db', 'cache')])
        self.assertEqual(0, self.core.exit_code())

    def test_without_needs_all_start_at_once_and_nobody_is_waited_for(self):
        results = self.play([entry('a'), entry('b'), entry('c')], {'a': Vm(), 'b': Vm(silent=True), 'c': Vm(agent_s=50)})
        self.assertEqual([[0], [0], [0]], [self.started_at(name) for name in 'abc'])
        self.assertEqual([1, 1, 1], [results[name]['ready'] for name in 'abc'])

    def test_a_silent_agent_holds_up_for_90_s_and_no_longer(self):
        self.play([entry('web', ['db']), entry('db')], {'web': Vm(), 'db': Vm(silent=True)})
        self.assertEqual([1 + starter.AGENT_READY_S], self.started_at('web'))

    def test_start_delay_lies_between_two_starts_and_replaces_the_wait_for_guests_without_an_agent(self):
        self.play([entry('a'), entry('b'), entry('c', ['a'])], {'a': Vm(), 'b': Vm(), 'c': Vm()}, delay_s=10)
        self.assertEqual(([0], [10], [20]), tuple(self.started_at(name) for name in 'abc'))

    def test_a_guest_that_fails_is_tried_again_and_then_holds_nobody_up(self):
        results = self.play([entry('web', ['db']), entry('db'), entry('app', ['nas']), entry('nas')],
                            {'web': Vm(), 'db': Vm(fails=2, agent_s=0), 'app': Vm(), 'nas': Vm(fails=99)})
        self.assertEqual([0, 6, 17], self.started_at('db'))
        self.assertEqual(('started', 3), (results['db']['started_as'], results['db']['tries']))
        self.assertEqual(4, len(self.started_at('nas')))
        self.assertEqual('failed', results['nas']['started_as'])
        self.assertTrue('network not found' in results['nas']['why'], results['nas'])
        self.assertEqual(1, len(self.started_at('app')))
        self.assertEqual(3, self.core.exit_code())

    def test_a_guest_that_is_on_already_is_not_started_again(self):
        results = self.play([entry('web', ['db']), entry('db')], {'web': Vm('on'), 'db': Vm('on', autostart=True)})
        self.assertEqual(([], []), (self.started_at('web'), self.started_at('db')))
        self.assertEqual('already on', results['db']['started_as'])

    def test_a_saved_guest_resumes_is_ready_at_once_and_has_its_clock_set_where_wanted(self):
        results = self.play([entry('web', ['db']), entry('db')], {'web': Vm(), 'db': Vm('saved')}, sync_time=True)
        self.assertEqual(('resumed', [1]), (results['db']['started_as'], self.started_at('web')))
        self.assertEqual((1, 0), (self.vms['db'].time_set, self.vms['web'].time_set))
        self.play([entry('db')], {'db': Vm('saved')})
        self.assertEqual(0, self.vms['db'].time_set)

    def test_a_paused_guest_comes_back_paused(self):
        self.play([entry('web'), entry('db', paused=True)], {'web': Vm(), 'db': Vm()})
        self.assertEqual(([(0, 'off', False)], [(0, 'off', True)]), (self.vms['web'].starts, self.vms['db'].starts))

    def test_a_guest_saved_in_the_middle_of_its_shutdown_finishes_it_and_is_started_again(self):
        results = self.play([entry('db', finish=True, outcome='saved')], {'db': Vm('saved', off_s=8)})
        self.assertEqual([(0, 'saved', False), (9, 'off', False)], self.vms['db'].starts)
        self.assertEqual('started', results['db']['started_as'])
        # libvirt's autostart had restored it before, and it has finished since: it is off
        self.play([entry('db', finish=True, outcome='saved')], {'db': Vm('off', autostart=True)}, start=False)
        self.assertEqual([(0, 'off', False)], self.vms['db'].starts)

    def test_one_that_does_not_finish_stays_on(self):
        results = self.play([entry('db', finish=True, outcome='saved')], {'db': Vm('saved')})
        self.assertEqual((1, 'resumed'), (len(self.vms['db'].starts), results['db']['started_as']))
        self.assertTrue('did not finish' in results['db']['why'], results)

    def test_on_boot_ignore_starts_nobody_but_who_would_be_on_without_our_shutdown(self):
        results = self.play([entry('web'), entry('kept', outcome='saved'), entry('half', finish=True, outcome='saved')],
                            {'web': Vm(), 'kept': Vm('saved'), 'half': Vm('saved', off_s=3, autostart=True)}, start=False)
        self.assertEqual(([], []), (self.vms['web'].starts, self.vms['kept'].starts))
        self.assertEqual(2, len(self.vms['half'].starts))
        self.assertEqual(['not started', 'not started', 'started'], [results[name]['started_as'] for name in ('web', 'kept', 'half')])
        self.assertEqual(0, self.core.exit_code())

    def test_a_guest_that_is_gone_is_told_and_holds_nobody_up(self):
        results = self.play([entry('web', ['t']), entry('t', persistent=False)], {'web': Vm()})
        self.assertEqual(('absent', [0]), (results['t']['started_as'], self.started_at('web')))
        self.assertTrue('transient' in results['t']['why'])

    def test_when_the_host_goes_down_nobody_more_is_started_and_starts_under_way_are_seen(self):
        entries = [entry('web', ['db']), entry('db'), entry('slow')]
        results = self.play(entries, {'web': Vm(), 'db': Vm(), 'slow': Vm(boots_s=4)}, [(2.5, starter.GoingDown('the host goes down'))])
        self.assertEqual((None, [], 'started'), (results['web']['started_as'], self.started_at('web'), results['slow']['started_as']))
        self.assertEqual(0, self.core.exit_code())
        self.assertTrue('the host goes down' in self.core.cut_off)
        # a start that never comes back is not waited for longer than 5 s
        self.play([entry('slow')], {'slow': Vm(boots_s=1000)}, [(2.5, StopAsking(15))])
        self.assertEqual((143, 7.5), (self.core.exit_code(), self.told[-1].at + starter.LEAVE_S))

    def test_a_start_that_never_comes_back_fails_and_holds_nobody_up_for_ever(self):
        results = self.play([entry('web', ['db']), entry('db')], {'web': Vm(), 'db': Vm(boots_s=1e6)})
        self.assertEqual(('failed', 'started'), (results['db']['started_as'], results['web']['started_as']))

    def test_needs_in_a_circle_are_dropped_and_others_stay(self):
        self.play([entry('a', ['b']), entry('b', ['a', 'db']), entry('db')], {'a': Vm(), 'b': Vm(), 'db': Vm(agent_s=0)})
        self.assertEqual(([0], [1]), (self.started_at('a'), self.started_at('b')))

    def test_two_thousand_guests_in_a_chain_are_ordered(self):
        entries = [entry('g%d' % number, ['g%d' % (number + 1)]) for number in range(2000)]
        core = starter.Starter(entries, starter.Wanted(True, 0, False, False), 0.0)
        self.assertEqual(['sim#g1999'], [command.key for command in core.step([], 0.0)])
        self.assertEqual('g1999', core.results()[0]['name'])


if __name__ == '__main__':
    unittest.main()
