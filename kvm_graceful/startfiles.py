"""The files that say which guests are to be started again, and how each is used once.

restore.json is the list of a host's shutdown, stopped.json that of a stop by hand, shed.json that of the watcher, which shuts
guests down to stretch the battery. A start moves its list to started.json, and notes there what became of each guest: whatever
happens to that start, no list is ever used twice.
"""
from __future__ import absolute_import, division, print_function

import os

from kvm_graceful import diskreader, soundness, startlist
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.errors import BadList
from kvm_graceful.places import RESTORE, SHED, STARTED, STOPPED  # noqa: F401 (STOPPED: for others)


def boot_id(root='/'):
    # type: (str) -> str
    """What tells this boot from every other; an empty text where the kernel does not say."""
    try:
        with open(os.path.join(root, 'proc/sys/kernel/random/boot_id')) as stream:
            return stream.read(100).strip()
    except (IOError, OSError):
        return ''


def load(state_dir, name, clock):
    # type: (str, str, Any) -> tuple
    """([Entry], data) of that list, in bounded time; ([], {}) where there is none. Raises BadList for one that cannot be used."""
    path = os.path.join(state_dir, name)
    data, wrong = diskreader.read(state_dir, name, clock)
    if wrong:
        raise BadList('%s cannot be read: %s' % (path, wrong))
    try:
        return ([], {}) if data is None else startlist.parse(data.decode('utf-8'))
    except (ValueError, RuntimeError) as error:  # RuntimeError: nested too deeply
        raise BadList('%s is not a list of guests to start (%s); move it away' % (path, error))


def pending(state_dir, clock, boot=None, unreached=False):
    # type: (str, Any, str | None, bool) -> list
    """Entries of the last start that it never came to, and, but for `unreached`, those that the host's configuration did not
    let it start. With `boot`: only the former, and only if that start was of this boot and was cut off, by the end of the host or
    its own."""
    entries, data = load(state_dir, STARTED, clock)
    if boot is not None and (data.get('boot') != boot or data.get('finished') is not None and not data.get('cut_off')):
        return []
    there = (None,) if unreached or boot is not None else (None, startlist.NOT_STARTED)
    return [entry for entry, guest in zip(entries, data.get('guests', ())) if guest.get('started_as') in there]


def shed(state_dir, clock):
    # type: (str, Any) -> list
    """Entries of the guests that the watcher shut down, and that nobody has started since: those on its list, and those that a
    start of that list did not come to. Raises BadList."""
    entries = load(state_dir, SHED, clock)[0]
    try:
        started, data = load(state_dir, STARTED, clock)
    except BadList:  # whoever asks for the last start itself says so
        return entries
    guests = data.get('guests', ()) if data.get('shed') is True else ()
    return startlist.merged(entries, [entry for entry, guest in zip(started, guests) if guest.get('started_as') is None])


def last_start(state_dir, clock):
    # type: (str, Any) -> dict | None
    """The record of the last start; None where there was none. Raises BadList."""
    data = load(state_dir, STARTED, clock)[1]
    if 'verb' not in data:  # a list that was moved there, and a start that was cut off before it wrote a word
        return None
    if not soundness.is_start(data):
        raise BadList('%s is not the record of a start; move it away' % os.path.join(state_dir, STARTED))
    return data


def take(state_dir, name):
    # type: (str, str) -> None
    """Moves the list aside for good, before the first guest of it is started. Raises BadList where the disk does not let it:
    nobody would know then that it is used up."""
    path = os.path.join(state_dir, name)
    try:
        os.rename(path, os.path.join(state_dir, STARTED))
        descriptor = os.open(state_dir, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise BadList('%s cannot be moved aside, and might be used twice: %s; nothing is started' % (path, error.strerror))
