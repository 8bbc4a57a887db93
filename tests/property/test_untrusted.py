"""Fuzz: whatever stands in a file, comes from a guest, an agent or a QEMU, no parser ends in a traceback or hangs.

Each example is a batch of BATCH inputs, so that much is tried in little time. KVM_GRACEFUL_FUZZ: examples for each test
(script/fuzz sets more); the sum of inputs is printed by script/fuzz.
"""

import json
import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kvm_graceful import defaults, guestsconf, history, model, record, runlock, soundness, takeup
from kvm_graceful.clock import Clock
from kvm_graceful.errors import NoRecord, QemuSilent
from kvm_graceful.hypervisor import domainxml, monitored, qemuprocess, qmp, statusfiles
from kvm_graceful.report import text
from kvm_graceful.settings import Settings

BATCH = 50
EXAMPLES = int(os.environ.get('KVM_GRACEFUL_FUZZ', '250'))  # eight tests of 250 batches of 50: 100,000 inputs
FUZZ = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))

GUEST = {'key': 'q#1', 'name': 'web', 'uuid': '1', 'uri': 'q', 'asked': 0.5, 'presses': 1, 'forced': None, 'off': 2.0,
         'outcome': 'off', 'why': 'off by itself', 'needs': ['db'], 'saving': None}
HEAD = {'schema': 1, 'what': 'run', 'verb': 'stop', 'started': '2026-01-01T00:00:00Z', 'deadline': 300.0, 'why': 'x',
        'problems': ['p'], 'guests': [GUEST], 'started_at': 5.0, 'boot': 'b'}
RECORD = '\n'.join(json.dumps(line) for line in (
    HEAD, {'what': 'asked', 'at': 0.5, 'guest': 'q#1', 'text': 't'}, {'what': 'pressed again', 'at': 1, 'guest': 'q#1', 'text': 't'},
    {'what': 'off', 'at': 2, 'guest': 'q#1', 'text': 't'}, {'what': 'end', 'at': 2.5, 'exit': 0, 'guests': [GUEST]})).encode()
STATUS = (b"<domstatus state='paused' reason='save' pid='%d'><monitor path='/m' type='unix'/><job type='none' async='save'/>"
          b"<domain type='qemu' id='1'><name>a</name><uuid>u</uuid><memory unit='KiB'>2048</memory><on_poweroff>restart</on_poweroff>"
          b"<metadata><g:guest xmlns:g='urn:kvm-graceful-shutdown:1'><g:key name='needs'>db*</g:key></g:guest></metadata>"
          b"<devices><channel type='unix'><source mode='bind' path='/a'/><target name='org.qemu.guest_agent.0' state='connected'/>"
          b"</channel></devices></domain></domstatus>" % os.getpid())
HISTORY = b'{"schema": 1, "guests": {"u": [1.5, 2.5]}, "rates": {"x": [1.0]}}'
LOCK = b'{"boot": "b", "started_at": 1.0, "deadline_at": 2.0, "finished_at": 3.0, "exit": 0, "invocation": "i"}'
MONITOR = (b'{"QMP": {}}', b'{"return": {"status": "running"}, "id": "query-status"}', b'{"return": {}, "id": "qmp_capabilities"}',
           b'{"event": "SHUTDOWN", "data": {"guest": true}}', b'{"error": {"desc": "x"}, "id": "Ask"}', b'{"return": {}, "id": "Ask"}')
CONFIG = b'DEADLINE=300\nPARALLEL=3 # x\nON_TIMEOUT="leave"\n'
GUESTS = b'[web*]\nneeds = db, tag:x\ngrace = 60\nmethod = agent 20, acpi\n[db]\non-timeout = save\n'

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from([1e308, -1, 2 ** 70]))
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
                      max_leaves=6)


def damaged(*whole):
    """Batches of what becomes of these bytes when they are cut, doubled, or something else gets into them; and of pure noise."""
    def one(draw):
        data = bytearray(draw(st.sampled_from(whole)))
        for _ in range(draw(st.integers(0, 4))):
            at = draw(st.integers(0, len(data)))
            how = draw(st.integers(0, 4))
            if how == 0:
                data[at:at + draw(st.integers(0, 20))] = draw(st.binary(max_size=6))
            elif how == 1:
                del data[at:]
            elif how == 2:
                data[at:at] = data[:at]
            elif how == 3:
                data[at:at] = draw(st.sampled_from([b'{', b'}', b'[' * 2000, b'null', b'"', b'\\ud800', b'<!DOCTYPE x>', b'&x;', b'\xff',
                                                    b'\n', b'1e999', b'-1', b'<a>' * 500, b'\0', b'NaN', b'9' * 400]))
            else:
                data[at:at + 1] = b''
        return bytes(data)
    return st.lists(st.one_of(st.composite(one)(), st.composite(one)(), st.composite(one)(), st.binary(max_size=60)),
                    min_size=BATCH, max_size=BATCH)


@FUZZ
@given(damaged(CONFIG, GUESTS))
def test_configuration(batch):
    for data in batch:
        for parser in (defaults, guestsconf):
            for problem in parser.parse(data, 'f')[1]:
                assert str(problem)


@FUZZ
@given(damaged(STATUS))
def test_domain_and_status_xml(batch):
    for data in batch:
        try:
            statusfiles.of_status(data, 'qemu:///system', '/', {})
        except ValueError:
            pass
        try:
            told = domainxml.parse(data[data.find(b'<domain '):].replace(b'</domstatus>', b''))
        except ValueError:
            continue
        for key, value in told.keys.items():
            Settings().policy_for('web', ((key, value),))


@FUZZ
@given(damaged(*MONITOR))
def test_monitor(batch):
    known = statusfiles.Known(model.Guest('k', 'n', 'u', 'q', 'running', True, '', 0, 'none', False, None, (), ''),
                              qemuprocess.identify(os.getpid()), '', '', 'save')
    facts = []
    guest = monitored.Monitored(known, Clock(), facts.append)
    guest.want(model.Resume('k'))
    for data in batch:
        for line in data.split(b'\n'):
            try:
                guest.take(qmp.parsed(line, 'x'))
            except QemuSilent:
                pass


@FUZZ
@given(st.lists(st.dictionaries(st.sampled_from(['event', 'data', 'id', 'return', 'error', 'QMP']),
                                VALUES | st.sampled_from(['SHUTDOWN', 'STOP', 'query-status', 'Ask', 'Resume', {'status': []}]), max_size=3),
                min_size=BATCH, max_size=BATCH))
def test_monitor_with_replies_of_any_type(batch):
    known = statusfiles.Known(model.Guest('k', 'n', 'u', 'q', 'running', True, '', 0, 'none', False, None, (), ''),
                              qemuprocess.identify(os.getpid()), '', '', '')
    guest = monitored.Monitored(known, Clock(), lambda fact: None)
    guest.want(model.Ask('k', 'acpi'))
    for message in batch:
        guest.take(message)


@FUZZ
@given(damaged(RECORD))
def test_record(batch):
    for data in batch:
        try:
            run = record.data_of(1, data.split(b'\n'), 'f')
        except NoRecord:
            continue
        assert text.run(run)
        json.dumps(run)
        earlier = takeup.Earlier(1, 0.0, 1.0, 'x', record.parsed(data.split(b'\n')))
        takeup.results(earlier, takeup.gone(earlier, set(), 1.0), set())


@FUZZ
@given(st.lists(st.tuples(VALUES, st.sampled_from(sorted(HEAD) + sorted(GUEST))), min_size=BATCH, max_size=BATCH))
def test_record_with_fields_of_any_type(batch):
    for value, name in batch:
        head = dict(HEAD)
        if name in GUEST:
            head['guests'] = [dict(GUEST, **{name: value})]
        else:
            head[name] = value
        if soundness.is_sound(head, True) and head['schema'] == 1:
            assert text.run(record.data_of(1, [], 'f', [head]))


@FUZZ
@given(damaged(HISTORY))
def test_history(batch):
    for data in batch:
        try:
            measured = history.parse(data.decode('utf-8', 'replace'))
        except (ValueError, RuntimeError):
            continue
        history.text_of(measured)


@FUZZ
@given(damaged(LOCK))
def test_lock_file(batch):
    for data in batch:
        left = runlock.contents(data)
        assert runlock.same_shutdown(left, 'i', 5.0, None) in (True, False)
