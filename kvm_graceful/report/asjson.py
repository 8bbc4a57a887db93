"""The data of a verb as JSON: a line for each key, and one for each element of a list."""
from __future__ import absolute_import, division, print_function

import json

from kvm_graceful.compat import Any  # noqa: F401 (type comments)


def text(data):
    # type: (dict) -> str
    """For programs, and for people who look at it. json's own indenting makes a text of each comma first: 3 KB more a guest."""
    return '{\n%s\n}' % ',\n'.join(' %s: %s' % (json.dumps(key), _value(data[key])) for key in sorted(data))


def _value(value):
    # type: (Any) -> str
    if isinstance(value, list) and value:
        return '[\n  %s\n ]' % ',\n  '.join(json.dumps(one, sort_keys=True) for one in value)
    return json.dumps(value, sort_keys=True)
