"""All tests: a run that is ended by a signal cleans up; the last line says in one sentence how it went."""

import os
import signal
import threading
from collections import Counter

import pytest

# What takes long waits until it is asked for: script/test --host, script/test --vagrant.
collect_ignore = [folder for folder, flag in (('suites', 'KVM_GRACEFUL_HOST_MATRIX'), ('vagrant', 'KVM_GRACEFUL_VAGRANT'))
                  if not os.environ.get(flag)]


def pytest_sessionstart():
    if threading.current_thread() is not threading.main_thread():  # pytest-xdist's workers now and then; it ends them itself
        return
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: pytest.exit('ended by signal %d' % number, 128 + number))


def pytest_unconfigure(config):
    reporter = config.pluginmanager.get_plugin('terminalreporter')
    if reporter is None or config.option.collectonly:
        return
    skipped = reporter.stats.get('skipped', [])
    line = '%d passed, %d failed, %d skipped' % (len(reporter.stats.get('passed', [])),
                                                 sum(len(reporter.stats.get(kind, [])) for kind in ('failed', 'error')),
                                                 len(skipped))
    why = Counter(report.longrepr[2].replace('Skipped: ', '') for report in skipped)
    if why:
        line += ': ' + '; '.join('%d because %s' % (count, reason) for reason, count in why.most_common())
    reporter.write_line(line)
