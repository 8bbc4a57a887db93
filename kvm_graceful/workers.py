"""Threads for calls that may never come back. Nothing here waits for them to end."""
from __future__ import absolute_import, division, print_function

import collections
import threading
import traceback

from kvm_graceful.compat import Any  # noqa: F401 (type comments)


class Workers(object):
    """Carries out calls in up to `limit` daemon threads, started as they are needed. `submit` never blocks and never raises."""

    def __init__(self, limit):
        # type: (int) -> None
        self._limit = limit
        self._calls = collections.deque()  # type: collections.deque
        self._there_is_work = threading.Condition()
        self._threads = self._idle = 0

    def submit(self, call):
        # type: (Any) -> None
        with self._there_is_work:
            self._calls.append(call)
            if self._idle >= len(self._calls):
                self._there_is_work.notify()
            elif self._threads < self._limit:
                try:
                    start(self._work)
                    self._threads += 1
                except Exception:  # noqa: S110 (no memory for one more; on Python 2 it is thread.error)
                    pass  # those that are there take it, or the next submit tries again

    def _work(self):
        # type: () -> None
        while True:
            with self._there_is_work:
                self._idle += 1
                while not self._calls:
                    self._there_is_work.wait()
                self._idle -= 1
                call = self._calls.popleft()
            try:
                call()
            except Exception:  # told as the end of a thread would be; the next call finds one all the same
                traceback.print_exc()


def start(call):
    # type: (Any) -> threading.Thread
    """A daemon thread that runs `call`: the process may end while it still hangs."""
    thread = threading.Thread(target=call)
    thread.daemon = True
    thread.start()
    return thread


def bounded(call, limit_s):
    # type: (Any, float) -> tuple
    """(True, result) or (True, exception) of `call()`, or (False, None) when it is not back after `limit_s` seconds."""
    done = threading.Event()
    answer = []  # type: list

    def work():
        # type: () -> None
        try:
            answer.append(call())
        except Exception as error:  # handed to the caller, who knows what to make of it
            answer.append(error)
        done.set()
    try:
        start(work)
    except Exception as error:  # no more threads: RuntimeError, on Python 2 thread.error; or no memory
        return True, error
    done.wait(limit_s)
    return (True, answer[0]) if done.is_set() else (False, None)
