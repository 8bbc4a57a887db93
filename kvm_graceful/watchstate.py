"""What the watcher has to know again after it was restarted: since when the host is on battery, and which guests it shut down."""
from __future__ import absolute_import, division, print_function

import json
import os

from kvm_graceful import places, startfiles
from kvm_graceful.compat import TEXTS, Any, as_bytes, as_native  # noqa: F401 (Any: type comments)
from kvm_graceful.errors import BadList

# On a file system in memory: the disk may be dead, and must not hold the watcher up. Gone with the boot, like what it is about;
# the instants in it are of the monotonic clock.
NAME = 'watch.json'
FORGOTTEN_S = 300.0  # without a watcher


class State(object):
    """`since`: when the host went on battery, None on mains; `mains_since`: when it came off it; `shed`: names of guests that are
    to be started again."""

    def __init__(self, root, now):
        # type: (str, float) -> None
        self._path = os.path.join(places.folder_in_memory(root), NAME)
        self.since, self.mains_since = None, None  # type: float | None, float | None
        self.shed = []  # type: list
        try:
            with open(self._path, 'rb') as stream:
                data = json.loads(stream.read(1 << 20).decode('utf-8'))
            self.since, self.mains_since = [None if data[field] is None else float(data[field])
                                            for field in ('since', 'mains_since')]
            if now - float(data['seen']) > FORGOTTEN_S:
                self.since = None  # nobody knows what was meanwhile
            self.shed = [as_native(name) for name in data['shed'] if isinstance(name, TEXTS)]
        except (IOError, OSError, ValueError, KeyError, TypeError):
            pass  # none yet, or none that can be used

    def recall(self, state_dir, clock, say):
        # type: (str, Any, Any) -> None
        """Guests that were shed before the host was last booted, and did not come back: their list is on disk."""
        try:
            shed = [entry.name for entry in startfiles.shed(state_dir, clock)]
        except BadList as error:
            say('warning: %s' % error)
            return
        self.shed = sorted(set(self.shed) | set(shed))

    def went_on_battery(self, now):
        # type: (float) -> None
        self.since, self.mains_since = now, None
        self.write(now)

    def went_off_battery(self, now):
        # type: (float) -> None
        self.since, self.mains_since = None, now
        self.write(now)

    def write(self, now):
        # type: (float) -> None
        try:
            if not os.path.isdir(os.path.dirname(self._path)):
                os.makedirs(os.path.dirname(self._path), 0o755)
            with open(self._path + '.new', 'wb') as stream:
                stream.write(as_bytes(json.dumps({'seen': now, 'since': self.since, 'mains_since': self.mains_since,
                                                  'shed': self.shed})))
            os.rename(self._path + '.new', self._path)
        except (IOError, OSError):
            pass  # it is then known only until the watcher is restarted
