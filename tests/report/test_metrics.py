"""The metrics of a run: what promtool and Prometheus' own parser make of them, and how they come into a textfile directory."""
import os
import re
import stat
import subprocess

import pytest

from kvm_graceful import findings, record
from kvm_graceful.model import DEFAULT_POLICY
from kvm_graceful.names import shown_bare
from kvm_graceful.report import prometheus
from tests.report import runs
from tests.report.beside import unpacked
from tests.report.test_pages import NASTY
from tests.unit.support import takes

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GUEST = '<domain type="test"><name>%s</name><memory>1024</memory><os><type>hvm</type></os></domain>'


def promtool(text):
    """(exit code, what it says) of `promtool check metrics`."""
    done = subprocess.run([unpacked('prometheus') + '/usr/bin/promtool', 'check', 'metrics'], input=text.encode('utf-8'),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode()


def samples(text):
    """{(name, sorted labels): value} by the parser of Prometheus' own client library."""
    parser = pytest.importorskip('prometheus_client.parser')
    found = {}
    for family in parser.text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found
            found[key] = sample.value
    return found


def test_promtool_finds_nothing_to_say():
    for data in (runs.eventful(30), runs.run_of({}, {}), runs.run_of(dict.fromkeys(NASTY, DEFAULT_POLICY), {name: takes(3) for name in NASTY}),
                 dict(runs.eventful(3), finished=None, exit=None)):
        assert promtool(prometheus.textfile(data)) == (0, '')


def checked(*found):
    return {'findings': [one._asdict() for one in found], 'guests': 3, 'measured': 1, 'expected': 62.0, 'deadline': 300.0,
            'looked': '2026-11-23T15:36:17Z'}


def test_what_check_found_is_told_each_by_itself_and_counted():
    found = checked(*[findings.error('no-acpi', 'has no ACPI', 'add it', name) for name in NASTY],
                    findings.warning('pacemaker', 'runs', 'stop it'), findings.warning('configuration', 'line 1', 'mend it'),
                    findings.warning('configuration', 'line 2', 'mend it'))
    assert promtool(prometheus.check_textfile(found)) == (0, '')
    told = samples(prometheus.check_textfile(found))
    assert told['kvm_graceful_check_findings', (('level', 'error'),)] == len(NASTY)
    assert told['kvm_graceful_check_findings', (('level', 'warning'),)] == 3
    assert told['kvm_graceful_check_finding', (('guest', ''), ('id', 'configuration'), ('level', 'warning'))] == 2
    assert {dict(labels)['guest'] for name, labels in told if name == 'kvm_graceful_check_finding'} == {
        shown_bare(name) for name in NASTY} | {''}
    assert told['kvm_graceful_check_timestamp_seconds', ()] == 1795448177
    # A good host: nothing found is told as such, and without guests nothing is expected.
    good = samples(prometheus.check_textfile(dict(checked(), expected=None)))
    assert good['kvm_graceful_check_findings', (('level', 'error'),)] == 0
    assert not [name for name, _ in good if name in ('kvm_graceful_check_finding', 'kvm_graceful_check_expected_seconds')]


def test_control_promtool_does_find_faults():
    text = prometheus.textfile(runs.eventful(3))
    assert promtool(text.replace('outcome="off"', 'outcome="o"ff"'))[0] != 0
    assert promtool(text.replace('# HELP kvm_graceful_last_run_finished', '# HULP'))[0] != 0


def test_the_numbers_are_those_of_the_run():
    data = runs.eventful(30)
    found = samples(prometheus.textfile(data))
    assert found['kvm_graceful_last_run_start_timestamp_seconds', (('verb', 'host-stop'),)] == 1795448177
    assert found['kvm_graceful_last_run_duration_seconds', ()] == data['finished']
    assert found['kvm_graceful_last_run_exit_code', ()] == 3
    outcomes = record.outcomes(data['guests'])
    for outcome in ('off', 'saved', 'destroyed', 'crashed', 'left', 'unknown'):
        assert found['kvm_graceful_last_run_guests', (('outcome', outcome),)] == outcomes.get(outcome, 0)
    for guest in data['guests']:
        label = ('guest', guest['name']), ('outcome', guest['outcome']), ('uri', 'sim')
        assert found['kvm_graceful_last_run_guest_shutdown_seconds', label] == pytest.approx(guest['off'] - guest['asked'])


def test_hostile_names_stay_apart():
    names = NASTY + ['back\\slash', 'quo"te', 'red\\x1b[31m']
    found = samples(prometheus.textfile(runs.run_of(dict.fromkeys(names, DEFAULT_POLICY), {name: takes(3) for name in names})))
    guests = {dict(labels)['guest'] for name, labels in found if name == 'kvm_graceful_last_run_guest_shutdown_seconds'}
    assert guests == {shown_bare(name) for name in names}
    assert len(guests) == len(names)


class Host:
    """kvm-graceful over libvirt's test driver, with a configuration of its own."""

    def __init__(self, folder, config):
        self.folder = folder
        (folder / 'config').write_text(config)
        (folder / 'node.xml').write_text('<node>%s</node>' % ''.join(GUEST % name for name in ('web', 'db')))

    def __call__(self, verb, *words):
        options = ['--state-dir', str(self.folder / 'state')]
        if verb != 'report':
            options += ['--config', str(self.folder / 'config'), '--guests', '/none', '--uri', 'test://%s' % (self.folder / 'node.xml')]
        return subprocess.run(['/usr/bin/python3', '-BEs', os.path.join(TOP, 'bin', 'kvm-graceful'), verb] + options + list(words),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)


def test_after_a_run_they_are_in_the_directory_for_everybody_to_read(tmp_path):
    (tmp_path / 'collector').mkdir()
    path = tmp_path / 'collector' / 'kvm_graceful.prom'
    path.write_text('old\n')
    host = Host(tmp_path, 'TEXTFILE_DIR=%s\n' % path.parent)
    with open(str(path)) as old:
        done = host('stop')
        assert old.read() == 'old\n'  # a new file in the place of the old one
    assert done.returncode == 0, done.stdout
    assert os.listdir(str(path.parent)) == ['kvm_graceful.prom']
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    text = path.read_text()
    assert host('report', '--prometheus').stdout == text
    assert promtool(text) == (0, '')
    path.unlink()
    assert host('report', '--textfile', str(path.parent)).stdout == 'Written: %s\n' % path
    assert path.read_text() == text


def test_check_writes_a_file_of_its_own_beside_it(tmp_path):
    host = Host(tmp_path, 'GRACE=5m\n')
    done = host('check', '--textfile', str(tmp_path))
    assert (done.returncode, done.stdout) == (2, 'Written: %s\n' % (tmp_path / 'kvm_graceful_check.prom'))
    text = (tmp_path / 'kvm_graceful_check.prom').read_text()
    assert 'kvm_graceful_check_finding{id="configuration",level="error",guest=""} 1\n' in text
    assert promtool(text) == (0, '')
    said = host('check', '--prometheus')
    stamp = re.compile('(?m)^(kvm_graceful_check_timestamp_seconds) .*$')
    assert (said.returncode, stamp.sub(r'\1', said.stdout)) == (2, stamp.sub(r'\1', text))


def test_a_directory_that_is_not_there_stops_no_shutdown_and_is_told(tmp_path):
    host = Host(tmp_path, 'TEXTFILE_DIR=/no/such/directory\n')
    done = host('stop')
    assert done.returncode == 0
    assert 'kvm_graceful.prom cannot be written in /no/such/directory: No such file or directory' in done.stdout
    done = host('report', '--textfile', '/no/such/directory')
    assert (done.returncode, done.stdout) == (1, 'kvm-graceful: /no/such/directory/kvm_graceful.prom: cannot be written: '
                                                 'No such file or directory\n')


def test_a_path_that_is_not_absolute_is_refused(tmp_path):
    done = Host(tmp_path, 'TEXTFILE_DIR=metrics\n')('plan')
    assert done.returncode == 2 and 'config:1: TEXTFILE_DIR: "metrics" is not an absolute path' in done.stdout
