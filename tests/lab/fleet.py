"""Several guests at once: defined, started, watched and removed together."""

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import libvirt

from .guest import LabGuest
from .libvirtd import wait_until

AT_ONCE = 4
BOOT_LIMIT_S = 60


class Fleet:
    """Guests of one hypervisor that were made here, and are the only ones that anything here touches.

    `connect()` gives the connection; `folder` holds their disks and must be reachable for QEMU.
    """

    def __init__(self, connect, folder):
        self._connect, self._folder = connect, folder
        self.guests = []
        self._transient = set()

    def add(self, name, transient=False, kind=LabGuest, **options):
        """A new guest of that kind, not started yet; `options` are those of the kind."""
        guest = kind(self._folder, name, **options)
        if transient:
            self._transient.add(guest.uuid)
        self.guests.append(guest)
        return guest

    def define(self, guest):
        """libvirt's domain of a guest that libvirt does not know yet; it stays off."""
        connection = self._connect()
        with contextlib.suppress(libvirt.libvirtError):  # a libvirtd that was killed may have brought back one that was removed
            other = connection.lookupByName(guest.name)
            if other.UUIDString() != guest.uuid and not other.isActive():
                other.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE)
        return connection.defineXML(guest.xml)

    def start(self, guests=None):
        """Start all (or the given ones), and wait until each has booted."""
        guests = self.guests if guests is None else guests
        boots = {guest.uuid: guest.said().count('READY') for guest in guests}
        self._for_each(self._start_one, guests)
        wait_until(lambda: all(guest.said().count('READY') > boots[guest.uuid] for guest in guests), BOOT_LIMIT_S,
                   'all guests have booted')

    def domain(self, guest):
        """libvirt's domain of a guest; None when libvirt has none."""
        try:
            return self._connect().lookupByUUIDString(guest.uuid)
        except libvirt.libvirtError as e:
            if e.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                return None
            raise

    def is_on(self, guest):
        domain = self.domain(guest)
        return domain is not None and bool(domain.isActive())

    def remove(self):
        """Destroy and undefine every guest of this fleet, whatever state it is in."""
        guests, self.guests = self.guests, []
        self._for_each(self._remove_one, guests)

    def _for_each(self, work, guests):
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(work, guests))

    def _start_one(self, guest):
        if guest.uuid in self._transient:
            self._connect().createXML(guest.xml)
        else:
            (self.domain(guest) or self.define(guest)).create()

    def _remove_one(self, guest):
        def is_gone():
            domain = self.domain(guest)
            # Each may be needless, where the guest is off, or gone once it is off; or refused, while libvirtd still works at it.
            for call in (domain.destroy, lambda: domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE)) if domain else ():
                with contextlib.suppress(libvirt.libvirtError):
                    call()
            return domain is None or self.domain(guest) is None
        wait_until(is_gone, BOOT_LIMIT_S, 'libvirt knows no more of ' + guest.name)


class Consoles:
    """When each guest said what on its serial console, looked at every `step_s`: events as the guests saw them."""

    def __init__(self, guests, step_s=0.02):
        self._guests, self._step_s, self._over = guests, step_s, threading.Event()
        self._seen = {guest.uuid: len(guest.said()) for guest in guests}
        self.heard = []  # [(instant, guest name, word)]
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def when(self, guest, word, which=0):
        """Instant of the `which`th time that `guest` said `word`; None if it did not."""
        found = [at for at, name, said in self.heard if (name, said) == (guest.name, word)]
        return found[which] if len(found) > which else None

    def _listen(self):
        last = False
        while not last:
            last = self._over.wait(self._step_s)
            at = time.monotonic()
            for guest in self._guests:
                said = guest.said()
                self.heard += [(at, guest.name, word) for word in said[self._seen[guest.uuid]:]]
                self._seen[guest.uuid] = len(said)
