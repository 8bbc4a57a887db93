"""What `check` wants to know of each domain beyond its Guest. Handed a connection; errors are the binding's own."""
from __future__ import absolute_import, division, print_function

from collections import namedtuple
from xml.etree import ElementTree

from kvm_graceful.compat import Any, as_bytes  # noqa: F401 (Any: type comments)

# `acpi`: a press of its power button reaches it; `unsafe_cache`: a disk whose writes QEMU never flushes.
Facts = namedtuple('Facts', 'acpi unsafe_cache autostart')
UNKNOWN = Facts(True, False, False)  # nothing is found where nothing can be seen

# Elsewhere the power button needs no ACPI: spapr has events of its own, s390 signals.
_WITH_ACPI = ('x86_64', 'i686')


def facts(connection, uuids):
    # type: (Any, list) -> dict
    """{uuid: Facts} of these domains. One that went off meanwhile is left out."""
    found = {}
    for uuid in uuids:
        try:
            domain = connection.lookupByUUIDString(uuid)
            found[uuid] = parse(domain.XMLDesc(0))._replace(autostart=bool(domain.autostart()))
        except Exception:
            found[uuid] = UNKNOWN
    return found


def parse(text):
    # type: (str) -> Facts
    """Raises ValueError for what is no domain."""
    try:
        root = ElementTree.fromstring(as_bytes(text))
    except Exception as error:  # ParseError since 2.7, expat's own before
        raise ValueError('no XML: %s' % error)
    os_type = root.find('os/type')
    arch = os_type.get('arch', '') if os_type is not None else ''
    return Facts(root.find('features/acpi') is not None or arch not in _WITH_ACPI,
                 any(driver.get('cache') == 'unsafe' for driver in root.findall('devices/disk/driver')), False)
