"""What the watcher says: each line goes to the log, and some, through a program, to the people who are logged in."""
from __future__ import absolute_import, division, print_function

from kvm_graceful import workers
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.host import command

LIMIT_S = 10.0  # wall(1) waits for terminals that take nothing


class Notice(object):
    """`log(line)`; `program`: called with one line for people, None for nobody."""

    def __init__(self, log, program):
        # type: (Any, str | None) -> None
        self.log, self._program = log, program

    def people(self, line):
        # type: (str) -> None
        """To the log and to people. Never waits."""
        self.log(line)
        words = [self._program, 'kvm-graceful: ' + line]
        if self._program is not None:
            workers.start(lambda: self._call(words))

    def _call(self, words):
        # type: (list) -> None
        if command.status(words, LIMIT_S) != 0:
            self.log('warning: NOTIFY: %s did not take that' % words[0])
