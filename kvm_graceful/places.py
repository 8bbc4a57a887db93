"""Where the program's own files lie, and their names. Imports nothing but os, for emptyhost."""
from __future__ import absolute_import, division, print_function

import os

STATE_DIR = '/var/lib/kvm-graceful-shutdown'
# In STATE_DIR, the guests to be started again; see startfiles.
RESTORE, STOPPED, SHED, STARTED = 'restore.json', 'stopped.json', 'shed.json', 'started.json'
IN_MEMORY = ('run', 'var/run')  # the second on hosts without the first: Ubuntu 10.04
FOLDER = 'kvm-graceful-shutdown'  # below it
LOCK = 'host-stop.json'  # see runlock


def folder_in_memory(root='/'):
    # type: (str) -> str
    """Our folder in the /run of this host. It may not be there yet."""
    there = [name for name in IN_MEMORY if os.path.isdir(os.path.join(root, name))]
    return os.path.join(root, (there or IN_MEMORY)[0], FOLDER)
