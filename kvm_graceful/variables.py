"""The variables of /etc/default/kvm-graceful-shutdown, and those of libvirt-guests: what each may hold, and what it means."""
from __future__ import absolute_import, division, print_function

from kvm_graceful import guestsconf, names, upsname
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.guestsconf import number, one_of

# What each parser below returns: (Settings attribute or Policy field, value, meaning for people).

def _deadline(text):
    # type: (str) -> tuple
    value = number(text, 0, guestsconf.MAX_S)
    if not value:
        return 'deadline_s', None, "the init system's own limit for the whole shutdown"
    return 'deadline_s', value, '%d s for the whole shutdown' % value


def _parallel(text):
    # type: (str) -> tuple
    value = 0 if text == 'unlimited' else number(text, 0, 100000, 'guests')
    return 'parallel', value or None, '%s shutting down at once' % ('%d guests' % value if value else 'all guests')


def _parallel_shutdown(text):
    # type: (str) -> tuple
    value = max(1, number(text, 0, 100000, 'guests'))
    return 'parallel', value, 'one guest at a time' if value == 1 else '%d guests shutting down at once' % value


def _grace(text):
    # type: (str) -> tuple
    value = guestsconf.grace(text)
    return 'grace_s', value, 'no guest gets more than %d s' % value


def _on_timeout(text):
    # type: (str) -> tuple
    value = one_of(text, guestsconf.ON_TIMEOUT)
    meaning = {'save': 'a guest at the end of its time is saved', 'destroy': 'a guest at the end of its time is switched off',
               'leave': 'a guest at the end of its time is left as it is'}[value]
    return 'on_timeout', value, meaning


def _press_again(text):
    # type: (str) -> tuple
    value = guestsconf.seconds_or_never(text)
    meaning = 'pressed again after %d s, then after twice that, and so on' % value if value else 'pressed once'
    return 'press_again_s', value, 'the power button is ' + meaning


def _method(text):
    # type: (str) -> tuple
    value = guestsconf.methods(text)
    return 'method', value, 'asked by %s' % ', then '.join(name for name, _ in value)


def _uris(text):
    # type: (str) -> tuple
    value = text.split()
    return 'uris', value, 'guests of %s' % ' and '.join(value)


def _textfile_dir(text):
    # type: (str) -> tuple
    if not text.startswith('/'):
        raise ValueError('"%s" is not an absolute path' % names.shown_bare(text))
    return 'textfile_dir', text, 'metrics of each run are written into %s' % names.shown_bare(text)


def _on_shutdown(text):
    # type: (str) -> tuple
    value = one_of(text, ('shutdown', 'suspend'))
    return 'on_shutdown', 'save' if value == 'suspend' else value, ('guests are saved' if value == 'suspend'
                                                                    else 'guests are shut down')


def _persistent_only(text):
    # type: (str) -> tuple
    value = one_of(text, ('true', 'false', 'default')) == 'true'
    return 'persistent_only', value, 'transient guests are %s' % ('left alone' if value else 'shut down too')


def _bypass_cache(text):
    # type: (str) -> tuple
    value = number(text, 0, guestsconf.MAX_S, 'a value') > 0
    return 'bypass_cache', value, 'saves and restores %s the page cache' % ('go past' if value else 'go through')


def _upses(text):
    # type: (str) -> tuple
    if text == 'none':
        return 'upses', (), 'no battery is looked at'
    value = tuple(upsname.parse(word) for word in text.split())
    return 'upses', value, 'fed by %s' % ' and '.join(upsname.shown(ups) for ups in value)


def _min_supplies(text):
    # type: (str) -> tuple
    value = number(text, 1, 99, 'supplies')
    return 'min_supplies', value, 'the host needs %d of its supplies' % value


def _battery_share(text):
    # type: (str) -> tuple
    value = number(text, 10, 100, 'percent')
    return 'battery_share', value / 100, '%d %% of the runtime that a battery claims is trusted' % value


def _host_time(text):
    # type: (str) -> tuple
    value = number(text, 0, 3600)
    return 'host_s', value, 'the host itself needs %d s after its guests' % value


def _restart_charge(text):
    # type: (str) -> tuple
    value = number(text, 0, 100, 'percent')
    return 'restart_charge', value, 'guests shed on battery are started again at %d %% of its charge' % value


def _notify(text):
    # type: (str) -> tuple
    if text == 'none':
        return 'notify', None, 'nobody is told what the watcher does'
    if ' ' in text:
        raise ValueError('"%s" is more than the name of a program; make it a script' % names.shown_bare(text))
    return 'notify', text, 'people are told through %s what the watcher does' % names.shown_bare(text)


def _on_boot(text):
    # type: (str) -> tuple
    value = one_of(text, ('start', 'ignore'))
    return 'on_boot', value, 'guests that were shut down are %sstarted at boot' % ('' if value == 'start' else 'not ')


def _start_delay(text):
    # type: (str) -> tuple
    value = number(text, 0, guestsconf.MAX_S)
    return 'start_delay_s', value, '%d s between starts at boot' % value


def _sync_time(text):
    # type: (str) -> tuple
    value = number(text, 0, guestsconf.MAX_S, 'a value') != 0
    return 'sync_time', value, 'the clock of a resumed guest is %sset through its agent' % ('' if value else 'not ')


VARIABLES = {
    'DEADLINE': _deadline, 'PARALLEL': _parallel, 'GRACE': _grace, 'ON_TIMEOUT': _on_timeout,
    'PRESS_AGAIN': _press_again, 'METHOD': _method, 'URIS': _uris,
    'TEXTFILE_DIR': _textfile_dir,
    'UPS': _upses, 'MINSUPPLIES': _min_supplies, 'BATTERY_SHARE': _battery_share, 'HOST_TIME': _host_time,
    'RESTART_CHARGE': _restart_charge, 'NOTIFY': _notify,
    # libvirt-guests'
    'SHUTDOWN_TIMEOUT': _deadline, 'PARALLEL_SHUTDOWN': _parallel_shutdown, 'ON_SHUTDOWN': _on_shutdown,
    'PERSISTENT_ONLY': _persistent_only, 'ON_BOOT': _on_boot,
    'START_DELAY': _start_delay, 'BYPASS_CACHE': _bypass_cache, 'SYNC_TIME': _sync_time,
}
# Ours wins over libvirt-guests' word for the same thing, whatever their order in the file.
SAME_THING = {'SHUTDOWN_TIMEOUT': 'DEADLINE', 'PARALLEL_SHUTDOWN': 'PARALLEL'}
# Its timeout and its parallelism are made for another program: 300 s there is for each guest, one after the other.
NOT_FROM_LIBVIRT_GUESTS = ('SHUTDOWN_TIMEOUT', 'PARALLEL_SHUTDOWN')
OF_LIBVIRT_GUESTS = ('URIS', 'ON_BOOT', 'START_DELAY', 'ON_SHUTDOWN', 'BYPASS_CACHE', 'SYNC_TIME', 'PERSISTENT_ONLY')
