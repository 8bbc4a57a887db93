"""What the command line needs beyond argparse as of 1.0.1, which Ubuntu 10.04 may have: --version, and seconds."""
from __future__ import absolute_import, division, print_function

from kvm_graceful import guestsconf
from kvm_graceful.compat import Any  # noqa: F401 (type comments)


def version_action(base, say):
    # type: (Any, Any) -> Any
    """An argparse.Action (`base`) that has the version said: `say()`. argparse's own takes no text before 1.1."""
    def call(_self, parser, _namespace, _values, _option=None):
        # type: (Any, Any, Any, Any, Any) -> None
        say()
        parser.exit()
    return type('Version', (base,), {'__call__': call})


def seconds(text):
    # type: (str) -> int
    """A whole number of seconds, above 0."""
    import argparse  # Python 2.6 has it from a package of its own
    try:
        return guestsconf.number(text, 1, guestsconf.MAX_S)
    except ValueError as error:
        raise argparse.ArgumentError(None, 'argument --deadline: %s' % error)  # ArgumentTypeError came with 1.1
