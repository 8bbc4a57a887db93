"""A child process that alone touches the state directory: a dead disk can hang it, and never the shutdown."""
from __future__ import absolute_import, division, print_function

import errno
import fcntl
import json
import os
import re
import select
import signal
import stat

from kvm_graceful.compat import Any, as_bytes, from_json  # noqa: F401 (Any: type comments)

KEPT_RUNS = 100
RUN_NAME = re.compile(r'^run-([0-9]{1,9})\.jsonl$')
_OPEN = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, 'O_NOFOLLOW', 0)


def run_numbers(state_dir):
    # type: (str) -> list
    """Numbers of the runs that are recorded, oldest first."""
    found = (RUN_NAME.match(name) for name in os.listdir(state_dir))
    return sorted(int(match.group(1)) for match in found if match)


def replace(state_dir, name, text):
    # type: (str, str, str) -> None
    """Puts a file of the state directory in the place of the old one, in this very process. Raises OSError."""
    _make_dir(state_dir)
    put(state_dir, name, text, 0o600)


class DiskWriter(object):
    """Feeds the child. Fork it before any thread is started and before libvirt is imported: it then stays small and safe."""

    def __init__(self, state_dir, number=None):
        # type: (str, int | None) -> None
        """`number`: the run whose record is written on; None for a new one. Where no child can be had, nothing is written."""
        self._pending, self._missing = b'', ''
        opened = []  # type: list
        try:
            for _ in range(2):
                opened += os.pipe()
            self._pid = os.fork()
        except OSError as error:  # no descriptor, no process or no memory is left for it
            self._missing = 'nothing is recorded: no process for it (%s)' % error.strerror
            for end in opened:
                os.close(end)
            return
        commands, self._to_child, self._from_child, answers = opened
        if not self._pid:
            os.close(self._to_child)
            os.close(self._from_child)
            _child(state_dir, number, commands, answers)
        os.close(commands)
        os.close(answers)
        for end in (self._to_child, self._from_child):
            fcntl.fcntl(end, fcntl.F_SETFL, fcntl.fcntl(end, fcntl.F_GETFL) | os.O_NONBLOCK)
            fcntl.fcntl(end, fcntl.F_SETFD, fcntl.FD_CLOEXEC)

    def append(self, line):
        # type: (dict) -> None
        """Adds a line to the record of this run. Never blocks; what the child does not take yet is kept."""
        self._send({'append': json.dumps(line, sort_keys=True)})

    def replace(self, name, text, folder=None, instead_of=None):
        # type: (str, str, str | None, str | None) -> None
        """Puts a file of the state directory in the place of the old one, whole or not at all. `folder`: another directory, that
        must be there, and the file is then for everybody to read. `instead_of`: a file that goes once this one is there."""
        self._send({'replace': name, 'text': text, 'folder': folder, 'instead of': instead_of})

    def set_aside(self, name):
        # type: (str) -> None
        """Keeps a file that cannot be read under another name, for whoever wants to know what happened to it."""
        self._send({'aside': name})

    def _send(self, message):
        # type: (dict) -> None
        if not self._missing:
            self._pending += as_bytes(json.dumps(message)) + b'\n'
            self._flush()

    def _flush(self):
        # type: () -> None
        try:
            while self._pending:
                self._pending = self._pending[os.write(self._to_child, self._pending[:65536]):]
        except OSError as error:
            if error.errno == errno.EPIPE:
                self._pending = b''  # the child is gone; `close` will find no answer
            elif error.errno not in (errno.EAGAIN, errno.EINTR):
                raise

    def close(self, limit_s, clock):
        # type: (float, Any) -> tuple
        """(number of the run or None, [what went wrong]) once all is on disk, or after `limit_s` seconds."""
        if self._missing:
            return None, [self._missing]
        until = clock.now() + limit_s
        answers, closed = b'', False
        while True:
            self._flush()
            if not self._pending and not closed:
                os.close(self._to_child)
                closed = True
            remaining_s = until - clock.now()
            if remaining_s <= 0:
                return _number(answers), _problems(answers) + ['the disk did not take the record in %.0f s' % limit_s]
            try:
                ready = select.select([self._from_child], [] if closed else [self._to_child], [], remaining_s)
                got = os.read(self._from_child, 65536) if ready[0] else None
            except (OSError, select.error) as error:
                if error.args[0] not in (errno.EINTR, errno.EAGAIN):
                    raise
                continue
            if got == b'':  # the child has ended
                os.waitpid(self._pid, 0)
                return _number(answers), _problems(answers)
            answers += got or b''


def _answers(data):
    # type: (bytes) -> list
    return [from_json(line.decode('utf-8')) for line in data.split(b'\n')[:-1]]


def _number(data):
    # type: (bytes) -> int | None
    return ([answer['run'] for answer in _answers(data) if 'run' in answer] or [None])[0]


def _problems(data):
    # type: (bytes) -> list
    return [str(answer['problem']) for answer in _answers(data) if 'problem' in answer]


# -- in the child

def _child(state_dir, run_number, commands, answers):
    # type: (str, int | None, int, int) -> None
    """Serves until its pipe is closed, and never returns. Signals are for the parent."""
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        disk = _Disk(state_dir, run_number, lambda **answer: os.write(answers, as_bytes(json.dumps(answer)) + b'\n'))
        rest = b''
        while True:
            try:
                got = os.read(commands, 1 << 20)
            except OSError as error:
                if error.errno == errno.EINTR:
                    continue
                raise
            if not got:
                break
            lines = (rest + got).split(b'\n')
            rest = lines.pop()
            disk.carry_out([from_json(line.decode('utf-8')) for line in lines])
    finally:
        os._exit(0)


def _write(descriptor, data):
    # type: (int, bytes) -> None
    while data:  # a disk that fills up takes a part and says so only at the next call
        data = data[os.write(descriptor, data):]


class _Disk(object):
    """The state directory. Each kind of failure is told once and then lived with: the shutdown does not depend on it."""

    def __init__(self, state_dir, number, tell):
        # type: (str, int | None, Any) -> None
        self._dir, self._number, self._tell = state_dir, number or 0, tell  # 0: a new record
        self._record = None  # type: int | None
        self._told = set()  # type: set

    def carry_out(self, messages):
        # type: (list) -> None
        lines = [message['append'] for message in messages if 'append' in message]
        if lines:
            self._try('the record of this run', self._append, lines)
        for message in messages:
            if 'aside' in message:
                path = os.path.join(self._dir, message['aside'])
                self._try(message['aside'], os.rename, path, path + '.damaged')
            if 'replace' in message:
                folder = message['folder']
                work = put if folder else replace
                there = self._try(message['replace'], work, folder or self._dir, message['replace'], message['text'],
                                  *((0o644,) if folder else ()))
                if there and message['instead of']:
                    self._try(message['instead of'], remove, os.path.join(self._dir, message['instead of']))

    def _try(self, what, work, *arguments):
        # type: (str, Any, *Any) -> bool
        """True where it worked."""
        try:
            work(*arguments)
            return True
        except (IOError, OSError) as error:
            if what not in self._told:
                self._told.add(what)
                where = arguments[0] if work is put else self._dir
                self._tell(problem='%s cannot be written in %s: %s' % (what, where, error.strerror))
            return False

    def _append(self, lines):
        # type: (list) -> None
        if self._record is None:
            self._record = self._old_record() if self._number else self._new_record()
        _write(self._record, as_bytes('\n'.join(lines) + '\n'))
        os.fsync(self._record)

    def _old_record(self):
        # type: () -> int
        """That of a run whose process was killed; its last line may be torn."""
        path = os.path.join(self._dir, 'run-%d.jsonl' % self._number)
        record = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | getattr(os, 'O_NOFOLLOW', 0))
        if not stat.S_ISREG(os.fstat(record).st_mode):
            os.close(record)
            return self._new_record()
        _write(record, b'\n')
        self._tell(run=self._number)
        return record

    def _new_record(self):
        # type: () -> int
        _make_dir(self._dir)
        numbers = run_numbers(self._dir)
        number = numbers[-1] + 1 if numbers else 1
        while True:
            try:
                record = os.open(os.path.join(self._dir, 'run-%d.jsonl' % number), _OPEN, 0o600)
                break
            except OSError as error:
                if error.errno != errno.EEXIST:
                    raise
                number += 1  # another run was quicker
        _sync(self._dir)
        self._tell(run=number)
        for old in numbers[:-KEPT_RUNS + 1]:
            os.unlink(os.path.join(self._dir, 'run-%d.jsonl' % old))
        return record


def remove(path):
    # type: (str) -> None
    """Does nothing where there is no such file. Raises OSError."""
    if os.path.exists(path):
        os.unlink(path)


def _make_dir(path):
    # type: (str) -> None
    if not os.path.isdir(path):
        os.makedirs(path, 0o700)


def put(folder, name, text, mode):
    # type: (str, str, str, int) -> None
    """Puts a file in the place of the old one, whole or not at all. Raises OSError."""
    path = os.path.join(folder, name)
    draft = '%s.%d.new' % (path, os.getpid())
    descriptor = os.open(draft, _OPEN, mode)
    try:
        os.fchmod(descriptor, mode)  # whatever the umask is
        _write(descriptor, as_bytes(text))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(draft, path)
    _sync(folder)


def _sync(folder):
    # type: (str) -> None
    """Makes a new name last: without it a crash may lose the file though its bytes are on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
