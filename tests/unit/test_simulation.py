"""`simulate`: the file's meaning, its answer, and every mistake in it with place, what and what is wanted."""
from __future__ import absolute_import, division, print_function

import json
import os
import tempfile
import unittest

from kvm_graceful import simulation
from kvm_graceful.errors import UsageError


def load(text):
    handle, path = tempfile.mkstemp()
    try:
        with os.fdopen(handle, 'wb') as stream:
            stream.write(text if isinstance(text, bytes) else text.encode('utf-8'))
        return simulation.load(path)
    finally:
        os.unlink(path)


def answer(**data):
    """(the answer, {name: guest in it})."""
    found = simulation.run(load(json.dumps(data)))
    return found, dict((guest['name'], guest) for guest in found['guests'])


class Meaning(unittest.TestCase):
    def test_all_keys_but_the_name_are_optional(self):
        found, guests = answer(guests=[{'name': 'a'}])
        self.assertEqual((1, 5, 300, 0, []), (found['schema'], found['finished'], found['deadline'], found['exit'], found['warnings']))
        self.assertEqual({'name': 'a', 'asked': 0, 'presses': 1, 'forced': None, 'off': 5, 'outcome': 'off'}, guests['a'])
        self.assertEqual((0, []), (answer()[0]['finished'], answer()[0]['guests']))

    def test_takes_counts_from_the_press_that_is_accepted(self):
        _, guests = answer(guests=[{'name': 'web', 'needs': ['db'], 'takes': 12, 'grace': 30, 'press-again': 10, 'ignores': 1},
                                   {'name': 'db', 'takes': 20}])
        self.assertEqual((0, 2, 22), (guests['web']['asked'], guests['web']['presses'], guests['web']['off']))
        self.assertEqual((22, 42), (guests['db']['asked'], guests['db']['off']))

    def test_defaults_hold_for_all_and_a_guest_for_itself(self):
        _, guests = answer(defaults={'grace': 20, 'on-timeout': 'leave'},
                           guests=[{'name': 'a', 'never': True}, {'name': 'b', 'never': True, 'on-timeout': 'destroy', 'grace': 30}])
        self.assertEqual(('left', None), (guests['a']['outcome'], guests['a']['forced']))
        self.assertEqual(('destroyed', 30), (guests['b']['outcome'], guests['b']['forced']))

    def test_history_is_what_the_reserve_is_made_of(self):
        _, guests = answer(deadline=200, history={'db': 20}, guests=[{'name': 'web', 'needs': 'db', 'never': True}, {'name': 'db'}])
        self.assertEqual(150, guests['web']['forced'])  # 200, less 15 and 20 for db, less 15 for itself

    def test_states_agents_reboots_crashes_and_starts(self):
        found, guests = answer(guests=[
            {'name': 'paused', 'state': 'paused'}, {'name': 'asleep', 'state': 'pmsuspended'}, {'name': 'dead', 'agent': 'dead'},
            {'name': 'agent', 'agent': 'works'}, {'name': 'reboots', 'reboots': True}, {'name': 'crashes', 'never': True, 'crashes-at': 30},
            {'name': 'late', 'starts-at': 10}, {'name': 'too late', 'starts-at': 1000}])
        self.assertEqual(['off', 'off', 'off', 'off', 'off', 'crashed', 'off', None], [guest['outcome'] for guest in found['guests']])
        self.assertEqual((3, 10, 30, None), (guests['dead']['asked'], guests['late']['asked'], guests['crashes']['off'],
                                             guests['too late']['asked']))

    def test_events(self):
        _, guests = answer(guests=[{'name': 'a', 'never': True}], events=[{'at': 30, 'what': 'deadline', 'value': 90}])
        self.assertEqual(75, guests['a']['forced'])
        _, guests = answer(guests=[{'name': 'a', 'never': True}], events=[{'at': 100, 'what': 'hurry'}])
        self.assertEqual(185, guests['a']['forced'])

    def test_without_libvirtd_guests_are_asked_past_it_but_not_saved(self):
        db = {'name': 'db', 'takes': 7}
        found, guests = answer(deadline=60, guests=[{'name': 'web', 'needs': ['db'], 'takes': 5}, db],
                               events=[{'at': 4.5, 'what': 'libvirtd-dies'}])
        self.assertEqual((0, 5, 5.5, 12.5), (found['exit'], guests['web']['off'], guests['db']['asked'], guests['db']['off']))
        _, guests = answer(deadline=60, guests=[{'name': 'web', 'needs': ['db'], 'takes': 5}, db],
                           events=[{'at': 4.5, 'what': 'libvirtd-dies'}, {'at': 4.8, 'what': 'libvirtd-returns'}])
        self.assertEqual((5, 12), (guests['db']['asked'], guests['db']['off']))
        saved = {'name': 'a', 'on-shutdown': 'save', 'save-takes': 20, 'takes': 5}
        for at, outcome, off in ((10, 'off', 16), (30, 'saved', 20)):
            _, guests = answer(deadline=60, guests=[saved], events=[{'at': at, 'what': 'libvirtd-dies'}])
            self.assertEqual((outcome, off), (guests['a']['outcome'], guests['a']['off']))

    def test_circles_and_unknown_names_are_warnings(self):
        found, _ = answer(guests=[{'name': 'a', 'needs': ['b', 'bb']}, {'name': 'b', 'needs': ['a']}])
        self.assertEqual(['needs form a circle: a -> b -> a', 'a needs bb: no such guest (did you mean b?)'], found['warnings'])

    def test_a_name_may_hold_anything(self):
        _, guests = answer(guests=[{'name': 'a, b'}, {'name': 'c', 'needs': ['a, b']}])
        self.assertEqual(5, guests['a, b']['asked'])


class Mistakes(unittest.TestCase):
    def test_each_says_where_and_what_is_wanted(self):
        for text, said in (
                ('', 'not JSON'), ('[', 'not JSON'), (b'\xff', 'not JSON'), ('[' * 100000, 'not JSON'), ('[]', 'the file: an object is wanted'),
                ('{"guest": []}', 'the file: unknown key "guest" (did you mean guests?)'), ('{"guests": {}}', 'guests: an array'),
                ('{"deadline": "x"}', 'the file: deadline: a number'), ('{"deadline": -1}', 'deadline'), ('{"deadline": NaN}', 'deadline'),
                ('{"deadline": 1e400}', 'deadline'), ('{"deadline": true}', 'deadline'), ('{"parallel": 1.5}', 'parallel: a whole number'),
                ('{"guests": [{}]}', 'guests[0]: a name'), ('{"guests": [{"name": ""}]}', 'guests[0]: a name'),
                ('{"guests": [{"name": "a"}, {"name": "a"}]}', 'guests[1]: the name a is there already'),
                ('{"guests": [{"name": "a", "take": 1}]}', 'guests[0]: unknown key "take" (did you mean takes?)'),
                ('{"guests": [{"name": "a", "needs": [1]}]}', 'guests[0]: needs: a list of texts'),
                ('{"guests": [{"name": "a", "grace": 1.5}]}', 'guests[0]: grace: a whole number'),
                ('{"guests": [{"name": "a", "on-timeout": "kill"}]}', 'guests[0]: on-timeout: "kill" is not known'),
                ('{"guests": [{"name": "a", "state": "off"}]}', 'guests[0]: state: one of running, paused'),
                ('{"guests": [{"name": "a", "never": 1}]}', 'guests[0]: never: true or false'),
                ('{"defaults": {"takes": 1}}', 'defaults: unknown key'), ('{"history": []}', 'history'), ('{"history": {"a": "x"}}', 'history: a: a number'),
                ('{"events": [{"at": 1, "what": "flood"}]}', 'events[0]: what: one of'),
                ('{"events": [{"at": 1, "what": "deadline"}]}', 'events[0]: value: a number')):
            try:
                load(text)
            except UsageError as error:
                self.assertTrue(said in str(error), (text[:60], str(error)))
            else:
                self.fail('taken: %r' % text[:60])

    def test_a_file_that_is_not_there(self):
        self.assertRaises(UsageError, simulation.load, '/no/such/file')


if __name__ == '__main__':
    unittest.main()
