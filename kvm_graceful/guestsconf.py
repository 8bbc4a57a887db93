"""guests.conf: an INI file, one section a guest or pattern. Knows the keys and what they may hold."""
from __future__ import absolute_import, division, print_function

from collections import namedtuple

from kvm_graceful import names
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.defaults import text_of
from kvm_graceful.model import AGENT_S, Problem

# `values`: Policy field -> parsed value; `lines`: Policy field -> line number.
Section = namedtuple('Section', 'pattern line values lines')

ON_TIMEOUT = ('save', 'destroy', 'leave')
ON_SHUTDOWN = ('shutdown', 'save', 'destroy', 'ignore')
METHODS = ('agent', 'acpi')
MAX_S = 86400  # a day


def number(text, low, high, unit='seconds'):
    # type: (str, int, int, str) -> int
    """A whole number in low..high. Raises ValueError with what was wanted."""
    # not isdigit(): it takes the digits of all scripts
    if not text or text.strip('0123456789'):
        raise ValueError('"%s" is not a whole number; write %s as digits only, without a unit' % (names.shown_bare(text), unit))
    if len(text) > 9 or not low <= int(text) <= high:
        raise ValueError('%s is out of range; %d to %d %s are allowed' % (names.shown_bare(text)[:20], low, high, unit))
    return int(text)


def one_of(text, words):
    # type: (str, tuple) -> str
    """The text, if it is one of the words. Raises ValueError naming them."""
    if text not in words:
        raise ValueError('"%s" is not known; write %s' % (names.shown_bare(text), ' or '.join(words)))
    return text


def seconds_or_never(text):
    # type: (str) -> Any
    """Seconds from 1 to an hour, or None for the word never."""
    return None if text == 'never' else number(text, 1, 3600)


def grace(text):
    # type: (str) -> int
    return number(text, 1, MAX_S)


def methods(text):
    # type: (str) -> tuple
    """Ways to ask, in order, each with the seconds that it has before the next: "agent 20, acpi"."""
    chosen = []
    for part in listed(text):
        name, _, limit = part.partition(' ')
        limit_s = number(limit.strip(' '), 1, 3600) if limit else AGENT_S if one_of(name, METHODS) == 'agent' else None
        chosen.append((one_of(name, METHODS), limit_s))
    if not chosen:
        raise ValueError('no method given; write agent, acpi or both')
    return tuple(chosen)


def listed(text):
    # type: (str) -> tuple
    """The parts of a comma separated list; spaces inside a part belong to it."""
    return tuple(part.strip(' \t') for part in text.split(',') if part.strip(' \t'))


def needed(text):
    # type: (str) -> tuple
    """Names and patterns of the guests that are needed."""
    patterns = listed(text)
    for pattern in patterns:
        problem = names.pattern_problem(pattern)
        if problem:
            raise ValueError(problem)
    return patterns


# key in the file -> (field of Policy, parser)
KEYS = {
    'needs': ('needs', needed),
    'grace': ('grace_s', grace),
    'press-again': ('press_again_s', seconds_or_never),
    'on-timeout': ('on_timeout', lambda text: one_of(text, ON_TIMEOUT)),
    'on-shutdown': ('on_shutdown', lambda text: one_of(text, ON_SHUTDOWN)),
    'method': ('method', methods),
    'tags': ('tags', listed),
    'shed': ('shed_s', lambda text: None if text == 'never' else number(text, 0, MAX_S)),
}


def parse(data, where):
    # type: (bytes, str) -> tuple
    """([Section], [Problem]) of a file's bytes; a bad line sets nothing, a bad header silences its section."""
    sections, problems = [], []
    here = None
    seen = {}  # type: dict
    for number_, raw in enumerate(data.split(b'\n')):
        line = number_ + 1
        try:
            text = text_of(raw).strip(' \t')
            if not text or text[0] in '#;':
                continue
            if text[0] == '[':
                here = Section('', line, {}, {})  # collects the keys under a bad header, and is forgotten
                pattern = _header(text, seen)
                here = Section(pattern, line, {}, {})
                sections.append(here)
                seen[pattern] = line
            elif here is None:
                raise ValueError('a key before the first section; write [guest] above it')
            else:
                _key(text, line, here)
        except ValueError as error:
            problems.append(Problem('error', where, line, str(error)))
    return sections, problems


def _header(text, seen):
    # type: (str, dict) -> str
    if not text.endswith(']'):
        raise ValueError('the section header has no "]" at its end; its keys are ignored')
    pattern = text[1:-1].strip(' \t')
    problem = names.pattern_problem(pattern)
    if problem:
        raise ValueError(problem)
    if pattern in seen:
        raise ValueError('section [%s] is there already, at line %d; put its keys together'
                         % (names.shown_bare(pattern), seen[pattern]))
    return pattern


def _key(text, line, section):
    # type: (str, int, Section) -> None
    key, equals, value = (part.strip(' \t') for part in text.partition('='))
    if not equals:
        raise ValueError('not "key = value"; keys are %s' % ', '.join(sorted(KEYS)))
    field = key_field(key)
    if field in section.lines:
        raise ValueError('%s is given twice in [%s], first at line %d'
                         % (key, names.shown_bare(section.pattern), section.lines[field]))
    section.lines[field] = line
    section.values[field] = key_value(key, value)[1]


def key_field(key):
    # type: (str) -> str
    """The Policy field of a key. Raises ValueError for one that is unknown."""
    if key not in KEYS:
        raise ValueError('unknown key "%s"%s; keys are %s'
                         % (names.shown_bare(key), names.nearest(key, sorted(KEYS)), ', '.join(sorted(KEYS))))
    return KEYS[key][0]


def key_value(key, text):
    # type: (str, str) -> tuple
    """(Policy field, parsed value) of a key, wherever it was written. Raises ValueError with a message for the user."""
    field = key_field(key)
    try:
        return field, KEYS[key][1](text)
    except ValueError as error:
        raise ValueError('%s: %s' % (key, error))
