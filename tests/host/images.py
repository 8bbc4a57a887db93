"""Host VMs as they are before any test: made with mmdebstrap, booted once, and kept in the user's cache directory.

An image is the root on a disk (root.raw), kernel and initramfs, and the VM's memory (memory) when its boot was finished and
libvirtd answered; a test goes on from there, over a disk of its own. There is another with the package installed, for the many
tests that begin so: to install it there takes longer than a shutdown. Nothing of this machine gets mounted.
"""

import fcntl
import glob
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass

from tests.host.hardware import PROCESSORS
from tests.lab.agentguest import archive, busybox, modules, only, read
from tests.lab.libvirtd import LabError

FILES = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'files')
CACHE = os.path.join(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'kvm-graceful-shutdown', 'host')
BUILD_LIMIT_S = 1800
KEPT_S = 4 * 24 * 3600
WITH_PACKAGE, WITH_PACKAGE_KEPT_S = '-with-', 3 * 3600  # of these there is one for each state of the package
DISK_SIZE = '4G'

PACKAGES = {
    'both': 'e2fsprogs qemu-system-x86 python3-libvirt libvirt-clients libvirt-daemon-system libvirt-daemon-driver-qemu kmod procps'
            ' psmisc iproute2 dbus udev busybox-static kexec-tools nasm',
    'systemd': 'systemd systemd-sysv libpam-systemd',
    'sysvinit': 'sysvinit-core insserv startpar initscripts orphan-sysvinit-scripts elogind libpam-elogind'
                ' libvirt-daemon-system-sysv rsyslog',
    # virtlockd, which was part of libvirt-daemon before.
    'trixie': 'libvirt-daemon-plugin-lockd', 'forky': 'libvirt-daemon-plugin-lockd',
}
# Nobody reads them there. Release files of a suite that is not released yet count as expired after a week.
MMDEBSTRAP = ['mmdebstrap', '--quiet', '--variant=minbase', '--mode=root', '--format=directory', '--dpkgopt=force-unsafe-io',
              '--aptopt=APT::Install-Recommends "false"', '--aptopt=Acquire::Languages "none"',
              '--aptopt=Acquire::Check-Valid-Until "false"', '--dpkgopt=path-exclude=/usr/share/man/*',
              '--dpkgopt=path-exclude=/usr/share/locale/*', '--dpkgopt=path-exclude=/usr/share/doc/*']
# What the host needs before its root is there, in an order in which they can be loaded.
MODULES = ('virtio_pci', 'virtio_blk', 'crc32c_generic', 'ext4', 'virtio_console')
INIT = """\
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for module in /modules/*; do /bin/busybox insmod "$module"; done
until [ -b /dev/vda ]; do /bin/busybox sleep 0.1; done
/bin/busybox mount -t ext4 /dev/vda /run || exec /bin/busybox poweroff -f
/bin/busybox mount --move /dev /run/dev
exec /bin/busybox switch_root /run /sbin/init
"""
# Work of the machine's own that would only take time away from the tests; the network is not there.
MASKED = ('apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer man-db.timer'
          ' dpkg-db-backup.timer logrotate.timer networking.service systemd-networkd.service ssh.service'
          ' serial-getty@ttyS1.service').split()


@dataclass(frozen=True)
class Suite:
    """A release of Debian with one of its init systems."""

    release: str
    init: str

    def __str__(self):
        return '%s-%s' % (self.release, self.init)


SUITES = [Suite('bookworm', 'systemd'), Suite('bookworm', 'sysvinit'), Suite('trixie', 'systemd'), Suite('trixie', 'sysvinit'),
          Suite('forky', 'systemd')]
# Not released yet: what fails there is shown, and fails nothing.
LOOK_AHEAD = ('forky',)


class Image:
    """The files of one suite's host, in `folder`."""

    def __init__(self, folder):
        self.folder = folder
        self.disk, self.kernel, self.initramfs, self.memory = (
            os.path.join(folder, name) for name in ('root.raw', 'kernel', 'initramfs', 'memory'))


def key():
    """Changes with whatever decides what is in an image."""
    emulator = subprocess.run(['qemu-system-x86_64', '--version'], check=True, stdout=subprocess.PIPE).stdout
    digest = hashlib.sha256(emulator + b'%d' % PROCESSORS)
    here = [os.path.join(os.path.dirname(FILES), name) for name in ('images.py', 'hardware.py', 'machine.py')]
    for path in here + sorted(glob.glob(FILES + '/*')):
        with open(path, 'rb') as f:
            digest.update(f.read())
    return digest.hexdigest()[:16]


def image(suite, boot):
    """The Image of `suite`, made if it is not there; `boot(image)` boots it once and leaves its memory.

    Raises LabError where it cannot be made. Two that ask at the same time get one and the same.
    """
    def made(new):
        make(suite, new)
        boot(new)
    os.makedirs(CACHE, exist_ok=True)
    return kept('%s-%s' % (suite, key()), made)


def image_with(base, deb, install):
    """The Image of a suite that `base` is, with a package installed; `install(base, deb, image)` does that and leaves the memory."""
    def made(new):
        link_kernel(base, new)
        install(base, deb, new)
    with open(deb, 'rb') as f:
        digest = hashlib.sha256(f.read()).hexdigest()[:16]
    return kept(os.path.basename(base.folder) + WITH_PACKAGE + digest, made)


def link_kernel(base, new):
    """An image made of another has its kernel and initramfs."""
    for name in ('kernel', 'initramfs'):
        os.link(getattr(base, name), getattr(new, name))


def kept(name, make_it):
    """The Image of this name, made by `make_it(image)` where it is not there."""
    folder = os.path.join(CACHE, name)
    with open(folder + '.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(folder):
            new = tempfile.mkdtemp(prefix='making-', dir=CACHE)  # in one of a run that was cut off something may still be at work
            make_it(Image(new))
            os.rename(new, folder)
        os.utime(folder)
    remove_unused()
    return Image(folder)


def remove_unused():
    """Other checkouts may use images of other keys; those that nobody used for some days go."""
    for old in glob.glob(os.path.join(CACHE, '*-*')):
        try:
            if time.time() - os.path.getmtime(old) > (WITH_PACKAGE_KEPT_S if WITH_PACKAGE in old else KEPT_S):
                if os.path.isdir(old):
                    shutil.rmtree(old)
                else:
                    os.remove(old)
        except FileNotFoundError:
            continue  # another process was sooner


def make(suite, made):
    """Root, disk, kernel and initramfs of a suite."""
    root = os.path.join(made.folder, 'root')
    try:
        make_root(suite, root)
        settle(root, suite)
        shutil.copy(only(os.path.join(root, 'boot', 'vmlinuz-*')), made.kernel)
        write_initramfs(root, made.initramfs)
        command(['truncate', '-s', DISK_SIZE, made.disk])
        command(['mke2fs', '-q', '-t', 'ext4', '-F', '-L', 'root', '-E', 'lazy_itable_init=0', '-O', '^metadata_csum',
                 '-d', root, made.disk])
    finally:
        shutil.rmtree(root, ignore_errors=True)


def make_root(suite, root, packages=''):
    """A suite's root folder, with these packages too."""
    packages = ' '.join([PACKAGES['both'], PACKAGES[suite.init], PACKAGES.get(suite.release, ''), packages]).split()
    # In a mount namespace of its own: it mounts /proc and the like while packages are installed.
    command(['unshare', '--mount', '--propagation', 'private'] + MMDEBSTRAP
            + ['--include=' + ','.join(packages), '--customize-hook=%s "$1"' % os.path.join(FILES, 'finish-root'),
               suite.release, root])


def command(words):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors='replace', timeout=BUILD_LIMIT_S)
    if done.returncode:
        raise LabError('%s ended with code %d: %s' % (words[0], done.returncode, done.stdout[-2000:]))


def settle(root, suite):
    """Names, an empty root password, and the service that carries out what tests send (files/)."""
    write_texts(root, {'etc/hostname': 'host\n', 'etc/hosts': '127.0.0.1 localhost host\n', 'etc/resolv.conf': '',
                       'etc/fstab': '/dev/vda / ext4 defaults,noatime 0 1\n'})
    os.makedirs(os.path.join(root, 'var', 'log', 'journal'), exist_ok=True)
    command(['sed', '-i', 's/^root:[^:]*:/root::/', os.path.join(root, 'etc/shadow')])
    command(['install', '-m', '755', os.path.join(FILES, 'lab-commands'), os.path.join(root, 'usr/local/sbin/')])
    if suite.init == 'systemd':
        units = os.path.join(root, 'etc/systemd/system')
        shutil.copy(os.path.join(FILES, 'lab-commands.service'), units)
        os.makedirs(os.path.join(units, 'sysinit.target.wants'), exist_ok=True)
        os.symlink('../lab-commands.service', os.path.join(units, 'sysinit.target.wants/lab-commands.service'))
        mask(root, MASKED)
    else:
        path = os.path.join(root, 'etc/inittab')
        # At the top: init starts nothing that stands below what it waits for, such as rc, or sulogin in single-user mode.
        command(['sed', '-i', '-e', '/^[1-6]:.*getty.*tty[1-6]/s/^/#/',
                 '-e', '1i LB:0123456S:respawn:/usr/local/sbin/lab-commands', path])


def write_texts(root, texts):
    """{path: text} below a root."""
    for path, text in texts.items():
        path = os.path.join(root, path)
        if os.path.islink(path):
            os.remove(path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as f:
            f.write(text)


def mask(root, units):
    for unit in units:
        os.symlink('/dev/null', os.path.join(root, 'etc/systemd/system', unit))


def write_initramfs(root, path, device='/dev/vda'):
    files = {'init': INIT.replace('/dev/vda', device).encode(), 'bin/busybox': read(busybox(root))}
    for number, data in enumerate(modules(root, MODULES)):
        files['modules/%02d.ko' % number] = data
    with open(path, 'wb') as f:
        f.write(archive(files))
