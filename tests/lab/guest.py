"""One guest of the lab: its disk, its domain XML, and the evidence that it leaves behind.

The evidence does not depend on the program under test: sector 2 of the guest's own disk (DIRTY from boot on, CLEAN once
its shutdown is complete) and the lines on its serial console (READY, PRESSED, OFF).
"""

import functools
import os
import re
import subprocess
import tempfile
import uuid
from xml.sax.saxutils import escape, quoteattr

ASM = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'guest.asm')
SECTOR = 512
DISK_SIZE = 65536
DELAY_AT, IGNORE_AT, FLAGS_AT, LABEL_AT, LABEL_SIZE = 0x1E0, 0x1E1, 0x1E2, 0x1E3, 24
NEVER, OPENS_CHANNEL = 1, 2

XML = """\
<domain type='qemu'>
  <name>%(name)s</name>
  <uuid>%(uuid)s</uuid>
  %(metadata)s
  <memory unit='MiB'>%(memory_mib)d</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type>%(boot)s</os>
  <features><acpi/></features>
  <on_poweroff>%(on_poweroff)s</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/><source file='%(image)s'/><target dev='hda' bus='ide'/>
    </disk>
    <controller type='usb' model='none'/>
    <serial type='file'><source path='%(console)s' append='on'/></serial>
    <memballoon model='none'/>
    %(devices)s
  </devices>
</domain>
"""
AGENT_CHANNEL = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"


def metadata(keys):
    """Our settings as they stand in a domain's own XML."""
    if not keys:
        return ''
    return ('<metadata><kgs:guest xmlns:kgs="urn:kvm-graceful-shutdown:1">%s</kgs:guest></metadata>'
            % ''.join('<kgs:key name=%s>%s</kgs:key>' % (quoteattr(key), escape(text)) for key, text in keys.items()))


def label_of(name):
    return (re.sub('[^A-Za-z0-9-]', '', name).lstrip('-') or 'guest')[:LABEL_SIZE]


@functools.lru_cache(maxsize=None)
def boot_sector():
    """guest.asm, assembled (512 bytes)."""
    with tempfile.TemporaryDirectory() as out:
        binary = os.path.join(out, 'guest.bin')
        subprocess.run(['nasm', '-f', 'bin', '-o', binary, ASM], check=True, stdin=subprocess.DEVNULL)
        with open(binary, 'rb') as f:
            return f.read()


class LabGuest:
    """A guest that takes `delay_s` (0 to 255) from the accepted press to its power-off.

    It ignores the first `ignore` presses; `never` makes it deaf to all. `name` is what libvirt knows it by, and may be
    anything that libvirt accepts; files and console use `label`, made of the harmless part of it. `keys`: our settings in
    its metadata; `channel`: it has an agent's channel, which it leaves closed ('closed'), or opens and never answers
    ('dead'); `boot`: what libvirt is to boot; `fixed_uuid`: its UUID, where another of the same is to have the same files.
    """

    def __init__(self, folder, name, delay_s=2, ignore=0, never=False, memory_mib=2, on_poweroff='destroy', keys=None,
                 channel=None, boot="<boot dev='hd'/>", fixed_uuid=None):
        self.name = name
        self.uuid = str(fixed_uuid or uuid.uuid4())
        self.label = label_of(name)
        self.image = os.path.join(folder, '%s-%s.img' % (self.label, self.uuid[:8]))
        self.console = self.image[:-len('.img')] + '.log'
        self.xml = XML % dict(name=escape(name), uuid=self.uuid, memory_mib=memory_mib, image=self.image,
                              console=self.console, on_poweroff=on_poweroff, metadata=metadata(keys), boot=boot,
                              devices=AGENT_CHANNEL if channel else '')
        disk = bytearray(boot_sector())
        disk[DELAY_AT], disk[IGNORE_AT] = delay_s, ignore
        disk[FLAGS_AT] = (NEVER if never else 0) | (OPENS_CHANNEL if channel == 'dead' else 0)
        text = self.label.encode() + b'\0'
        disk[LABEL_AT:LABEL_AT + len(text)] = text
        with open(self.image, 'wb') as f:
            f.write(disk)
            f.truncate(DISK_SIZE)

    def disk_says(self):
        """DIRTY, CLEAN, or '' for a guest that never booted."""
        with open(self.image, 'rb') as f:
            f.seek(SECTOR)
            return f.read(SECTOR).split(b'\0')[0].strip().decode('ascii', 'replace')

    def said(self):
        """What the guest said on its serial console since its first start, such as ['READY', 'PRESSED', 'OFF']."""
        try:
            with open(self.console, 'rb') as f:
                lines = f.read().decode('ascii', 'replace').split('\n')
        except FileNotFoundError:
            return []
        start = self.label + ' '
        return [line.strip()[len(start):] for line in lines[:-1] if line.startswith(start)]
