"""A real Linux guest with Debian's guest agent: cloud kernel and an initramfs with busybox and qemu-ga, made once a session.

Nothing gets installed: the packages are downloaded by apt and unpacked. All else the initramfs needs is QEMU's own: the
agent is linked against libraries that qemu-system-x86 needs too.
"""

import glob
import gzip
import lzma
import os
import re
import subprocess

from .guest import LabGuest, label_of
from .libvirtd import LabError

MEMORY_MIB = 192
MODULES = ('virtio_pci', 'virtio_console', 'button', 'evdev')
APT = ['apt-get', '-qq', '-o', 'APT::Sandbox::User=root']

# Says READY once the agent has opened its port. Suspending to RAM is done by the agent itself, and needs nothing here.
INIT = """\
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for word in $(cat /proc/cmdline); do
    case $word in kgs.label=*) echo "${word#*=}" >/label ;; kgs.agent=*) agent=${word#*=} ;; esac
done
for module in /modules/*; do insmod "$module"; done
until port=$(ls /dev/vport*p1); do sleep 0.1; done
acpid -d >/dev/null &
case $agent in
floods) while :; do cat /dev/urandom; done >"$port" & ;;
nonsense) while :; do echo '{"return": {"error": ["x"]}, "error": 5}'; sleep 0.01; done >"$port" & ;;
*) /qemu-ga -m virtio-serial -p "$port" & ;;
esac
until ls -l "/proc/$!/fd" | grep -q vport; do sleep 0.1; done
[ "$agent" != frozen ] || kill -STOP $!
/say READY
while :; do sleep 1000; done
"""
SAY = '#!/bin/busybox sh\nread label </label\necho "$label $*" >/dev/ttyS0\n'
BY_AGENT = '#!/bin/busybox sh\n/say SHUTDOWN\n/say OFF\n/bin/busybox poweroff -f\n'
BY_BUTTON = '#!/bin/busybox sh\n/say PRESSED\n/say OFF\n/bin/busybox poweroff -f\n'


class LinuxGuest(LabGuest):
    """Says READY, then SHUTDOWN when its agent shuts it down or PRESSED when the power button does, and OFF.

    `files` are those of build(); `frozen`: its agent has opened the channel, and is stopped (SIGSTOP); `agent`: works, floods or
    nonsense. Its disk stays as it is.
    """

    def __init__(self, folder, name, files, frozen=False, keys=None, agent='works'):
        words = 'quiet kgs.label=%s kgs.agent=%s' % (label_of(name), 'frozen' if frozen else agent)
        super().__init__(folder, name, memory_mib=MEMORY_MIB, keys=keys, channel='closed',
                         boot='<kernel>%s</kernel><initrd>%s</initrd><cmdline>%s</cmdline>' % (files + (words,)))


def build(folder):
    """(kernel, initramfs): paths below `folder`, which is made. Raises LabError where the packages cannot be had."""
    os.makedirs(folder)
    root = os.path.join(folder, 'root')
    for package in download(folder):
        subprocess.run(['dpkg', '-x', package, root], check=True, stdin=subprocess.DEVNULL)
    initramfs = os.path.join(folder, 'initramfs')
    with gzip.open(initramfs, 'wb', compresslevel=1) as f:
        f.write(archive(contents(root)))
    return only(os.path.join(root, 'boot', 'vmlinuz-*')), initramfs


def download(folder):
    """Paths of the packages. Lists of packages that are missing or too old are fetched, once."""
    for last in (False, True):
        shown = output(['apt-cache', '--no-all-versions', 'show', 'linux-image-cloud-amd64'])
        kernel = re.search('^Depends: (linux-image-[^ ,]+)', shown, re.MULTILINE)
        if kernel and output(APT + ['download', 'busybox-static', 'qemu-guest-agent', kernel.group(1)], folder) is not None:
            return sorted(glob.glob(os.path.join(folder, '*.deb')))
        if not last:
            output(APT + ['update'])
    raise LabError('apt could not download busybox-static, qemu-guest-agent and the kernel of linux-image-cloud-amd64')


def output(words, folder=None):
    """What a command prints; None where it fails."""
    done = subprocess.run(words, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True)
    return done.stdout if done.returncode == 0 else None


def only(pattern):
    found = glob.glob(pattern)
    if len(found) != 1:
        raise LabError('%d files instead of one are %s' % (len(found), pattern))
    return found[0]


def contents(root):
    """{path: bytes} of every file of the initramfs."""
    agent = os.path.join(root, 'usr', 'sbin', 'qemu-ga')
    files = {'init': INIT.encode(), 'say': SAY.encode(), 'sbin/shutdown': BY_AGENT.encode(),
             'etc/acpi/PWRF/00000080': BY_BUTTON.encode(), 'qemu-ga': read(agent),
             'bin/busybox': read(busybox(root))}
    linked = output(['ldd', agent]) or ''
    if 'not found' in linked:
        raise LabError('a library of the guest agent is missing: %s' % linked)
    for path in re.findall(r'(/\S+) \(0x', linked):
        files[path.lstrip('/')] = read(path)
    for number, data in enumerate(modules(root)):
        files['modules/%02d.ko' % number] = data
    return files


def busybox(root):
    return next(path for path in (os.path.join(root, place, 'busybox') for place in ('bin', 'usr/bin')) if os.path.exists(path))


def read(path):
    with lzma.open(path) if path.endswith('.xz') else open(path, 'rb') as f:
        return f.read()


def modules(root, wanted=MODULES):
    """The wanted ones and what they need, in the order in which they can be loaded. Those built into the kernel are no files."""
    paths = {re.sub(r'\.ko.*', '', os.path.basename(path)).replace('-', '_'): path
             for path in glob.glob(os.path.join(root, '**', '*.ko*'), recursive=True)}
    loaded = {}

    def load(name):
        if name in paths and name not in loaded:
            data = read(paths[name])
            for needed in re.search(rb'\0depends=([^\0]*)\0', data).group(1).decode().split(','):
                load(needed.replace('-', '_'))
            loaded[name] = data
    for name in wanted:
        load(name)
    return loaded.values()


def archive(files):
    """A cpio archive (newc), as the kernel unpacks it; everything may be executed."""
    folders = {os.path.dirname(path) for path in files} | {'dev', 'proc', 'sys', 'run', 'tmp', 'var/run'}
    for folder in list(folders):
        while folder:
            folders.add(folder)
            folder = os.path.dirname(folder)
    entries = [(path, 0o040755, b'') for path in sorted(folders - {''})]
    entries += [(path, 0o100755, data) for path, data in sorted(files.items())]
    out = []
    for number, (path, mode, data) in enumerate(entries + [('TRAILER!!!', 0, b'')]):
        name = path.encode() + b'\0'
        fields = (number + 1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
        head = b'070701' + b''.join(b'%08X' % field for field in fields) + name
        out += [head, b'\0' * (-len(head) % 4), data, b'\0' * (-len(data) % 4)]
    return b''.join(out)
