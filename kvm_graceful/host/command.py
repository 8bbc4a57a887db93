"""Asks a program of the host, within bounds."""
from __future__ import absolute_import, division, print_function

import os

from kvm_graceful import workers

LIMIT_S = 5.0


def run(words):
    # type: (list) -> str | None
    """The standard output of a command, whatever its exit status; None where it is missing or silent for 5 s."""
    return _result(words, LIMIT_S)[1]


def status(words, limit_s):
    # type: (list, float) -> int | None
    """The exit status of a command, below 0 for a signal; None where it is missing, or not over after `limit_s` seconds."""
    return _result(words, limit_s)[0]


def _result(words, limit_s):
    # type: (list, float) -> tuple
    """(exit status, standard output) of a command; (None, None) where it is missing or silent.

    RUNLEVEL and PREVLEVEL are taken out of its environment: runlevel(8) of upstart believes them more than the truth.
    """
    import subprocess  # late: a stop by hand under systemd has no question to ask
    environment = dict(os.environ, LC_ALL='C')
    for variable in ('RUNLEVEL', 'PREVLEVEL'):
        environment.pop(variable, None)
    # rc and systemd give a PATH, a shell of a user that became root may leave out sbin
    environment['PATH'] = environment.get('PATH', '') + ':/usr/sbin:/sbin:/usr/bin:/bin'
    try:
        with open(os.devnull, 'r+b') as null:
            process = subprocess.Popen(words, stdin=null, stdout=subprocess.PIPE, stderr=null, env=environment)
    except OSError:
        return None, None
    back, answer = workers.bounded(process.communicate, limit_s)
    if not back:
        process.kill()
    if not back or isinstance(answer, Exception):
        return None, None
    return process.returncode, answer[0].decode('utf-8', 'replace')
