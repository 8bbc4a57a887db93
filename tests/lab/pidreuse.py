"""A bystander that gets a process id which another process has just had: run inside as `pidreuse.py PID`, which nobody may have.

Prints `has it` once it is there, and when it is ended `hit by signal N`, or `left alone` at the end of its standard input.
"""

import os
import select
import sys
import time

TRIES = 1000
LAST = '/proc/sys/kernel/ns_last_pid'


def bystander():
    while True:
        time.sleep(1000)


def main(pid):
    with open(LAST) as f:
        usual = f.read()
    for _ in range(TRIES):
        with open(LAST, 'w') as f:
            f.write(str(pid - 1))
        child = os.fork()
        if not child:
            if os.getpid() != pid:
                os._exit(0)
            bystander()
        if child == pid:
            break
        os.waitpid(child, 0)
    else:
        sys.exit('somebody else always gets it')
    with open(LAST, 'w') as f:
        f.write(usual)  # or a libvirtd that is started next gets a pid that a file which it finds calls a QEMU's, and ends itself
    print('has it', flush=True)
    over = False
    while not over:
        over = bool(select.select([sys.stdin], [], [], 0.05)[0])
        time.sleep(0.2 if over else 0)  # what was sent last arrives
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            print('hit by signal %d' % os.WTERMSIG(status), flush=True)
            return
    os.kill(child, 9)
    os.waitpid(child, 0)
    print('left alone', flush=True)


if __name__ == '__main__':
    main(int(sys.argv[1]))
