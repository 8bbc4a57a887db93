"""Plain data that all rooms share: guests, policies, facts, commands, events. Nobody below this room."""
from __future__ import absolute_import, division, print_function

from collections import namedtuple

# What libvirt says of a domain, in our words. `unknown` is never taken for `off`.
RUNNING, PAUSED, GOING_OFF, OFF, CRASHED, SUSPENDED, UNKNOWN = (
    'running', 'paused', 'going off', 'off', 'crashed', 'pmsuspended', 'unknown')
MIGRATING = 'migrating'  # running, and on its way to another host: libvirt takes no request meanwhile

# How a guest ended in a run.
OUTCOMES = ('off', 'saved', 'destroyed', 'crashed', 'left', 'unknown')

DEFAULT_ESTIMATE_S = 60.0
DESTROY_S = 15.0         # what a forced end costs: libvirt gives QEMU this long after SIGTERM
FLOOR_S = 10.0           # no estimate shrinks below this
SAVE_MIB_S = 100.0       # MiB of a guest's memory that are saved in a second, until it was measured
SAVE_EXTRA_S = 2.0       # what a save takes beyond that
AGENT_S = 30.0           # what a guest gets that was asked through its agent, before the next method
DEFAULT_DEADLINE_S = 300

# Why a guest is paused, in our words. The first group is resumed once, for it would never hear the request; the second
# never: two hosts could write one disk, or somebody else is at work on it.
RESUMED_ONCE = ('user', 'I/O error', 'watchdog', 'unknown')
NEVER_RESUMED = ('migration', 'incoming migration', 'postcopy', 'starting', 'snapshot', 'save', 'dump', 'shutting down',
                 'crashed')

# A domain. `key` is unique over all hypervisors of the run; `persistent` is None where libvirt cannot tell. `reason`: why it
# is paused. `agent`: none, connected or disconnected. `restarts`: its on_poweroff is restart. `up_s`: seconds since it was
# started, None where unknown. `keys`: (key, text) of our settings in its metadata. `unsavable`: why its memory cannot be
# saved, or an empty text.
Guest = namedtuple('Guest', 'key name uuid uri state persistent reason memory_mib agent restarts up_s keys unsavable')
Guest.__new__.__defaults__ = ('', 0, 'none', False, None, (), '')

# What the administrator wants for one guest. `needs`: patterns of names, or tag:NAME; `method`: (name, seconds until the next
# one or None); spans in seconds, or None for unset; `shed_s`: on battery it goes off after that time.
Policy = namedtuple('Policy', 'needs grace_s press_again_s on_timeout on_shutdown method tags shed_s')

DEFAULT_POLICY = Policy(needs=(), grace_s=None, press_again_s=None, on_timeout='destroy', on_shutdown='shutdown',
                        method=(('agent', AGENT_S), ('acpi', None)), tags=(), shed_s=None)


class Problem(namedtuple('Problem', 'level where line text')):
    """Something wrong with what the administrator wrote. `level`: 'error' or 'warning'; `line` is None for a whole file."""

    __slots__ = ()

    def __str__(self):
        # type: () -> str
        place = self.where if self.line is None else '%s:%d' % (self.where, self.line)
        return '%s%s' % (place + ': ' if place else '', self.text)


# Facts: what the world tells the engine. `at` is a monotonic instant.
Off = namedtuple('Off', 'key how at')                  # how: shutdown, destroyed, crashed, saved, migrated, gone
Asked = namedtuple('Asked', 'key at method')           # the hypervisor (acpi) or the guest (agent) took the request
AskFailed = namedtuple('AskFailed', 'key why method')  # method None: resuming or waking failed
StateChanged = namedtuple('StateChanged', 'key state reason')
Rebooted = namedtuple('Rebooted', 'key')               # shut down, and started again by itself
Appeared = namedtuple('Appeared', 'guest')             # started during the run
ForceFailed = namedtuple('ForceFailed', 'key why')
SaveFailed = namedtuple('SaveFailed', 'key why')       # the guest goes on where it was
StateUnknown = namedtuple('StateUnknown', 'key why')   # the hypervisor no longer answers for this guest
StateKnown = namedtuple('StateKnown', 'key')           # and answers again: it is on
DeadlineMoved = namedtuple('DeadlineMoved', 'at why')
Noticed = namedtuple('Noticed', 'why')                 # something that the report has to tell
# The battery as it was seen; None for what it does not tell.
PowerSeen = namedtuple('PowerSeen', 'text supply runtime_s charge')
Hurry = namedtuple('Hurry', 'why')                     # the remaining time halves; a second one ends it
StopAsking = namedtuple('StopAsking', 'signal')        # a manual stop was interrupted: ask no more, force nobody

# Commands: what the engine wants done. Sending one never blocks.
Ask = namedtuple('Ask', 'key method')
Resume = namedtuple('Resume', 'key')
Wake = namedtuple('Wake', 'key')
Destroy = namedtuple('Destroy', 'key')
Save = namedtuple('Save', 'key')                       # memory to disk, as a managed save
AbortJob = namedtuple('AbortJob', 'key')               # an outgoing migration: the guest goes on here

# One thing that happened in a run, for record and console. `what`: asked, pressed again, ask failed, forced, force failed,
# saving, save failed, rebooted, waits, aborted, state, joined, unknown state, known state, order, deadline, notice, power,
# interrupted, or the outcome of a guest that ended. `text`: for people, without the guest's name; `more`: what the record has
# besides.
Event = namedtuple('Event', 'at what key text more')
Event.__new__.__defaults__ = (None,)

# How one guest fared: instants in seconds from the start of the run, None for what did not happen. `saving`: when its save
# began.
GuestResult = namedtuple('GuestResult', 'guest asked presses forced off outcome why saving')
GuestResult.__new__.__defaults__ = (None,)
