"""Reports drawn in characters, and the layout behind every drawing: what happened when, in whose row."""
from __future__ import absolute_import, division, print_function

import json
import unittest

from kvm_graceful import columns
from kvm_graceful.compat import as_native
from kvm_graceful.model import DeadlineMoved, PowerSeen
from kvm_graceful.report import asjson, chart, markup, text, timeline
from tests.unit.support import NEVER, UNDYING, Simulation, policy, takes

WIDE = as_native(b'\xe5\xae\xbf\xe4\xb8\xbb'.decode('utf-8'))    # two letters, four columns
ACCENT = as_native(b'e\xcc\x81'.decode('utf-8'))                 # one letter and an accent on it, one column


def run_of(policies, behaviours=None, deadline_s=300.0, facts=(), **more):
    """Data of a record, of a run by the real engine."""
    return Simulation(policies, behaviours, deadline_s, facts=facts, **more).data(deadline_s)


class Layout(unittest.TestCase):
    def test_rows_stand_in_the_order_of_their_ends_and_know_who_held_them_up(self):
        drawn = timeline.of(run_of({'web': policy(needs='db'), 'app': policy(needs='db'), 'db': policy()}, {'app': takes(9)}))
        self.assertEqual(['web', 'app', 'db'], [row.guest['name'] for row in drawn.rows])
        self.assertEqual([[], [], [0, 1]], [sorted(row.holders) for row in drawn.rows])
        self.assertEqual((0.0, 9.0, 14.0), (drawn.rows[0].asked, drawn.rows[2].asked, drawn.rows[2].end))

    def test_presses_force_and_a_guest_that_never_goes(self):
        drawn = timeline.of(run_of({'win': policy(press_again_s=10), 'stuck': policy(grace_s=20)},
                                   {'win': takes(5, ignores=1), 'stuck': UNDYING}, 60.0))
        self.assertEqual([10.0], drawn.rows[0].again)
        self.assertEqual((20.0, 35.0, 'left'), (drawn.rows[1].forced, drawn.rows[1].end, drawn.rows[1].outcome))
        self.assertEqual('asked at 0.0 s, forced at 20.0 s, left', timeline.story(drawn.rows[1]))

    def test_saves_at_its_turn_and_at_the_end_of_its_time(self):
        behaviours = {'a': takes(5, save_s=4), 'b': NEVER._replace(save_s=4)}
        drawn = timeline.of(run_of({'a': policy(on_shutdown='save'), 'b': policy(on_timeout='save', grace_s=20)}, behaviours,
                                   saves_s={'a': 6, 'b': 6}))
        self.assertEqual([('a', None, 0.0, [(0.0, 4.0)]), ('b', 0.0, 0.0, [(20.0, 24.0)])],
                         [(row.guest['name'], row.asked, row.begin, row.saves) for row in drawn.rows])
        self.assertEqual('saved', drawn.rows[0].outcome)
        lines = dict((line.split()[0], line) for line in chart.lines(drawn, 60)[1:3])
        self.assertTrue('  %%' in lines['a'] and lines['a'].endswith('%s') and '=%%' in lines['b'], lines)

    def test_every_move_of_the_deadline_is_kept(self):
        drawn = timeline.of(run_of({'a': policy()}, {'a': NEVER}, 300.0, ((20.0, DeadlineMoved(100.0, 'battery')), (30.0, DeadlineMoved(80.0, 'battery')))))
        self.assertEqual([(0.0, 300.0), (20.0, 100.0), (30.0, 80.0)], [(moved.told, moved.at) for moved in drawn.deadlines])
        self.assertEqual(['At 20.0 s: deadline now in 80 s: battery', 'At 30.0 s: deadline now in 50 s: battery'], timeline.moves(drawn))

    def test_the_same_name_on_two_hypervisors_is_two_guests(self):
        guests = [dict(name=name, uri=uri, key=uri + name, asked=0.0, off=off, forced=None, outcome='off', needs=needs)
                  for name, uri, off, needs in (('web', 'A', 1.0, ['db']), ('db', 'A', 2.0, []), ('web', 'B', 3.0, ['db']), ('db', 'B', 4.0, []))]
        rows = timeline.of({'guests': guests, 'deadline': 10, 'finished': 4.0}).rows
        self.assertEqual([[], [0], [], [2]], [row.holders for row in rows])

    def test_a_run_that_was_cut_off_is_drawn_as_far_as_it_came(self):
        data = run_of({'a': policy()}, {'a': NEVER}, 60.0)
        del data['events'][2:]
        data.update(finished=None, exit=None, guests=[dict(data['guests'][0], off=None, outcome='unknown', forced=None)])
        row = timeline.of(data).rows[0]
        self.assertEqual((data['events'][-1]['at'], 'unknown'), (row.end, row.outcome))

    def test_a_deadline_far_away_does_not_squeeze_what_happened(self):
        self.assertEqual(5.0, timeline.of(run_of({'a': policy()})).span_s)
        self.assertTrue(timeline.of(run_of({'a': policy()}, {'a': takes(250)})).span_s > 300)

    def test_ticks_are_round_few_and_short(self):
        for span_s in (0.1, 0.73, 4, 59, 61, 300, 1700, 86400, 4e5):
            for most in (2, 6, 20):
                ticks = timeline.ticks(span_s, most)
                self.assertTrue(0 < len(ticks) <= most and ticks[0] == (0, '0') and ticks[-1][0] <= span_s, (span_s, most, ticks))
                self.assertEqual(len(ticks), len(set(words for _, words in ticks)), ticks)
                self.assertTrue(max(len(words) for _, words in ticks) <= 7, ticks)
        self.assertEqual(['0', '1 min', '2 min'], [words for _, words in timeline.ticks(130, 4)])


class Characters(unittest.TestCase):
    def drawn(self, wide=80, **more):
        data = run_of({'web': policy(needs='db'), 'win': policy(press_again_s=10), 'stuck': policy(grace_s=20), 'db': policy()},
                      {'win': takes(5, ignores=1), 'stuck': UNDYING, 'db': takes(7)}, 60.0)
        data.update(more)
        return chart.lines(timeline.of(data), wide)

    def test_bars_tell_what_happened(self):
        lines = dict((line.split()[0], line) for line in self.drawn()[1:5])
        self.assertTrue(lines['web'].endswith('===o'), lines)
        self.assertTrue('  ....' in lines['db'] and lines['db'].endswith('=o'), lines)
        self.assertTrue('==+==' in lines['win'] and lines['win'].endswith('=o'), lines)
        self.assertTrue('==##' in lines['stuck'] and lines['stuck'].rstrip('| ').endswith('#>'), lines)
        self.assertEqual(lines['web'].index('o'), lines['db'].index('='))

    def test_the_legend_explains_each_sign_that_was_used_and_no_other(self):
        legend = self.drawn()[6]
        self.assertEqual('. waits   = asked   + asked again   # forced   o off   > left on', legend.replace('   | deadline', ''))

    def test_no_line_is_wider_than_the_terminal(self):
        for wide in (40, 80, 132):
            lines = self.drawn(wide)
            self.assertTrue(max(columns.width(line) for line in lines[:7]) <= wide, lines)
            self.assertTrue(max(columns.width(line) for line in lines[:6]) >= wide - 12, lines)

    def test_long_and_wide_names_are_cut_and_columns_still_stand_in_line(self):
        data = run_of(dict((name, policy()) for name in ('x' * 200, WIDE * 30, ACCENT * 10, 'a\x1b[2J')))
        lines = chart.lines(timeline.of(data), 80)[1:5]
        self.assertEqual(set([28]), set(columns.width(line[:line.index('=')]) for line in lines), lines)
        self.assertFalse('\x1b' in ''.join(lines))

    def test_the_report_holds_the_drawing(self):
        said = text.run(run_of({'web': policy(needs='db'), 'db': policy()}))
        self.assertTrue('. waits   = asked   o off' in said, said)
        self.assertTrue(max(len(line) for line in said.splitlines()) <= 80, said)

    def test_the_report_tells_what_the_power_was_first_and_last(self):
        seen = [(at, PowerSeen('on battery, %d s left' % left, 'battery', left, 50)) for at, left in ((1.0, 90), (2.0, 80), (3.0, 70))]
        lines = text.run(run_of({'a': policy()}, facts=seen)).split('\n')
        self.assertTrue('Power: on battery, 90 s left at 1.0 s; on battery, 70 s left at 3.0 s.' in lines, lines)
        self.assertFalse('Power' in text.run(run_of({'a': policy()})))

    def test_nothing_is_drawn_of_nobody(self):
        self.assertEqual([], chart.lines(timeline.of(run_of({}))))


class Json(unittest.TestCase):
    def test_it_is_the_same_data_with_a_line_for_each_element(self):
        for data in ({}, {'exit': 0, 'guests': [], 'why': 'a "word"'}, {'guests': [{'name': 'a', 'off': None}, {'name': 'b"\n'}], 'last': {'x': [1, 2]}}):
            self.assertEqual(data, dict((str(key), value) for key, value in json.loads(asjson.text(data)).items()))
        lines = asjson.text({'guests': [{'name': 'a'}, {'name': 'b'}], 'exit': 0}).split('\n')
        self.assertEqual(['{', ' "exit": 0,', ' "guests": [', '  {"name": "a"},', '  {"name": "b"}', ' ]', '}'], lines)


class Columns(unittest.TestCase):
    def test_width(self):
        self.assertEqual([0, 3, 4, 1], [columns.width(one) for one in ('', 'abc', WIDE, ACCENT)])

    def test_cut_and_padded(self):
        for wide in range(1, 8):
            for one in ('', 'abc', 'abcdefghij', WIDE * 3, ACCENT * 9):
                self.assertTrue(columns.width(columns.cut(one, wide)) <= wide)
                self.assertEqual(wide, columns.width(columns.padded(one, wide)))
        self.assertEqual(['abc', 'ab~'], [columns.cut('abc', 3), columns.cut('abcd', 3)])


class Markup(unittest.TestCase):
    def test_all_that_is_put_in_is_escaped(self):
        made = markup.element('p', '<b>&"', element_title="'><i>", class_='x').text
        self.assertEqual('<p class="x" element-title="&#39;&gt;&lt;i&gt;">&lt;b&gt;&amp;&quot;</p>', made)

    def test_elements_nest_and_none_is_left_out(self):
        made = markup.element('g', markup.element('line', x1='1%', class_=None), 3, 'a').text
        self.assertEqual('<g><line x1="1%"/>3a</g>', made)

    def test_messages_keep_their_backslashes_and_lose_what_moves_a_cursor(self):
        self.assertEqual('"a\\x1b": no \\x07', markup.words('"a\\x1b": no \x07'))


if __name__ == '__main__':
    unittest.main()
