"""A Vagrant box for libvirt, made with mmdebstrap: python3 -m tests.vagrant.box SUITE-INIT OUT.box.

For machines that cannot download one: KVM_GRACEFUL_BOX=OUT.box vagrant up SUITE. Needs root and Debian's mmdebstrap,
qemu-utils, e2fsprogs, fdisk, extlinux and vagrant (for its key).
"""

import glob
import os
import subprocess
import sys
import tempfile

from tests.host.images import MASKED, SUITES, command, make_root, mask, write_initramfs, write_texts
from tests.lab.agentguest import only

PACKAGES = 'openssh-server sudo ifupdown rsync ca-certificates'
DHCP_CLIENT = {'forky': 'dhcpcd-base'}
OFFSET, SIZE = 1 << 20, 4 << 30
EXTLINUX = """\
DEFAULT linux
PROMPT 0
TIMEOUT 0
LABEL linux
 KERNEL /boot/kernel
 INITRD /boot/initramfs
 APPEND root=/dev/vda1 rw console=tty0 console=ttyS0 quiet net.ifnames=0 mitigations=off tsc=reliable no_timer_check random.trust_cpu=on
"""
TEXTS = {
    'boot/extlinux/extlinux.conf': EXTLINUX,
    'etc/hostname': 'host\n', 'etc/hosts': '127.0.0.1 localhost host\n',
    'etc/fstab': '/dev/vda1 / ext4 defaults,noatime 0 1\n',
    'etc/network/interfaces': 'auto lo\niface lo inet loopback\nauto eth0\niface eth0 inet dhcp\n',
    'etc/sudoers.d/vagrant': 'vagrant ALL=(ALL) NOPASSWD: ALL\n',
    'etc/ssh/sshd_config.d/vagrant.conf': 'UseDNS no\n',
}
# Every box has Vagrant's public key, whose private half everybody knows: for machines that only their own host can reach.
KEYS = '/usr/share/rubygems-integration/all/gems/vagrant-*/keys/vagrant.pub'
USER = """
useradd -m -s /bin/bash vagrant && usermod -aG libvirt vagrant
install -d -m 700 -o vagrant -g vagrant /home/vagrant/.ssh
install -m 600 -o vagrant -g vagrant /tmp/key /home/vagrant/.ssh/authorized_keys && rm /tmp/key
mkdir -p /var/log/journal
"""
INSTALL_LOADER = 'mount -o loop,offset=%d "$1" "$2" && extlinux --install "$2/boot/extlinux" && umount "$2"'
PROVIDER = "Vagrant.configure('2') { |config| config.vm.provider(:libvirt) { |v| v.disk_bus = 'virtio' } }\n"


def make(suite, path):
    """Writes the box of a Suite to `path`. Raises LabError where its root or its disk cannot be made."""
    with tempfile.TemporaryDirectory(prefix='kgs-box-') as folder:
        root, disk = os.path.join(folder, 'root'), os.path.join(folder, 'disk')
        make_root(suite, root, PACKAGES + ' ' + DHCP_CLIENT.get(suite.release, 'isc-dhcp-client'))
        write_texts(root, TEXTS)
        if suite.init == 'systemd':
            mask(root, [unit for unit in MASKED if unit not in ('networking.service', 'ssh.service')])
        os.rename(only(os.path.join(root, 'boot', 'vmlinuz-*')), os.path.join(root, 'boot', 'kernel'))
        write_initramfs(root, os.path.join(root, 'boot', 'initramfs'), '/dev/vda1')
        command(['cp', sorted(glob.glob(KEYS))[-1], os.path.join(root, 'tmp', 'key')])
        command(['chroot', root, 'sh', '-ec', USER])
        write_disk(root, disk)
        command(['qemu-img', 'convert', '-O', 'qcow2', disk, os.path.join(folder, 'box.img')])
        write_texts(folder, {'metadata.json': '{"provider": "libvirt", "format": "qcow2", "virtual_size": %d}\n' % (SIZE >> 30),
                             'Vagrantfile': PROVIDER})
        command(['tar', '-C', folder, '-cf', path, 'metadata.json', 'Vagrantfile', 'box.img'])


def write_disk(root, disk):
    """One partition with the root, and a boot loader that a BIOS starts."""
    command(['truncate', '-s', str(SIZE), disk])
    subprocess.run(['sfdisk', '-q', disk], input='%d,,83,*\n' % (OFFSET // 512), text=True, check=True)
    command(['dd', 'if=/usr/lib/EXTLINUX/mbr.bin', 'of=' + disk, 'bs=440', 'count=1', 'conv=notrunc', 'status=none'])
    # Without the features that this boot loader does not know.
    command(['mke2fs', '-q', '-t', 'ext4', '-F', '-L', 'root', '-O', '^metadata_csum,^64bit', '-E', 'offset=%d' % OFFSET,
             '-d', root, disk, '%dk' % ((SIZE - OFFSET) >> 10)])
    with tempfile.TemporaryDirectory() as point:
        command(['unshare', '--mount', '--propagation', 'private', 'sh', '-ec', INSTALL_LOADER % OFFSET, 'sh', disk, point])


if __name__ == '__main__':
    make({str(suite): suite for suite in SUITES}[sys.argv[1]], os.path.abspath(sys.argv[2]))
