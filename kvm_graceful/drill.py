"""drill: really shuts guests down, one after the other, measures, starts each again, and says what was learnt.

Each step runs in a child process: a shutdown and a start want to fork before libvirt is imported, and this one has both.
"""
from __future__ import absolute_import, division, print_function

import errno
import json
import os
import signal

from kvm_graceful import history, host, names, preparation, restore, shutdown, startlist
from kvm_graceful.clock import Clock
from kvm_graceful.compat import Any, as_bytes, as_native, from_json  # noqa: F401 (Any: type comments)
from kvm_graceful.errors import BadList, ConfigurationError, KvmGracefulError, UsageError
from kvm_graceful.inbox import Inbox
from kvm_graceful.model import PAUSED, RUNNING
from kvm_graceful.preparation import Options  # noqa: F401 (type comments)

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def drill(options, agreed):
    # type: (Options, Any) -> dict
    """`agreed(guests)`: asked once, with what `_look` gives, before anything is touched; False ends it. Raises UsageError for
    guests that cannot come back or are not to be shut down."""
    if options.settings.errors():
        raise ConfigurationError(options.settings.errors())
    looked = _in_child(lambda: _look(options))
    done = []  # type: list
    data = {'schema': 1, 'verb': 'drill', 'exit': 0, 'acted': False, 'guests': done}  # type: dict
    if not agreed(looked):
        return data
    data['acted'] = True
    for guest in looked:
        done.append(_one(options._replace(guests=[guest['name']]), guest))
        data['exit'] = done[-1]['exit']
        if data['exit'] > 128:
            break  # interrupted: nobody else is touched
    data['exit'] = max([one['exit'] for one in done] or [0])
    return data


def agreed(question, yes):
    # type: (str, bool) -> bool
    """Whether whoever sits at the terminal wants that. Raises UsageError where nobody does and `yes` was not said."""
    os.write(2, as_bytes(question) + b'\n')
    if yes:
        return True
    if not (os.isatty(0) and os.isatty(2)):
        raise UsageError('nobody can be asked here whether that is wanted; say so with --yes')
    os.write(2, b'Go on? [y/N] ')
    return os.read(0, 100).strip().lower() in (b'y', b'yes')


def _one(options, guest):
    # type: (Options, dict) -> dict
    """One guest, off and on again: `guest` with `run` (how it went off), `start` (how it came back, None if it did not go off),
    `estimate` (before) and `learnt` (after), and an exit code."""
    options.settings.force_nobody([guest['name']])
    run = _in_child(lambda: shutdown.drill(options))
    result = run['guests'][0]
    start, code = None, max(run['exit'], 4 if result['outcome'] == 'left' else 0)
    if result['off'] is not None:
        entry = startlist.Entry(guest['uuid'], guest['name'], guest['uri'], (), guest['paused'], True,
                                result['outcome'] == 'saved' and result['asked'] is not None, result['outcome'])
        start = _in_child(lambda: restore.by_hand('drill', options, startlist.merged([entry], _waiting(options)), True))
        code = max(code, start['exit'])
    measured = preparation.history_in(options.state_dir, Clock())[0].times.get(guest['uuid'], [])
    return dict(guest, run=result, deadline=run['deadline'], start=start and start['guests'][0], exit=code,
                learnt=history.estimate(measured) if result['outcome'] == 'off' else None)


def _waiting(options):
    # type: (Options) -> list
    """Who else is to be started again by hand; a drill leaves them on that list."""
    try:
        return restore.waiting(options)
    except BadList:
        return []


def _look(options):
    # type: (Options) -> list
    """What is known of each guest that is meant, before it is touched. Raises UsageError, HypervisorError."""
    clock = Clock()
    measured_before = preparation.history_in(options.state_dir, clock)
    hypervisors = preparation.connect(options, clock, Inbox(clock))
    prepared = preparation.prepare('drill', options._replace(guests=[]), hypervisors, host.detect().limit_s, *measured_before)
    plan, found = prepared.plan, []
    on = dict((guest.name, guest) for guest in list(plan.guests.values()) + plan.left)
    for name in options.guests:
        if name not in hypervisors.names:
            raise UsageError('%s: no such guest%s' % (names.shown(name), names.nearest(name, hypervisors.names)))
        guest = on.get(name)
        if guest is None or guest.state not in (RUNNING, PAUSED):
            raise UsageError('%s is not running: there is nothing to drill' % names.shown(name))
        policy = preparation.policy_of(options.settings, guest)
        if guest.persistent is False:
            raise UsageError('%s is transient: libvirt would forget it, and it could not be started again' % names.shown(name))
        if policy.on_shutdown in ('ignore', 'destroy'):
            raise UsageError('%s is not asked to shut down (on-shutdown = %s): there is nothing to learn'
                             % (names.shown(name), policy.on_shutdown))
        measured = prepared.history.times.get(guest.uuid)
        found.append({'name': name, 'uuid': guest.uuid, 'uri': guest.uri, 'paused': guest.state == PAUSED, 'agent': guest.agent,
                      'needed_by': sorted(plan.guests[key].name for key in plan.before[guest.key]),
                      'estimate': history.estimate(measured or []), 'deadline': prepared.deadline_s})
    return found


def _in_child(call):
    # type: (Any) -> Any
    """What `call()` gives, as JSON has it, from a process of its own. Signals to this one are handed on: the child knows what
    they mean. Raises KvmGracefulError with the text of the child's."""
    out, into = os.pipe()
    child = os.fork()
    if not child:
        os.close(out)
        _serve(call, into)
    os.close(into)
    before = [signal.signal(number, lambda number, _frame: os.kill(child, number)) for number in SIGNALS]
    data = b''
    try:
        while True:
            try:
                got = os.read(out, 65536)
            except OSError as error:
                if error.errno != errno.EINTR:
                    raise
                continue
            if not got:
                break
            data += got
        os.close(out)
        _wait(child)
    finally:
        for number, handler in zip(SIGNALS, before):
            signal.signal(number, handler)
    if not data:
        raise KvmGracefulError('the drill was ended in the middle; see: kvm-graceful status')
    answer = from_json(data.decode('utf-8'))
    if 'failed' in answer:
        failure = KvmGracefulError(as_native(answer['failed']))
        failure.exit_code = answer['exit_code']
        raise failure
    return answer['result']


def _serve(call, into):
    # type: (Any, int) -> None
    """In the child; never returns, whatever thread hangs."""
    try:
        try:
            answer = {'result': call()}
        except KvmGracefulError as error:
            answer = {'failed': str(error), 'exit_code': error.exit_code}
        data = as_bytes(json.dumps(answer))
        while data:
            data = data[os.write(into, data):]
    except Exception:
        import traceback
        traceback.print_exc()
    finally:
        os._exit(0)


def _wait(child):
    # type: (int) -> None
    while True:
        try:
            os.waitpid(child, 0)
            return
        except OSError as error:
            if error.errno != errno.EINTR:
                return
