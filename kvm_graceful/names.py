"""A guest's name: how patterns match it, how it is shown harmlessly, which known word is the nearest."""
from __future__ import absolute_import, division, print_function

import fnmatch
import re
import unicodedata

from kvm_graceful.compat import as_native, as_unicode

_PLAIN = re.compile(r'^[A-Za-z0-9_.+@%][A-Za-z0-9_.:+@%-]*$')
_HARMFUL = frozenset(['Cc', 'Cf', 'Cs', 'Co', 'Cn', 'Zl', 'Zp'])  # controls, bidi overrides, surrogates, line separators


def is_pattern(text):
    # type: (str) -> bool
    """True if `text` holds a shell wildcard."""
    return any(char in text for char in '*?[')


def is_one_name(need):
    # type: (str) -> bool
    """True if `need` means the one guest of that name: no pattern, and no tag:NAME."""
    return not is_pattern(need) and not need.startswith('tag:')


def pattern_problem(pattern):
    # type: (str) -> str
    """What is wrong with a pattern, or an empty text."""
    if not pattern.strip():
        return 'empty pattern'
    at = pattern.find('[')
    while at >= 0:
        # As fnmatch reads it: a "]" right after "[" or "[!" stands for itself.
        first = at + 2 if pattern[at + 1:at + 2] == '!' else at + 1
        end = pattern.find(']', first + 1)
        if end < 0:
            return 'bad pattern "%s": "[" is never closed (a bracket itself is written [[])' % shown_bare(pattern)
        for low, high in zip(pattern[first:end], pattern[first + 2:end]):
            if low > high and '%s-%s' % (low, high) in pattern[first:end]:
                return 'bad pattern "%s": the range %s-%s runs backwards' % (shown_bare(pattern), low, high)
        at = pattern.find('[', end + 1)
    return ''


def matches(pattern, name):
    # type: (str, str) -> bool
    """True if the name is the pattern letter by letter, or fits it as a shell pattern (case counts)."""
    return pattern == name or (is_pattern(pattern) and _fits(pattern, name))


def _fits(pattern, name):
    # type: (str, str) -> bool
    """As fnmatch.fnmatchcase, in a time that the number of stars does not multiply: the owner of a guest writes patterns into its
    metadata, and before Python 3.9 fnmatch takes years for some."""
    pieces = _pieces(pattern)
    sizes = [len(atoms) for atoms in pieces]
    if len(name) < sum(sizes) or (len(pieces) == 1 and len(name) != sizes[0]):
        return False
    if not _is(pieces[0], name[:sizes[0]]) or not _is(pieces[-1], name[len(name) - sizes[-1]:]):
        return False
    at, end = sizes[0], len(name) - sizes[-1]
    for atoms in pieces[1:-1]:  # each as far to the left as it can be: what is behind it has the most room then
        while at + len(atoms) <= end and not _is(atoms, name[at:at + len(atoms)]):
            at += 1
        at += len(atoms)
        if at > end:
            return False
    return True


def _is(atoms, text):
    # type: (list, str) -> bool
    return all(fnmatch.fnmatchcase(char, atom) for char, atom in zip(text, atoms))


def _pieces(pattern):
    # type: (str) -> list
    """What stands between the stars: lists of patterns for one character each."""
    pieces, at = [[]], 0  # type: list, int
    while at < len(pattern):
        end = at + 1
        if pattern[at] == '[':
            first = at + (2 if pattern[at + 1:at + 2] == '!' else 1)
            end = pattern.find(']', first + 1) + 1 or end
        if pattern[at] == '*':
            pieces.append([])
        else:
            pieces[-1].append(pattern[at:end])
        at = end
    return pieces


def shown_bare(name):
    # type: (str) -> str
    """The name with everything that could move a cursor, hide or reorder text written as an escape."""
    out = []
    for char in as_unicode(name):
        if char == '\\' or unicodedata.category(char) in _HARMFUL:
            code = ord(char)
            out.append('\\\\' if char == '\\' else '\\x%02x' % code if code < 256 else '\\u%04x' % code)
        else:
            out.append(char)
    return as_native(''.join(out))


def shown(name):
    # type: (str) -> str
    """The name as a person may safely read it: plain names as they are, all others in double quotes with escapes."""
    if _PLAIN.match(name):
        return name
    return '"%s"' % shown_bare(name).replace('"', '\\"')


def nearest(word, known):
    # type: (str, list) -> str
    """' (did you mean "x"?)' for the known word that is most like this one, else an empty text."""
    import difflib  # late: 10 ms of start-up that only a mistake has to pay
    close = difflib.get_close_matches(word, list(known), 1, 0.6)
    return ' (did you mean %s?)' % shown(close[0]) if close else ''
