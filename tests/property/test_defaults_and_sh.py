"""Property: what we read from an /etc/default file is what sh would have assigned, and nothing that sh would do more."""

import subprocess

from hypothesis import given, settings
from hypothesis import strategies as st

from kvm_graceful import defaults, guestsconf

NAMES = ('A', 'B', 'URIS', 'DEADLINE')
PIECES = st.sampled_from(['x', '5', ' ', '\t', "'", '"', '$', '`', '\\', '#', '=', ';', '&', '|', '~', ':', '(', ')', '<', '>', '*', '[',
                          ']', '{a,b}', '!', 'ü', '/', '$(id)', '""', "''", '\r', '%', '-'])
LINES = st.one_of(
    st.builds('{}={}'.format, st.sampled_from(NAMES), st.lists(PIECES, max_size=6).map(''.join)),
    st.builds('{}={}{}{}'.format, st.sampled_from(NAMES), st.sampled_from('"\''), st.lists(PIECES, max_size=4).map(''.join),
              st.sampled_from('"\'')),
    st.lists(PIECES, max_size=6).map(''.join))


def sh_values(data):
    """What each variable is after sh has read the file, or None where sh failed or said anything."""
    script = '. /dev/stdin; for n in %s; do eval "printf \'%%s\\\\0\' \\"\\${$n-unset}\\""; done' % ' '.join(NAMES)
    done = subprocess.run(['/bin/sh', '-c', script], input=data, capture_output=True, timeout=20,
                          env={'PATH': '/nowhere', 'HOME': '/home/somebody'}, cwd='/')
    return None if done.returncode or done.stderr else done.stdout.split(b'\0')[:-1]


@settings(max_examples=500, deadline=None)
@given(st.lists(LINES, max_size=4))
def test_an_accepted_file_means_to_sh_what_it_means_to_us(lines):
    data = '\n'.join(lines).encode('utf-8')
    found, problems = defaults.parse(data, 'f')
    if problems:
        return
    expected = dict((name, b'unset') for name in NAMES)
    expected.update((name, value.encode('utf-8')) for name, value, _ in found)
    assert sh_values(data) == [expected[name] for name in NAMES]


@settings(max_examples=2000, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.lists(LINES, max_size=4).map(lambda lines: '\n'.join(lines).encode('utf-8')),
                 st.lists(st.sampled_from(['[', ']', 'web', '*', 'needs', '=', ' ', ',', '\n', '#', 'grace', '60', 'on-timeout', 'leave',
                                           '\x00', 'ü', '[a]\n', '[b*]\n']), max_size=20).map(lambda parts: ''.join(parts).encode('utf-8'))))
def test_no_file_breaks_a_parser(data):
    for parser in (defaults, guestsconf):
        found, problems = parser.parse(data, 'f')
        for problem in problems:
            assert 1 <= problem.line <= data.count(b'\n') + 1
            assert not any(ord(char) < 32 or ord(char) == 127 for char in str(problem)), str(problem)
