"""/etc/default files: POSIX sh assignments, understood without being executed."""
from __future__ import absolute_import, division, print_function

import re

from kvm_graceful.compat import native
from kvm_graceful.model import Problem

_ASSIGNMENT = re.compile(r'^[ \t]*([A-Za-z_][A-Za-z0-9_]*)=(.*)$')
_CONTROL = re.compile('[\x00-\x08\x0a-\x1f\x7f]')
_EXPANDS = {'$': 'sh would expand "$"', '`': 'sh would run the command in backticks',
            '\\': 'a backslash is not understood here'}
_ENDS_COMMAND = ';&|<>()'


def parse(data, where):
    # type: (bytes, str) -> tuple
    """([(name, value, line number)], [Problem]) of a file's bytes; a bad line is a problem and sets nothing.

    Understood is what sh, systemd's EnvironmentFile and we all read the same way: NAME=value, 'single' and "double" quotes
    without anything that sh would expand. Lines are taken one by one, so an unclosed quote spoils only its own.
    """
    found, problems = [], []
    for number, raw in enumerate(data.split(b'\n')):
        try:
            assignment = _line(raw)
        except ValueError as error:
            problems.append(Problem('error', where, number + 1, str(error)))
        else:
            if assignment:
                found.append(assignment + (number + 1,))
    return found, problems


def text_of(raw):
    # type: (bytes) -> str
    """A line's bytes as text. Raises ValueError with a message for the user; shared by both configuration files."""
    try:
        text = native(raw)
    except UnicodeDecodeError as error:
        raise ValueError('not valid UTF-8 at byte %d of the line; save the file as UTF-8' % (error.start + 1))
    if text.endswith('\r'):
        raise ValueError('the line ends with a carriage return (DOS line ending); convert the file with: sed -i "s/\\r$//"')
    control = _CONTROL.search(text)
    if control:
        raise ValueError('the control character \\x%02x is not allowed; remove it' % ord(control.group()))
    return text


def _line(raw):
    # type: (bytes) -> tuple | None
    """(name, value) of one line, None for a blank or a comment. Raises ValueError with a message for the user."""
    text = text_of(raw)
    bare = text.strip(' \t')
    if not bare or bare.startswith('#'):
        return None
    match = _ASSIGNMENT.match(text)
    if match:
        return match.group(1), _value(match.group(1), match.group(2))
    if re.match(r'(export|readonly|local|set)[ \t]', bare):
        raise ValueError('"%s" is not understood; write only NAME=value' % bare.split()[0])
    if re.match(r'[A-Za-z_][A-Za-z0-9_]*[ \t]+=', bare) or re.match(r'[A-Za-z_][A-Za-z0-9_]*[ \t]*=[ \t]', bare):
        raise ValueError('no space is allowed around "="; write NAME=value')
    raise ValueError('not an assignment; write NAME=value, or # in front of a comment')


def _value(name, text):
    # type: (str, str) -> str
    """The value as sh would have it. Raises ValueError where sh would do more than assign."""
    out, at = [], 0
    while at < len(text):
        char = text[at]
        if char in ' \t':
            _only_a_comment(name, text[:at], text[at:].strip(' \t'))
            break
        if char in '\'"':
            end = text.find(char, at + 1)
            if end < 0:
                raise ValueError('%s: the quote %s is never closed on this line' % (name, char))
            quoted = text[at + 1:end]
            if char == '"':
                _refuse_expansion(name, quoted)
            out.append(quoted)
            at = end + 1
            continue
        _refuse_expansion(name, char)
        if char in _ENDS_COMMAND:
            raise ValueError('%s: "%s" ends the value in sh; put the value in quotes' % (name, char))
        if char == '~' and (at == 0 or text[at - 1] == ':'):
            raise ValueError('%s: sh would expand "~"; write the whole path' % name)
        out.append(char)
        at += 1
    return ''.join(out)


def _only_a_comment(name, value, rest):
    # type: (str, str, str) -> None
    if rest and not rest.startswith('#'):
        if not value:
            raise ValueError('%s: no space is allowed around "="; write NAME=value' % name)
        raise ValueError('%s: text after the value; put a value with spaces in quotes' % name)


def _refuse_expansion(name, text):
    # type: (str, str) -> None
    for char in text:
        if char in _EXPANDS:
            raise ValueError('%s: %s, but this file is read, not executed; write the value itself' % (name, _EXPANDS[char]))
