"""A host VM with guests in it, as a test uses it: guests are started, the package installed, the host goes down, evidence read."""

import contextlib
import hashlib
import os
import re
import shlex
import shutil
import tempfile
import time
import uuid

import pytest

from tests.host.evidence import Evidence
from tests.host.hardware import PORTS
from tests.host.images import image_with, kept, link_kernel
from tests.host.machine import DOWN_LIMIT_S, Machine, install_and_keep
from tests.lab import guest as lab_guest
from tests.lab.guest import LabGuest
from tests.lab.libvirtd import LabError

INSIDE = '/lab'
# A machine under emulation, with guests emulated in it, on two busy cores.
START_LIMIT_S = 400
# How a machine ended that powered off, and one that reboots, in QEMU's words.
OFF, AGAIN = 'guest-shutdown', 'guest-reset'
FILE_CONSOLE = re.compile(r"<serial type='file'>.*?</serial>")


class Host:
    """`guests`: {name: arguments of LabGuest, such as delay_s}; each has its console at a port that leads out, if there
    is one left, else in a file, or always in one. `debs`: {name: path} of packages. `running`: the image is one of
    image_with_guests(), whose guests have said READY already. To be ended with close()."""

    def __init__(self, suite, image, guests, debs, console_in_file=False, running=False):
        self.suite = suite
        self._ports = 0 if console_in_file else PORTS
        self._folder = tempfile.TemporaryDirectory(prefix='kgs-host-guests-')
        self.guests = [LabGuest(self._folder.name, name, fixed_uuid=uuid.uuid5(uuid.NAMESPACE_OID, name), **how)
                       for name, how in guests.items()]
        files = {os.path.basename(path): path for path in (self._write(number, guest) for number, guest in enumerate(self.guests))}
        files.update({os.path.basename(guest.image): guest.image for guest in self.guests})
        files.update({name + '.deb': path for name, path in debs.items()}, initramfs=image.initramfs)
        self.machine = Machine(image, None if running else files)
        self.run, self.attempt = self.machine.run, self.machine.attempt

    def _write(self, number, guest):
        xml = guest.xml.replace(self._folder.name, INSIDE)
        if number < self._ports:
            xml = FILE_CONSOLE.sub("<serial type='dev'><source path='/dev/virtio-ports/guest%d'/></serial>" % number, xml)
        guest.inside = guest.image.replace(self._folder.name, INSIDE)
        path = guest.image[:-len('.img')] + '.xml'
        with open(path, 'w') as f:
            f.write(xml)
        return path

    # -- guests

    def start_guests(self, folder=INSIDE):
        """All are on, and say so, afterwards. `folder`: where their disks are."""
        self.run('chmod 666 %s/*.img\n' % folder + 'for xml in /lab/*.xml; do virsh -q -c qemu:///system define "$xml" || exit; done')
        for guest in self.guests:
            self.run('virsh -q -c qemu:///system start %s' % guest.name, START_LIMIT_S)
            self.wait_for_guest(guest, 'READY')

    def wait_for_guest(self, guest, word, limit_s=START_LIMIT_S):
        """Until the guest has said a word on its console."""
        if self.guests.index(guest) >= self._ports:
            self.run('until grep -q "^%s %s" %s; do sleep 1; done' % (guest.label, word, guest.inside.replace('.img', '.log')), limit_s)
            return
        self.machine.wait_for('%s %s' % (guest.label, word), limit_s, 'guest%d' % self.guests.index(guest))

    def said(self, guest):
        """All that a guest said on its console: READY, PRESSED, OFF."""
        source = 'guest%d' % self.guests.index(guest)
        return [line.text[len(guest.label) + 1:] for line in list(self.machine.lines) if line.source == source]

    def processes(self):
        """{guest's name: process id of its QEMU}, those that are on."""
        listed = self.run("pgrep -a qemu-system || true")
        found = re.findall(r'^(\d+) .*guest=([^,]+)', listed, re.MULTILINE)
        return {name: int(pid) for pid, name in found}

    def wait_until(self, script, limit_s=START_LIMIT_S):
        """Asks again and again until a shell script succeeds. While a host boots or comes to its end a call may hang, and an
        answer may be lost, for what listens is ended and started again."""
        until = time.monotonic() + limit_s
        while time.monotonic() < until:
            try:
                if self.attempt('timeout 20 bash -c %s' % shlex.quote(script), 30).code == 0:
                    return
            except AssertionError:
                if self.machine.has_ended():
                    raise
            time.sleep(2)  # each question takes the machine's own time away
        raise AssertionError('not within %d s: %s\n%s' % (limit_s, script, self.machine.log()))

    # -- the package, the host's end

    def install(self, name='package'):
        return self.run('dpkg -i /lab/%s.deb 2>&1' % name, START_LIMIT_S)

    def goes_down(self, how, limit_s=DOWN_LIMIT_S):
        """The host is told to go down by a shell command; how that ended, as QEMU calls it."""
        self.machine.send(how)
        return self.machine.wait_until_off(limit_s)

    def evidence(self):
        """What stands on its disk; once it is off."""
        folder = os.path.join(self._folder.name, 'evidence')
        shutil.rmtree(folder, ignore_errors=True)
        return Evidence(self.machine.disk(), folder)

    def close(self):
        self.machine.close()
        self._folder.cleanup()


def check(host, ended, expected):
    """The Evidence of a host that went down as expected, whose guests are all off by themselves, and its file system clean."""
    assert ended == expected, host.machine.log()
    evidence = host.evidence()
    says = evidence.disks_say(host.guests)
    assert says == dict.fromkeys([guest.name for guest in host.guests], 'CLEAN'), host.machine.log()
    assert evidence.host_fs == 'clean'
    assert evidence.run()['exit'] == 0
    return evidence


def image_with_guests(suite, base, guests, debs, options):
    """The Image of a Host with these guests as start_guests() leaves it, made of `base`: most tests begin so. What these guests
    have said before is not to be had from it, nor another package than `base` has."""
    def made(new):
        link_kernel(base, new)
        with contextlib.closing(Host(suite, base, guests, debs, **options)) as host:
            host.start_guests()
            host.machine.keep(new)
    digest = hashlib.sha256(repr((guests, options)).encode())
    for path in (os.path.abspath(__file__), lab_guest.__file__, lab_guest.ASM):
        with open(path, 'rb') as f:
            digest.update(f.read())
    return kept('%s-and-%s' % (os.path.basename(base.folder), digest.hexdigest()[:16]), made)


@contextlib.contextmanager
def hosts(suite, images, debs):
    """A function that makes a Host of this suite with these guests, on which the package is installed or not, and they are running
    or not; all are ended at the end."""
    try:
        made = images[suite].result()
    except LabError as e:
        pytest.skip('no host VM of %s: %s' % (suite, e))
    with contextlib.ExitStack() as stack:
        def make(guests, installed=False, running=False, **options):
            image = image_with(made, debs['package'], install_and_keep) if installed else made
            if running:
                image = image_with_guests(suite, image, guests, debs, options)
            return stack.enter_context(contextlib.closing(Host(suite, image, guests, debs, running=running, **options)))
        yield make
