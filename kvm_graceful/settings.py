"""The two configuration files -> Settings: what holds, where each value came from, every problem found."""
from __future__ import absolute_import, division, print_function

import os
from collections import namedtuple

from kvm_graceful import defaults, graph, guestsconf, names, plainfile
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.model import DEFAULT_DEADLINE_S, DEFAULT_POLICY, Problem
from kvm_graceful.variables import NOT_FROM_LIBVIRT_GUESTS, OF_LIBVIRT_GUESTS, SAME_THING, VARIABLES

CONFIG_FILE = '/etc/default/kvm-graceful-shutdown'
GUESTS_FILE = '/etc/kvm-graceful-shutdown/guests.conf'
DEFAULT_URI = 'qemu:///system'
MAX_BYTES = 16 << 20  # of one file; a hundred times what the guests of one host take

# How one variable was read. `meaning`: for people.
Reading = namedtuple('Reading', 'name value where line meaning')


class Settings(object):
    """What the administrator wants. `deadline_s` None: the init system's limit; `parallel` None: no limit; `upses` and
    `min_supplies` None: as NUT's or apcupsd's configuration says; `battery_share`: how much of its runtime is trusted."""

    def __init__(self):
        # type: () -> None
        self.deadline_s = DEFAULT_DEADLINE_S  # type: int | None
        self.parallel = None  # type: int | None
        self.uris = [DEFAULT_URI]
        self.persistent_only = self.bypass_cache = False
        self.textfile_dir = None  # type: str | None
        self.upses = None  # type: tuple | None
        self.min_supplies = None  # type: int | None
        self.battery_share, self.host_s, self.restart_charge = 0.8, 30, 50
        self.notify = None  # type: str | None
        self.on_boot = 'ignore'  # as libvirt-guests on Debian
        self.start_delay_s, self.sync_time = 0, False
        self.policy = DEFAULT_POLICY
        self.sections = []  # type: list
        self.guests_file = GUESTS_FILE
        self.readings = []  # type: list
        self.problems = []  # type: list

    def errors(self):
        # type: () -> list
        return [problem for problem in self.problems if problem.level == 'error']

    def policy_for(self, name, keys=()):
        # type: (str, Any) -> Any
        """The Policy for a guest of this name: what its own metadata say (`keys`), patterns in the order of the file, then the
        section with its very name; what comes later replaces what came before, key by key."""
        policy = self.policy._replace(**self._of_metadata(name, keys))
        for exact in (False, True):
            for section in self.sections:
                if (section.pattern == name) == exact and names.matches(section.pattern, name):
                    policy = policy._replace(**section.values)
        return policy

    def force_nobody(self, guests):
        # type: (list) -> None
        """Whatever is configured: guests with these names are left on at the end of their time."""
        for name in guests:  # the last section with its very name counts
            self.sections.append(guestsconf.Section(name, 0, {'on_timeout': 'leave', 'grace_s': None},
                                                    {'on_timeout': 0, 'grace_s': 0}))

    def _of_metadata(self, name, keys):
        # type: (str, Any) -> dict
        """Policy fields from a domain's metadata; a mistake there is a warning, for its owner may be somebody else."""
        fields, where = {}, 'metadata of %s' % names.shown(name)
        for key, text in keys:
            try:
                field, value = guestsconf.key_value(key, text)
                fields[field] = value
            except ValueError as error:
                problem = Problem('warning', where, None, str(error))
                if problem not in self.problems:
                    self.problems.append(problem)
        return fields

    def unknown_names(self, known):
        # type: (list) -> list
        """Warnings for each name in guests.conf that no guest has. Patterns may match nothing: one file serves many hosts."""
        there, found = set(known), []
        for section in self.sections:
            wanted = [(section.pattern, section.line, 'section [%s]' % names.shown_bare(section.pattern))]
            wanted += [(need, section.lines['needs'], 'needs "%s"' % names.shown_bare(need))
                       for need in section.values.get('needs', ())]
            for name, line, what in wanted:
                if name not in there and names.is_one_name(name):
                    found.append(Problem('warning', self.guests_file, line,
                                         '%s: no such guest%s' % (what, names.nearest(name, known))))
        return found


def _here(path):
    # type: (str) -> tuple
    """(bytes or None for a missing file, what is wrong or an empty text), read by this very process."""
    try:
        return plainfile.followed(path, MAX_BYTES), ''
    except (IOError, OSError, ValueError) as error:
        return None, getattr(error, 'strerror', None) or str(error)


def load(config_file=CONFIG_FILE, guests_file=GUESTS_FILE, read=_here):
    # type: (str, str, Any) -> Settings
    """Settings from both files; either may be missing. Never raises for what stands in them: see `problems`.

    libvirt-guests' own file is looked for beside `config_file`. `read(path)`: as `_here`, for whoever must not hang on them.
    """
    settings = Settings()
    settings.guests_file = guests_file
    given = _read_variables(settings, config_file, read)
    _read_libvirt_guests(settings, os.path.join(os.path.dirname(config_file), 'libvirt-guests'), given, read)
    data = _contents(settings, guests_file, read)
    settings.sections, problems = guestsconf.parse(data, guests_file)
    settings.problems += problems + _circles(settings)
    return settings


def _contents(settings, path, read):
    # type: (Settings, str, Any) -> bytes
    data, wrong = read(path)
    if wrong:
        settings.problems.append(Problem('error', path, None, 'cannot be read: %s' % wrong))
    return data or b''


def _read_variables(settings, path, read):
    # type: (Settings, str, Any) -> set
    """Reads our own file into `settings`; returns the variables that it names."""
    found, problems = defaults.parse(_contents(settings, path, read), path)
    settings.problems += problems
    values = {}  # type: dict
    for name, value, line in found:
        if name not in VARIABLES:
            settings.problems.append(Problem('warning', path, line, 'unknown variable %s%s; it is ignored'
                                             % (names.shown(name), names.nearest(name, sorted(VARIABLES)))))
        elif name in values:
            settings.problems.append(Problem('warning', path, line, '%s is set already at line %d; the later one holds'
                                             % (name, values[name][1])))
            values[name] = (value, line)
        else:
            values[name] = (value, line)
    for name in sorted(values, key=lambda name: values[name][1]):
        value, line = values[name]
        if value == '':
            continue  # as if it were not set, as in libvirt-guests
        better = SAME_THING.get(name)
        if values.get(better, ('',))[0]:
            settings.readings.append(Reading(name, value, path, line, '%s holds instead' % better))
            continue
        _apply(settings, name, value, path, line, 'error')
    return set(name for name in values if values[name][0])


def _read_libvirt_guests(settings, path, given, read):
    # type: (Settings, str, set, Any) -> None
    """What our file does not say is taken from libvirt-guests' file. That one is a shell script and may do what it
    likes, so what is not understood there is a warning."""
    found, problems = defaults.parse(_contents(settings, path, read), path)
    settings.problems += [problem._replace(level='warning') for problem in problems]
    values = dict((name, (value, line)) for name, value, line in found if value != '')
    for name in sorted(values, key=lambda name: values[name][1]):
        value, line = values[name]
        if name in NOT_FROM_LIBVIRT_GUESTS:
            settings.readings.append(Reading(name, value, path, line, 'not taken from libvirt-guests; ours is %s'
                                             % SAME_THING[name]))
        elif name in OF_LIBVIRT_GUESTS and name not in given:
            _apply(settings, name, value, path, line, 'warning')


def _apply(settings, name, value, path, line, level):
    # type: (Settings, str, str, str, int, str) -> None
    try:
        field, parsed, meaning = VARIABLES[name](value)
    except ValueError as error:
        settings.problems.append(Problem(level, path, line, '%s: %s' % (name, error)))
        return
    settings.readings.append(Reading(name, value, path, line, meaning))
    if field in DEFAULT_POLICY._fields:
        settings.policy = settings.policy._replace(**{field: parsed})
    elif field:
        setattr(settings, field, parsed)


def _circles(settings):
    # type: (Settings) -> list
    """Errors for circles among the names that guests.conf itself spells out; those through patterns show with the guests."""
    spelt = {}  # type: dict
    for section in settings.sections:
        for name in (section.pattern,) + section.values.get('needs', ()):
            if not names.is_pattern(name):
                spelt.setdefault(name, section.line)
        if 'needs' in section.values:
            spelt[section.pattern] = section.lines['needs']
    nodes = sorted((name for name in spelt if not names.is_pattern(name)), key=lambda name: (spelt[name], name))
    after = dict((name, [other for need in settings.policy_for(name).needs for other in nodes
                         if need == other or (other != name and names.matches(need, other))]) for name in nodes)
    return [circle_problem(way, settings.guests_file, spelt[way[0]])
            for way in (graph.circle(component, after) for component in graph.components(nodes, after))]


def circle_problem(way, where, line):
    # type: (list, str, int | None) -> Problem
    """The error that names a circle of needs: a -> b -> a."""
    shown = ' -> '.join(names.shown(name) for name in way)
    return Problem('error', where, line, 'needs form a circle: %s; take one of them out' % shown)
