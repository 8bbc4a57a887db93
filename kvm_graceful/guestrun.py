"""One guest in a run: how far it is, what it is to be sent next, and what became of it. The engine's own data; pure."""
from __future__ import absolute_import, division, print_function

from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.model import (
    CRASHED,
    GOING_OFF,
    MIGRATING,
    NEVER_RESUMED,
    PAUSED,
    SUSPENDED,
    Ask,
    Destroy,
    GuestResult,
    Resume,
    Save,
    Wake,
)

# Phases. WAITING: somebody who needs it is on; READY: to be asked as soon as the parallel limit lets it.
WAITING, READY, ASKED, FORCED, DONE = 'waiting', 'ready', 'asked', 'forced', 'done'

RETRY_S = 5.0        # after a request that was refused or not answered
YOUNG_S = 60.0       # a guest that was started less than this ago may still be booting, and lose each press until it is up
YOUNG_AGAIN_S = 15.0

_ENDED = {'shutdown': ('off', 'off by itself'), 'gone': ('off', 'gone; how it ended is not known'),
          'destroyed': ('destroyed', 'switched off'), 'crashed': ('crashed', 'crashed'),
          'saved': ('saved', 'saved'), 'migrated': ('left', 'migrated to another host')}


class GuestRun(object):
    """State of one guest. `turn_at`: when its turn came; `allotted_s`: what the plan gave it then, counted from `allotted_at`;
    `sent_at`: when a request last went out, taken or not; `asked_at`: when the first was taken; `holding`: how many guests
    must be off before it is asked; `step`: which of its methods is tried; `asking`: the last command asked by it; `taken`:
    that one was taken; `off_by`: when a forced end has had its time; `queued`: its save waits for the disk; `saving`: its
    save is under way, since `save_at`; `released`: nobody waits for it any more; `aborted`: its migration was."""

    __slots__ = ('guest', 'policy', 'phase', 'holding', 'allotted_s', 'turn_at', 'allotted_at', 'sent_at', 'asked_at', 'presses',
                 'forced_at', 'off_by', 'off_at', 'outcome', 'why', 'unknown', 'on_purpose', 'state', 'reason', 'resumed',
                 'methods', 'step', 'asking', 'taken', 'rebooted', 'told', 'young', 'queued', 'saving', 'save_at', 'released',
                 'aborted')

    def __init__(self, guest, policy, holding):
        # type: (Any, Any, int) -> None
        self.guest, self.policy, self.holding = guest, policy, holding
        self.phase = WAITING
        self.allotted_s = 0.0
        self.turn_at = self.allotted_at = self.sent_at = self.asked_at = None  # type: float | None
        self.forced_at = self.off_by = self.off_at = self.save_at = None  # type: float | None
        self.presses = self.step = 0
        self.outcome = self.why = self.told = None  # type: str | None
        self.unknown = self.resumed = self.asking = self.taken = self.rebooted = False
        self.queued = self.saving = self.released = self.aborted = False
        self.on_purpose = policy.on_shutdown == 'destroy'
        self.young = guest.up_s is not None and guest.up_s < YOUNG_S
        self.state, self.reason = guest.state, guest.reason
        # An agent whose channel nobody has opened cannot answer: it is passed over at once.
        self.methods = [method for method in policy.method
                        if method[0] != 'agent' or guest.agent == 'connected'] or [('acpi', None)]

    def method(self):
        # type: () -> str
        return self.methods[self.step][0]


def next_command(run):
    # type: (GuestRun) -> Any
    """What brings the guest nearer to being off: a command, or the text that says why nothing may be sent now."""
    key = run.guest.key
    if run.state == CRASHED or run.policy.on_shutdown == 'destroy':
        return Destroy(key)
    if run.state == GOING_OFF:
        return 'is shutting down already'
    if run.state == MIGRATING:
        return 'is being migrated to another host: asked when it stays here after all'
    if run.state == SUSPENDED:
        run.young = True  # what has just been woken may lose the press too
        return Wake(key)
    if run.state == PAUSED and run.reason in NEVER_RESUMED:
        return 'paused (%s): not resumed, and asked when it runs again' % run.reason
    if run.policy.on_shutdown == 'save':
        return Save(key)
    if run.state == PAUSED:
        if run.resumed:
            return 'paused again (%s): not resumed a second time' % run.reason
        run.resumed = True
        return Resume(key)
    return Ask(key, run.method())


def again_at(run):
    # type: (GuestRun) -> float | None
    """The instant at which the next request is due; None for never."""
    if run.queued or run.saving:
        return None
    if not run.taken:
        return (run.sent_at or 0.0) + RETRY_S
    method, limit_s = run.methods[run.step]
    if run.step + 1 < len(run.methods):
        return None if limit_s is None else run.sent_at + limit_s
    first_s = min([run.policy.press_again_s or YOUNG_AGAIN_S, YOUNG_AGAIN_S]) if run.young else run.policy.press_again_s
    if first_s is None or method == 'agent':
        return None
    # Each wait is twice the last: a guest at work on its shutdown is not pressed all the time.
    return run.sent_at + first_s * 2 ** (run.presses - 1)


def may_abort(run):
    # type: (GuestRun) -> bool
    """Is it held by an outgoing migration that was not aborted yet? After the switch to postcopy nothing can be."""
    return (run.state == MIGRATING or (run.state == PAUSED and run.reason == 'migration')) and not run.aborted


def step_on(run):
    # type: (GuestRun) -> None
    """Goes on to the next method, where there is one: this one was refused, not answered, or has had its time."""
    if run.step + 1 < len(run.methods):
        run.step += 1
        run.taken = False


def ended(how, run):
    # type: (str, GuestRun) -> tuple
    """(outcome, text for people) of a guest that the hypervisor reports off in the way `how` (model.Off)."""
    if run.state == CRASHED and how in ('gone', 'destroyed'):
        return 'crashed', 'had crashed; switched off'
    if run.off_by is not None and how in ('gone', 'destroyed') and not run.rebooted:
        return 'destroyed', 'switched off' + (', as on-shutdown = destroy says' if run.on_purpose else '')
    if run.rebooted and how in ('gone', 'destroyed'):
        return 'off', 'off by itself, and switched off as it started again'
    outcome, text = _ENDED[how]
    if how == 'destroyed' or (how == 'saved' and not run.saving):
        text += ' by somebody else'
    elif how == 'saved' and run.asked_at is not None:
        text += ' in the middle of its shutdown'
    return outcome, text


def cut_off(run, interrupted):
    # type: (GuestRun, int | None) -> tuple
    """(outcome, text for people) of a guest that is not off when nothing more will be done for it."""
    if run.unknown:
        return 'unknown', 'the hypervisor no longer answers'
    if run.off_by is not None:
        return 'left', 'still on after it was forced'
    return 'left', 'still on when the run was interrupted' if interrupted is not None else 'still on at the deadline'


def left_s(run, needed, now):
    # type: (GuestRun, tuple, float) -> tuple
    """What is left of `needed`, (estimate, floor, fallback) in seconds. A guest that was asked keeps what it was allotted
    then: that it takes longer is never paid for by those that wait for it."""
    estimate, floor, fallback = needed
    if run.phase == FORCED:
        return 0.0, 0.0, max(0.0, (run.off_by or 0.0) - now)
    if run.phase == ASKED and not run.queued:
        since = run.save_at if run.saving else run.allotted_at if run.asked_at is None else run.asked_at
        spent = now - (since or 0.0)
        return max(0.0, run.allotted_s - spent), max(0.0, floor - spent), fallback
    return estimate, floor, fallback


def result(run, started_at):
    # type: (GuestRun, float) -> GuestResult
    """The GuestResult, its instants in seconds from the start of the run."""
    def since(at):
        # type: (float | None) -> float | None
        return None if at is None else round(at - started_at, 3)
    return GuestResult(run.guest, since(run.asked_at), run.presses, since(run.forced_at), since(run.off_at),
                       run.outcome, run.why, since(run.save_at))


def exit_code(runs):
    # type: (Any) -> int
    """0 fine, 3 somebody had to be forced, 4 somebody is still on or unknown. The highest wins."""
    code = 0
    for run in runs:
        if run.outcome == 'unknown' or (run.outcome == 'left' and not run.on_purpose):
            return 4
        if run.outcome in ('destroyed', 'crashed') and not run.on_purpose:
            code = 3
    return code
