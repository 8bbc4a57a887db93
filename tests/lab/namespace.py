"""Namespaces of their own for a libvirtd: the first process in them, run as `namespace.py STATE`.

Inside, libvirt's folders, /run and the lists of users are those below STATE, and no process of the machine is to be
seen; so another libvirtd, systemd and other QEMUs neither disturb nor are disturbed. Once all is mounted it prints its
process id as seen from outside. When it ends, or the thread that started it does, the kernel ends every process inside
and the mounts are gone.
"""

import ctypes
import os
import signal
import sys

CLONE_NEWNS, CLONE_NEWPID = 0x00020000, 0x20000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
PR_SET_PDEATHSIG = 1

# Folder or file below STATE -> where libvirt (built by Debian or Ubuntu) looks for it.
FOLDERS = (('run', '/run'), ('etc', '/etc/libvirt'), ('lib', '/var/lib/libvirt'), ('log', '/var/log/libvirt'),
           ('cache', '/var/cache/libvirt'))
FILES = (('passwd', '/etc/passwd'), ('group', '/etc/group'))

libc = ctypes.CDLL(None, use_errno=True)


def checked(what, result):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, '%s: %s' % (what, os.strerror(number)))


def mount(source, target, fstype=None, flags=0):
    checked('mount %s' % target, libc.mount(source.encode(), target.encode(), fstype and fstype.encode(),
                                            ctypes.c_ulong(flags), None))


def end_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def make_mounts_private():
    """No mount made from here on reaches the outside, even in a chroot whose / is not a mount point.

    There the mount that holds / has no name. setns() into the namespace that we are in leads to its real root, where it
    can be named; the descriptor leads back.
    """
    root = os.open('/', os.O_RDONLY | os.O_DIRECTORY)
    here = os.open('/proc/self/ns/mnt', os.O_RDONLY)
    checked('setns', libc.setns(here, CLONE_NEWNS))
    os.close(here)
    mount('none', '/', flags=MS_REC | MS_PRIVATE)
    os.fchdir(root)
    os.chroot('.')
    os.close(root)


def cover(point, folder):
    """Mount `folder` over `point`, which need not be there, and is not made on the machine.

    Its parent gets covered by a folder that holds the same, and the point.
    """
    parent, name = os.path.split(point)
    if not os.path.isdir(point):
        same = folder + '-parent'
        os.makedirs(os.path.join(same, name))
        for entry in os.scandir(parent):
            copy = os.path.join(same, entry.name)
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), copy)
                continue
            if entry.is_dir():
                os.mkdir(copy)
            else:
                os.close(os.open(copy, os.O_CREAT))
            mount(entry.path, copy, flags=MS_BIND | MS_REC)
        mount(same, parent, flags=MS_BIND | MS_REC)
    mount(folder, point, flags=MS_BIND)


def first_process(state):
    """Set up the mounts, then do what a first process has to: collect the processes that lost their parent."""
    end_with_parent()
    os.setsid()
    seen_from_outside = os.readlink('/proc/self')
    make_mounts_private()
    mount('proc', '/proc', 'proc', MS_NOSUID | MS_NODEV | MS_NOEXEC)
    for name, point in FOLDERS:
        cover(point, os.path.join(state, name))
    for name, point in FILES:
        mount(os.path.join(state, name), point, flags=MS_BIND)
    os.chdir('/')
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    print(seen_from_outside, flush=True)
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
        signal.sigwait([signal.SIGCHLD])


def main(state):
    end_with_parent()
    checked('unshare', libc.unshare(CLONE_NEWNS | CLONE_NEWPID))
    first = os.fork()
    if first:
        os.waitpid(first, 0)
    else:
        first_process(state)


if __name__ == '__main__':
    main(sys.argv[1])
