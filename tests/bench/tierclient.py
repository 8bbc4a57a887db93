"""A model of what Proxmox (`stopall`) and Incus do: tiers with a barrier between them, looked at once a second.

tierclient.py TIER...: each a comma-separated list of guests' names; run inside the namespaces of a private libvirtd. A tier is asked
all at once; the next one's turn comes when a look finds none of it on. PVE::QemuServer::vm_stop and the shutdown of Incus look
every second; neither listens to events. What else they do costs more, and is left out in their favour.
"""

import sys
import time

import libvirt

LOOK_EVERY_S = 1.0


def main(tiers):
    connection = libvirt.open('qemu:///system')
    for tier in tiers:
        domains = [connection.lookupByName(name) for name in tier.split(',')]
        for domain in domains:
            domain.shutdownFlags(libvirt.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN)
        while any(domain.isActive() for domain in domains):
            time.sleep(LOOK_EVERY_S)


if __name__ == '__main__':
    main(sys.argv[1:])
