"""The picture that plymouth shows while the host goes down: a line on it, by its own client program, never waited for."""
from __future__ import absolute_import, division, print_function

import os
import threading

from kvm_graceful import workers
from kvm_graceful.compat import Any, as_native  # noqa: F401 (Any: type comments)
from kvm_graceful.names import shown_bare

CLIENTS = ('/usr/bin/plymouth', '/bin/plymouth')  # Debian before 12 and old Ubuntu have it in /bin
LIMIT_S = 2.0


class Splash(object):
    """Shows the last of what it is told. Where plymouth is not there, or not running, it does nothing.

    `run(words, limit_s)` gives the exit status of a program, None where it did not end in time.
    """

    def __init__(self, run, clients=CLIENTS):
        # type: (Any, tuple) -> None
        self._run = run
        self._client = next((path for path in clients if os.access(path, os.X_OK)), None)
        self._verb = ''  # what this client calls it; known once it is running
        self._text = None  # type: str | None
        self._news = threading.Event()
        if self._client is not None:
            workers.start(self._work)

    def say(self, text):
        # type: (str) -> None
        """At once, from whatever thread; a text that was not shown yet gives way to this one."""
        self._text = text
        self._news.set()

    def _work(self):
        # type: () -> None
        while True:
            self._news.wait()
            self._news.clear()
            if not self._show(as_native(shown_bare(self._text or ''))):
                return  # not running: it does not begin in the middle of a shutdown

    def _show(self, text):
        # type: (str) -> bool
        if not self._verb and self._run([self._client, '--ping'], LIMIT_S) != 0:
            return False
        for verb in (self._verb,) if self._verb else ('display-message', 'message'):  # the second: Ubuntu 10.04
            if self._run([self._client, verb, '--text=' + text], LIMIT_S) == 0:
                self._verb = verb
                return True
        return bool(self._verb)
