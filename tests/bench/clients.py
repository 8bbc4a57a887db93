"""The contenders: the command line of each, for a Course. What libvirt-guests.sh needs around it is made here."""

import json
import os

from tests.lab.tool import Tool

from .course import HERE, PYTHON

BARE_CLIENT = os.path.join(HERE, 'bareclient.py')
LIBVIRT_GUESTS = '/usr/lib/libvirt/libvirt-guests.sh'
BARE, OURS, TIERS = 'bare client', 'kvm-graceful', 'tiers, polled'
TOLD = BARE + ', told the tiers'
SERIAL, PARALLEL = 'libvirt-guests, serial', 'libvirt-guests, parallel'


def bare(_course, groups=()):
    return PYTHON + [BARE_CLIENT] + [','.join(names) for names in groups]


def tiers(_course, groups):
    return PYTHON + [os.path.join(HERE, 'tierclient.py')] + [','.join(names) for names in groups]


def libvirt_guests(course, parallel):
    """Debian's script with Debian's defaults, but PARALLEL_SHUTDOWN (0: one after another)."""
    return script(course.libvirtd, course.folder, parallel)


def script(libvirtd, folder, parallel):
    # It reads $sysconfdir/default/libvirt-guests of its own, so it gets another sysconfdir.
    etc = os.path.join(folder, 'etc')
    os.makedirs(etc + '/default', exist_ok=True)
    with open(etc + '/default/libvirt-guests', 'w') as f:
        f.write('PARALLEL_SHUTDOWN=%d\n' % parallel)
    path = os.path.join(folder, 'libvirt-guests.sh')
    with open(LIBVIRT_GUESTS) as source, open(path, 'w') as f:
        f.write(source.read().replace('sysconfdir="/etc"', 'sysconfdir="%s"' % etc))
    # Its list of what to start at boot: where that is left from a stop before, it does nothing.
    listed = os.path.join(libvirtd.state, 'lib', 'libvirt-guests')
    if os.path.exists(listed):
        os.unlink(listed)
    return ['/bin/sh', path, 'stop']


def ours(course, guests_conf=None, state=None):
    """`kvm-graceful stop`, as installed, without history; `state`: where its records go, when not beside the guests."""
    tool = Tool(course.new_folder(), course.libvirtd)
    tool.configure(guests=guests_conf)
    if state is not None:
        tool.state = state
    return tool.words('stop', '--json')


def own_words(lap):
    """The run that `kvm-graceful stop --json` printed."""
    return json.loads(lap.out)
