"""The few differences between Python 2.6 and today, each with the version at which it may go."""
from __future__ import absolute_import, division, print_function

import sys

TYPE_CHECKING = False  # mypy takes it for true; Python 2 and 3.2 to 3.4 have no typing
if TYPE_CHECKING:
    from typing import Any  # novm
else:
    Any = object

PY2 = sys.version_info[0] == 2  # may go with Python 2
PACKAGES = 'python' if PY2 else 'python3'  # how the names of Debian's packages for this Python begin; likewise
TEXTS = (str, type(b''.decode('ascii')))  # what JSON gives for a text; likewise


def native(data):
    # type: (bytes) -> Any
    """Bytes of a UTF-8 file as the native text type. Raises UnicodeDecodeError on both kinds of Python."""
    text = data.decode('utf-8')
    return data if PY2 else text


def as_unicode(text):
    # type: (str) -> str
    """Native text as unicode characters; broken bytes of Python 2 become replacement characters."""
    if isinstance(text, bytes):
        return text.decode('utf-8', 'replace')
    return text


def as_native(text):
    # type: (Any) -> Any
    """Unicode characters as the native text type."""
    return text.encode('utf-8') if PY2 and not isinstance(text, bytes) else text


def as_bytes(text):
    # type: (str) -> bytes
    """Native text as UTF-8 bytes; a lone surrogate (a name that was no UTF-8) is written escaped, never refused."""
    if isinstance(text, bytes):
        return text
    return text.encode('utf-8', 'backslashreplace')


def from_json(text):
    # type: (Any) -> Any
    """The data of a JSON text, its texts in the native type: on Python 2 the json module gives unicode, and one non-ASCII name of
    each kind in one line is an error. Raises ValueError, and RuntimeError for what is nested too deeply."""
    import json  # late: host-stop without guests reads none, and need not load it
    data = json.loads(text)
    return _natively(data) if PY2 else data


def _natively(data):
    # type: (Any) -> Any
    if isinstance(data, dict):
        return dict((as_native(key), _natively(value)) for key, value in data.items())
    if isinstance(data, list):
        return [_natively(value) for value in data]
    return as_native(data) if isinstance(data, TEXTS) else data
