"""A trivial loop in the background, as a command: trivial.py CHECKOUT start|stop|status PIDFILE. Python 2.6 dialect."""
from __future__ import absolute_import, division, print_function

import os
import sys
import time

sys.path.insert(0, sys.argv[1])

from kvm_graceful import resident  # noqa: E402 (the path has to be there first)
from kvm_graceful.clock import Clock  # noqa: E402
from kvm_graceful.errors import HostError  # noqa: E402


def loop(ended):
    """Says what it is and that it goes on, until it is told to end."""
    log = sys.argv[3] + '.log'
    with open(log, 'w') as stream:
        stream.write('%d %d %s\n' % (os.getppid(), len(os.listdir('/proc/self/fd')), os.getcwd()))
    while not ended():
        time.sleep(0.05)
    with open(log, 'a') as stream:
        stream.write('ended\n')


def main(verb, pid_file):
    if verb == 'start':
        print(resident.start(loop, pid_file))
        return 0
    if verb == 'stop':
        return 0 if resident.stop(pid_file, Clock(), 10.0) else 1
    print(resident.pid(pid_file))
    return 0


if __name__ == '__main__':
    try:
        sys.exit(main(*sys.argv[2:4]))
    except HostError as fault:
        sys.exit('trivial: %s' % fault)
