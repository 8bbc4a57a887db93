"""Which UPSes feed this host: as our own settings say, else as NUT's or apcupsd's configuration says."""
from __future__ import absolute_import, division, print_function

import os
import shlex
from collections import namedtuple

from kvm_graceful import upsname
from kvm_graceful.compat import Any, native  # noqa: F401 (Any: type comments)
from kvm_graceful.model import Problem

# `upses`: upsname.Ups of those that count; `minimum`: how many supplies the host needs; the rest is upsmon's: what it waits
# for, as a primary, before it ends its own host (`hostsync_s`), and then always (`finaldelay_s`).
Sources = namedtuple('Sources', 'upses minimum hostsync_s finaldelay_s shutdownexit problems')

NONE = Sources((), 1, 0.0, 0.0, 'yes', ())
_FOLDERS = ('etc/nut', 'etc/ups')  # Debian's, and the one of other distributions
APCUPSD_FILE = 'etc/apcupsd/apcupsd.conf'


def find(settings, root='/', environment=os.environ):
    # type: (Any, str, Any) -> Sources
    """Sources; without a UPS its `upses` is empty. Never raises: what cannot be read is one of its `problems`."""
    found = of_nut(root, environment)
    if not found.upses:
        found = found._replace(upses=of_apcupsd(root))
    if settings.upses is not None:
        # upsmon may be registered with a UPS that is named here: its role counts on.
        known = dict((ups[:4], ups) for ups in found.upses)
        found = found._replace(upses=tuple(ups._replace(role=known.get(ups[:4], ups).role, login=known.get(ups[:4], ups).login)
                                           for ups in settings.upses), minimum=1)
    if settings.min_supplies is not None:
        found = found._replace(minimum=settings.min_supplies)
    return found


def nut_folder(root, environment):
    # type: (str, Any) -> str
    """Where upsmon.conf is; upsmon itself goes by NUT_CONFPATH."""
    given = environment.get('NUT_CONFPATH')
    if given:
        return given
    folders = [os.path.join(root, folder) for folder in _FOLDERS]
    return next((folder for folder in folders if os.path.exists(os.path.join(folder, 'upsmon.conf'))), folders[0])


def of_nut(root, environment):
    # type: (str, Any) -> Sources
    folder = nut_folder(root, environment)
    path = os.path.join(folder, 'upsmon.conf')
    mode = [line.split('=')[1].strip(' "\'') for line in _lines(os.path.join(folder, 'nut.conf'))[0]
            if line.replace(' ', '').startswith('MODE=')]
    if mode[-1:] == ['none']:
        return NONE
    lines, problems = _lines(path)
    return parse_upsmon(lines, path, problems)


def parse_upsmon(lines, path, problems=()):
    # type: (list, str, Any) -> Sources
    """Sources from the lines of an upsmon.conf."""
    upses, problems = [], list(problems)
    found = {'MINSUPPLIES': 1.0, 'HOSTSYNC': 15.0, 'FINALDELAY': 5.0}
    shutdownexit = 'yes'
    for number, line in enumerate(lines):
        try:
            words = shlex.split(line, True)
            if words[:1] == ['MONITOR'] and len(words) >= 6:
                ups = upsname.parse('%s=%d' % (words[1], int(words[2])))
                if ups.value:
                    role = 'primary' if words[5] in ('primary', 'master') else 'secondary'
                    upses.append(ups._replace(role=role, login=(words[3], words[4])))
            elif words[:1] == ['SHUTDOWNEXIT'] and len(words) > 1:
                shutdownexit = words[1]
            elif words and words[0] in found:
                found[words[0]] = float(words[1])
        except (ValueError, IndexError) as error:
            problems.append(Problem('warning', path, number + 1, 'not understood: %s' % error))
    return Sources(tuple(upses), int(found['MINSUPPLIES']), found['HOSTSYNC'], found['FINALDELAY'], shutdownexit, tuple(problems))


def of_apcupsd(root):
    # type: (str) -> tuple
    """The UPS of an apcupsd that is set up on this host; its settings are read from its own file."""
    values = _values(os.path.join(root, APCUPSD_FILE), ' ')
    # Debian's init script goes by this, and its unit does not.
    configured = (os.path.isdir(os.path.join(root, 'run/systemd/system'))
                  or _values(os.path.join(root, 'etc/default/apcupsd'), '=').get('ISCONFIGURED', 'yes') == 'yes')
    if not values or not configured or values.get('NETSERVER', 'on') != 'on':
        return ()
    host = values.get('NISIP', '127.0.0.1')
    try:
        return (upsname.parse('apcupsd:%s:%s' % ('127.0.0.1' if host == '0.0.0.0' else host, values.get('NISPORT', '3551'))),)
    except ValueError:
        return ()


def power_fail_flag(root):
    # type: (str) -> str
    """The file by which apcupsd's own shutdown tells its last script to have the UPS cut the power."""
    folder = _values(os.path.join(root, APCUPSD_FILE), ' ').get('PWRFAILDIR', '/etc/apcupsd')
    return os.path.join(root, folder.lstrip('/'), 'powerfail')


def _values(path, separator):
    # type: (str, str) -> dict
    """{name: value} of a file of such lines."""
    parts = [line.replace('\t', ' ').partition(separator) for line in _lines(path)[0]]
    return dict((name.strip(), value.strip(' "\'')) for name, _, value in parts if not name.startswith('#'))


def _lines(path):
    # type: (str) -> tuple
    """(lines, problems) of a file; a missing one has no line and is no problem."""
    try:
        with open(path, 'rb') as stream:
            data = stream.read(1 << 20)
    except (IOError, OSError) as error:
        return [], [] if error.errno in (2, 20) else [Problem('warning', path, None, 'cannot be read: %s' % error.strerror)]
    try:
        return native(data).splitlines(), []
    except UnicodeDecodeError:
        return [], [Problem('warning', path, None, 'is not valid UTF-8; no UPS is taken from it')]
