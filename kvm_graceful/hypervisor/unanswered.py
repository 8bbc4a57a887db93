"""Requests that no answer has come to yet: what is sent again when the way changes, and how long each has been out. Pure."""
from __future__ import absolute_import, division, print_function

from kvm_graceful import model
from kvm_graceful.compat import Any  # noqa: F401 (type comments)


class Unanswered(object):
    """One request of each kind to each guest. Whoever uses it has a lock."""

    def __init__(self):
        # type: () -> None
        self._requests = {}  # type: dict
        self._late = set()  # type: set

    def add(self, command, now):
        # type: (Any, float) -> None
        self._requests.setdefault(command.key, {})[type(command)] = (command, now)

    def answered(self, fact, key):
        # type: (Any, Any) -> None
        """Forgets the requests to the guest `key` that `fact` is the end of."""
        sent = self._requests.get(key, {})
        for command in [command for command, _ in sent.values() if _answers(fact, command)]:
            del sent[type(command)]
        if isinstance(fact, model.Off):
            self._late.discard(key)  # it may be started again, and join

    def all(self):
        # type: () -> list
        return [command for sent in self._requests.values() for command, _ in sent.values()]

    def late_ends(self, now, limit_s):
        # type: (float, float) -> list
        """Keys of the guests that were to be switched off more than `limit_s` seconds ago, each once."""
        late = set(key for key, sent in self._requests.items() if now - sent.get(model.Destroy, (None, now))[1] > limit_s)
        found, self._late = late - self._late, self._late | late
        return sorted(found)

    def try_again(self, keys):
        # type: (list) -> None
        """These of `late_ends` could not be ended either: it tells them once more."""
        self._late -= set(keys)


def _answers(fact, command):
    # type: (Any, Any) -> bool
    """Is that the end of the request `command` to the same guest?"""
    if isinstance(fact, model.Off):
        return True
    if isinstance(command, model.Ask):
        return isinstance(fact, (model.Asked, model.AskFailed)) and fact.method is not None
    if isinstance(command, (model.Resume, model.Wake, model.AbortJob)):
        return isinstance(fact, (model.AskFailed, model.StateChanged)) and getattr(fact, 'method', None) in (None, 'abort')
    # Not of a Destroy that failed: the next way may carry it out, or a signal past libvirtd.
    return isinstance(command, model.Save) and isinstance(fact, model.SaveFailed)
