"""What each fact does to a run. The engine hands its facts here; it knows when, this room knows what."""
from __future__ import absolute_import, division, print_function

from kvm_graceful import forcing
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.guestrun import ASKED, DONE, FORCED, ended, step_on
from kvm_graceful.model import (
    PAUSED,
    SUSPENDED,
    Appeared,
    Asked,
    AskFailed,
    DeadlineMoved,
    ForceFailed,
    Hurry,
    Noticed,
    Off,
    PowerSeen,
    Rebooted,
    SaveFailed,
    StateChanged,
    StateKnown,
    StateUnknown,
    StopAsking,
)


def take(engine, fact, now):
    # type: (Any, Any, float) -> None
    """Lets `fact` change the engine's runs. A fact about a guest that is none of ours changes nothing."""
    if not hasattr(fact, 'key'):
        _OF_THE_RUN[type(fact)](engine, fact, now)
    elif fact.key in engine.runs:
        _OF_A_GUEST[type(fact)](engine, engine.runs[fact.key], fact, now)


def _off(engine, run, fact, now):
    # type: (Any, Any, Off, float) -> None
    if run.off_at is not None:
        return
    if run.asking and run.asked_at is None and fact.how == 'shutdown':
        # It was so quick that the answer to our request comes after its end, or never: the end is the answer.
        _asked(engine, run, Asked(fact.key, run.sent_at, run.method()), now)
    outcome, text = ended(fact.how, run)
    run.on_purpose = run.on_purpose or fact.how == 'migrated'
    run.off_at = fact.at
    if run.asked_at is not None and outcome == 'off':
        text += ' after %.1f s' % (fact.at - run.asked_at)
    engine.end(fact.key, (outcome, text), now)


def _asked(engine, run, fact, now):
    # type: (Any, Any, Asked, float) -> None
    if run.off_at is not None:
        return
    run.presses += 1
    run.taken = run.taken or fact.method == run.method()
    if run.asked_at is None:
        run.asked_at = fact.at
    by = ' through its agent' if fact.method == 'agent' else ''
    engine.tell(now, 'asked' if run.presses == 1 else 'pressed again', fact.key,
                'asked to shut down' + by if run.presses == 1
                else 'asked again%s (%d times now)' % (by, run.presses))
    engine.schedule(fact.key, now)


# What a command tried, by the method of its AskFailed.
_TRIED = {None: 'resumed', 'abort': 'freed of its migration', 'acpi': 'asked', 'agent': 'asked through its agent'}


def _ask_failed(engine, run, fact, now):
    # type: (Any, Any, AskFailed, float) -> None
    if run.phase != ASKED or run.saving:
        return
    if run.told != fact.why:
        run.told = fact.why
        engine.tell(now, 'ask failed', fact.key, 'could not be %s: %s' % (_TRIED[fact.method], fact.why))
    if fact.method == 'agent' == run.method() and len(run.methods) > 1:
        step_on(run)
        engine.ask(fact.key, now)
        engine.schedule(fact.key, now)


def _force_failed(engine, _run, fact, now):
    # type: (Any, Any, ForceFailed, float) -> None
    engine.tell(now, 'force failed', fact.key, 'could not be switched off: %s' % fact.why)


def _save_failed(engine, run, fact, now):
    # type: (Any, Any, SaveFailed, float) -> None
    if run.saving and run.phase != DONE:
        forcing.give_up_save(engine, fact.key, fact.why, now)


def _state_changed(engine, run, fact, now):
    # type: (Any, Any, StateChanged, float) -> None
    """A guest that was resumed, woken, or left alone while somebody else was at work on it is asked as soon as it runs; one
    that is paused after it was asked is let go on."""
    if (run.state, run.reason) == (fact.state, fact.reason) or run.phase == DONE:
        return
    run.state, run.reason = fact.state, fact.reason
    if run.saving:
        return  # paused by its save
    why = ' (%s)' % fact.reason if fact.reason else ''
    engine.tell(now, 'state', fact.key, 'now %s%s' % (fact.state, why))
    if run.phase == ASKED and (not run.taken or run.state in (PAUSED, SUSPENDED)):
        engine.ask(fact.key, now)
        engine.schedule(fact.key, now)


def _rebooted(engine, run, fact, now):
    # type: (Any, Any, Rebooted, float) -> None
    """It has shut down, and its on_poweroff, or its own will, starts it again: it ends before it has come up."""
    if run.phase in (ASKED, FORCED) and run.asked_at is not None:
        run.rebooted = True
        engine.tell(now, 'rebooted', fact.key, 'shut down, and starts again: switched off now')
        forcing.switch_off(engine, fact.key, now)


def _known(engine, run, fact, now):
    # type: (Any, Any, Any, float) -> None
    unknown = isinstance(fact, StateUnknown)
    if run.off_at is None and run.unknown != unknown:
        run.unknown = unknown
        engine.tell(now, 'unknown state' if unknown else 'known state', fact.key,
                    'state unknown: %s' % fact.why if unknown else 'answers again, still on')


def _appeared(engine, fact, now):
    # type: (Any, Appeared, float) -> None
    engine.join(fact.guest, now)


def _deadline_moved(engine, fact, now):
    # type: (Any, DeadlineMoved, float) -> None
    # Whoever hurried a shutdown gets no later deadline because the power came back.
    at = min(fact.at, engine.deadline_at) if engine.hurries else fact.at
    engine.move_deadline(at, now)
    engine.tell(now, 'deadline', None,
                'deadline now in %.0f s: %s' % (max(0, at - now), fact.why))


def _power_seen(engine, fact, now):
    # type: (Any, PowerSeen, float) -> None
    engine.tell(now, 'power', None, fact.text, {'supply': fact.supply, 'runtime': fact.runtime_s, 'charge': fact.charge})


def _noticed(engine, fact, now):
    # type: (Any, Noticed, float) -> None
    engine.tell(now, 'notice', None, fact.why)


def _hurry(engine, fact, now):
    # type: (Any, Hurry, float) -> None
    """The remaining time halves; a second time, it is over."""
    engine.hurries += 1
    remaining_s = max(0.0, engine.deadline_at - now) / 2 if engine.hurries == 1 else 0.0
    _deadline_moved(engine, DeadlineMoved(now + remaining_s, fact.why), now)


def _stop_asking(engine, fact, now):
    # type: (Any, StopAsking, float) -> None
    engine.interrupt(fact.signal)
    engine.tell(now, 'interrupted', None,
                'interrupted by signal %d: nobody else is asked, nobody is forced' % fact.signal)


_OF_A_GUEST = {Off: _off, Asked: _asked, AskFailed: _ask_failed, ForceFailed: _force_failed, SaveFailed: _save_failed,
               StateChanged: _state_changed, Rebooted: _rebooted, StateUnknown: _known, StateKnown: _known}  # type: dict
_OF_THE_RUN = {Appeared: _appeared, DeadlineMoved: _deadline_moved, PowerSeen: _power_seen, Hurry: _hurry,
               StopAsking: _stop_asking, Noticed: _noticed}  # type: dict
