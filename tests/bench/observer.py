"""Hears what QEMU and libvirtd tell of every guest, and prints it: a JSON list [what, uuid, monotonic seconds] a line.

Run inside the namespaces of a private libvirtd by course.py, beside the client that is measured and not by it. POWERDOWN (the
power button was pressed) and SHUTDOWN (the guest has gone off) carry QEMU's own time; STOPPED (libvirtd is done with it) has the
time at which it was heard. READY: from now on nothing is missed.
"""

import json
import time

import libvirt
import libvirt_qemu


def main():
    libvirt.virEventRegisterDefaultImpl()
    connection = libvirt.open('qemu:///system')
    ahead_s = time.time() - time.monotonic()

    def tell(what, uuid, at):
        print(json.dumps([what, uuid, at]), flush=True)

    def by_qemu(_connection, domain, event, seconds, micros, _details, _opaque):
        tell(event, domain.UUIDString(), seconds + micros / 1e6 - ahead_s)

    def by_libvirtd(_connection, domain, event, _detail, _opaque):
        if event == libvirt.VIR_DOMAIN_EVENT_STOPPED:
            tell('STOPPED', domain.UUIDString(), time.monotonic())
    libvirt_qemu.qemuMonitorEventRegister(connection, None, '^(POWERDOWN|SHUTDOWN)$', by_qemu, None,
                                          libvirt_qemu.VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX)
    connection.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, by_libvirtd, None)
    tell('READY', '', time.monotonic())
    while True:
        libvirt.virEventRunDefaultImpl()


if __name__ == '__main__':
    main()
