"""Elements of a page as text: whatever is put in is escaped, so that a guest's name can only ever be shown."""
from __future__ import absolute_import, division, print_function

from kvm_graceful.compat import Any, as_native, as_unicode  # noqa: F401 (Any: type comments)
from kvm_graceful.names import shown_bare


class Markup(object):
    """Text that is markup already, and is not escaped again. Only this room makes it."""

    __slots__ = ('text',)

    def __init__(self, text):
        # type: (str) -> None
        self.text = text


def escaped(value):
    # type: (Any) -> str
    """A value as it may stand between tags and in quotes; what is no character of a page is written as an escape."""
    if isinstance(value, Markup):
        return value.text
    text = as_native(as_unicode(value if hasattr(value, 'encode') or isinstance(value, bytes) else '%s' % (value,)))
    for char, name in (('&', '&amp;'), ('<', '&lt;'), ('>', '&gt;'), ('"', '&quot;'), ("'", '&#39;')):
        text = text.replace(char, name)
    return text


def words(text):
    # type: (str) -> str
    """A message for people, which may quote a guest or a file: nothing in it moves, hides or reorders text."""
    return '\n'.join(shown_bare(line).replace('\\\\', '\\') for line in as_native(as_unicode(text)).split('\n'))


def element(tag, *children, **attributes):
    # type: (str, *Any, **Any) -> Markup
    """<tag attribute="...">children</tag>. `class_` for class, `stroke_width` for stroke-width; None leaves one out."""
    written = ''.join(' %s="%s"' % (name.rstrip('_').replace('_', '-'), escaped(attributes[name]))
                      for name in sorted(attributes) if attributes[name] is not None)
    if tag in ('meta', 'br', 'line', 'use', 'path') and not children:
        return Markup('<%s%s/>' % (tag, written))
    return Markup('<%s%s>%s</%s>' % (tag, written, together(children).text, tag))


def together(parts):
    # type: (Any) -> Markup
    """One piece of several."""
    return Markup(''.join(escaped(part) for part in parts))


def style(text):
    # type: (str) -> Markup
    """Our own style sheet: a constant, never anything that was read."""
    return Markup('<style>%s</style>' % text)
