"""The end of a guest's time: saved, switched off or left. The engine knows when, this room knows how. Pure."""
from __future__ import absolute_import, division, print_function

from kvm_graceful import criticalpath, guestrun, saving
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.guestrun import ASKED, DONE, FORCED, READY, WAITING
from kvm_graceful.model import DESTROY_S, Destroy, Save


def force(engine, key, now):
    # type: (Any, Any, float) -> None
    """The guest's time is over."""
    run = engine.runs[key]
    incoming = run.reason == 'incoming migration'
    if incoming or run.policy.on_timeout == 'leave':
        run.on_purpose = True
        engine.end(key, ('left', 'left to the host from which it is coming here' if incoming
                         else 'its time is over; left on as on-timeout = leave says'), now)
    elif criticalpath.saved_in_the_end(engine.plan, key) and not run.queued:
        save(engine, key, now)
    else:
        run.forced_at = now
        engine.tell(now, 'forced', key, 'its time is over; switched off'
                    + ('' if run.asked_at is None else ' after %.1f s' % (now - run.asked_at)))
        switch_off(engine, key, now)


def first_ask_by(engine):
    # type: (Any) -> float | None
    """The latest instant at which the first guest that no request has reached must be asked; None where all were reached."""
    waiting = [engine.times[engine.plan.group[key]].ask_at[key] for key, run in engine.runs.items()
               if run.phase in (WAITING, READY, ASKED) and run.asked_at is None]
    return min(waiting) if waiting else None


def switch_off(engine, key, now):
    # type: (Any, Any, float) -> None
    """SIGTERM to its QEMU, and a forced end's time for it to take effect."""
    run = engine.runs[key]
    if run.queued:
        engine.saves.leave(key)  # its turn comes no more
    run.queued = run.saving = False
    run.phase, run.off_by = FORCED, now + DESTROY_S
    engine.send(Destroy(key))
    engine.schedule(key, now)


def is_over(engine, key, now):
    # type: (Any, Any, float) -> None
    """A forced end has had its time. A save may go on until the deadline; but those that wait for the guest wait no longer."""
    run = engine.runs[key]
    if not run.saving:
        engine.end(key, guestrun.cut_off(run, None), now)
    elif now < engine.deadline_at:
        engine.release(key, now)
    else:
        engine.tell(now, 'force failed', key, 'not saved by the deadline: switched off')
        engine.release(key, now)
        switch_off(engine, key, now)


def save(engine, key, now):
    # type: (Any, Any, float) -> None
    """A save, when the disk is free for it. The guest may go off by itself until then."""
    run, reserved = engine.runs[key], engine.plan.saves[key]
    run.queued = not engine.saves.enter(key, reserved.disk)
    if run.queued:
        return
    del engine.plan.saves[key]  # no longer to be reserved, which may leave the others more time
    engine.stale.add(engine.plan.group[key])
    run.saving, run.save_at, run.sent_at = True, now, now
    if run.policy.on_shutdown != 'save':
        run.phase, run.forced_at, run.off_by = FORCED, now, now + reserved.seconds
    engine.tell(now, 'saving', key, 'being saved' if run.phase == ASKED else 'its time is over; being saved')
    engine.send(Save(key))
    engine.schedule(key, now)


def queued_until(engine, key):
    # type: (Any, Any) -> float
    """How long the disk may come free for a guest's save: a forced end still fits in then before the deadline, or before those
    that wait for the guest have to be asked."""
    if all(engine.runs[follower].phase == DONE for follower in engine.plan.after[key]):
        at = engine.deadline_at
    else:
        at = engine.times[engine.plan.group[key]].force_at[key] + criticalpath.fallback_s(engine.plan, key)
    return float(at - DESTROY_S)


def next_save(engine, key, now):
    # type: (Any, Any, float) -> None
    """This guest needs the disk no more: the next one is saved."""
    turn = engine.saves.leave(key)
    if turn is not None and engine.interrupted is None:
        save(engine, turn, now)


def give_up_save(engine, key, why, now):
    # type: (Any, Any, str, float) -> None
    """It cannot be saved after all: it may go on shutting down, or is asked to, in the time that is left."""
    run = engine.runs[key]
    engine.tell(now, 'save failed', key, 'not saved: %s' % why)
    run.queued = run.saving = False
    next_save(engine, key, now)
    was = run.policy
    run.policy = engine.plan.policies[key] = saving.without_save(was)
    engine.plan.saves.pop(key, None)
    run.phase, run.allotted_at, run.forced_at = ASKED, now, None
    engine.replan(engine.plan.group[key], now)
    if was.on_shutdown == 'save':
        engine.ask(key, now)
    engine.schedule(key, now)
