"""`set GUEST key=value`: our keys in a domain's own metadata, where they travel with it."""
from __future__ import absolute_import, division, print_function

from kvm_graceful import guestsconf, names, preparation
from kvm_graceful.clock import Clock
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.errors import UsageError
from kvm_graceful.inbox import Inbox


def change(options, assignments):
    # type: (preparation.Options, list) -> dict
    """Writes "key=value" assignments ("key=" takes a key away) for the one guest in `options.guests`; data with all its keys.

    Raises UsageError for a key, a value or a guest that is none, HypervisorError.
    """
    name, wanted = options.guests[0], {}
    for assignment in assignments:
        key, equals, text = (part.strip(' \t') for part in assignment.partition('='))
        try:
            if not equals:
                raise ValueError('not key=value; keys are %s' % ', '.join(sorted(guestsconf.KEYS)))
            guestsconf.key_field(key)
            if text:
                guestsconf.key_value(key, text)
        except ValueError as error:
            raise UsageError('%s: %s' % (names.shown(assignment), error))
        wanted[key] = text

    def changed(keys):
        # type: (dict) -> dict
        together = dict(keys, **wanted)
        return dict((key, together[key]) for key in together if together[key])
    clock = Clock()
    hypervisors = preparation.connect(options, clock, Inbox(clock))
    preparation.refuse_if_failed(hypervisors)
    keys = hypervisors.change_keys(name, changed)
    if keys is None:
        hypervisors.guests()
        raise UsageError('%s: no such guest%s' % (names.shown(name), names.nearest(name, hypervisors.names)))
    return {'schema': 1, 'verb': 'set', 'exit': 0, 'name': name, 'keys': keys,
            'warnings': _hidden(options.settings, name, wanted)}


def _hidden(settings, name, wanted):
    # type: (Any, str, dict) -> list
    """Warnings for keys that guests.conf gives another value, which wins."""
    found = []
    for key in sorted(wanted):
        field = guestsconf.key_field(key)
        for section in settings.sections:
            if names.matches(section.pattern, name) and field in section.values:
                found.append('%s:%d: %s of [%s] holds instead' % (settings.guests_file, section.lines[field], key,
                                                                  names.shown_bare(section.pattern)))
    return found
