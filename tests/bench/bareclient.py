"""The least that a client of libvirt can do: ask all running guests at once, wait for the last one's STOPPED event.

bareclient.py [TIER...]: with tiers, comma-separated names, it asks one of them after the other. Run inside the namespaces of a
private libvirtd, as the floor that everything else is measured against.
"""

import sys

import libvirt


def main(tiers):
    libvirt.virEventRegisterDefaultImpl()
    connection = libvirt.open('qemu:///system')
    on = set()

    def lifecycle(_connection, domain, event, _detail, _opaque):
        if event == libvirt.VIR_DOMAIN_EVENT_STOPPED:
            on.discard(domain.UUIDString())
    connection.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, lifecycle, None)
    known = {domain.name(): domain for domain in connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)}
    for names in tiers or [list(known)]:
        on.update(known[name].UUIDString() for name in names)
        for name in names:
            known[name].shutdownFlags(libvirt.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN)
        while on:
            libvirt.virEventRunDefaultImpl()


if __name__ == '__main__':
    main([tier.split(',') for tier in sys.argv[1:]])
