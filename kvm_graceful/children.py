"""Short-lived calls of our own program, for a process that is to stay small: each loads libvirt, answers and is gone."""
from __future__ import absolute_import, division, print_function

import os
import signal
import subprocess
import sys
import tempfile

from kvm_graceful.compat import Any, as_native, from_json  # noqa: F401 (Any: type comments)

_MAX_BYTES = 16 << 20


def program(state_dir, config, guests_file, uris):
    # type: (str, str, str, list) -> Any
    """A function that gives the command line of this very program: program(verb, word, ...)."""
    me = os.path.abspath(sys.argv[0])  # in the background the folder is another one
    options = ['--state-dir', state_dir, '--config', config, '--guests', guests_file]
    for uri in uris:
        options += ['--uri', uri]

    def command_line(verb, *words):
        # type: (str, *str) -> list
        return [sys.executable, '-Es', me, verb] + options + list(words)
    return command_line


class Child(object):
    """`words` --json, under way. Nothing here waits for it."""

    def __init__(self, words, now, limit_s):
        # type: (list, float, float | None) -> None
        """`limit_s`: it is ended after that many seconds; None: it ends by itself."""
        self._until = None if limit_s is None else now + limit_s
        self._out, self._err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        with open(os.devnull, 'rb') as null:
            self._process = subprocess.Popen(words, stdin=null, stdout=self._out, stderr=self._err, close_fds=True)

    def is_over(self, now):
        # type: (float) -> bool
        if self._process.poll() is not None:
            return True
        if self._until is not None and now >= self._until:
            self._process.kill()
        return False

    def hurry_away(self):
        # type: () -> None
        """Asks it to begin nothing more."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def result(self):
        # type: () -> tuple
        """(what it printed, or None where that is no JSON object; a line that says what went wrong). Once, when it is over."""
        texts = []
        for stream in (self._out, self._err):
            stream.seek(0)
            texts.append(stream.read(_MAX_BYTES).decode('utf-8', 'replace'))
            stream.close()
        try:
            data = from_json(texts[0])
        except ValueError:
            data = None
        lines = [as_native(line) for line in texts[1].splitlines() if line.strip()]
        return data if isinstance(data, dict) else None, lines[-1] if lines else 'it ended with %d' % self._process.returncode
