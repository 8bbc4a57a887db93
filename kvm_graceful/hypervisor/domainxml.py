"""What a domain's live XML tells: memory, agent, what on_poweroff does, and our own settings in its metadata. Pure."""
from __future__ import absolute_import, division, print_function

from collections import namedtuple
from xml.etree import ElementTree

from kvm_graceful.compat import Any, as_bytes, as_native  # noqa: F401 (Any: type comments)

NAMESPACE = 'urn:kvm-graceful-shutdown:1'
AGENT_CHANNEL = 'org.qemu.guest_agent.0'
MAX_BYTES = 8 << 20  # the largest real one seen has 60 KB
_MIB = {'b': 1.0 / (1 << 20), 'bytes': 1.0 / (1 << 20), 'k': 1 / 1024.0, 'KiB': 1 / 1024.0, 'KB': 1000.0 / (1 << 20),
        'M': 1.0, 'MiB': 1.0, 'MB': 1e6 / (1 << 20), 'G': 1024.0, 'GiB': 1024.0}

# `agent`: none, connected or disconnected; `restarts`: a guest that shuts down is started again at once; `keys`: the text of
# each of our keys in the metadata; `unsavable`: why its memory cannot be saved, or an empty text.
Domain = namedtuple('Domain', 'memory_mib agent restarts keys unsavable')
NOTHING = Domain(0, 'none', False, {}, '')

# What libvirt and QEMU do not save: qemuMigrationSrcIsAllowed() in libvirt. (ElementTree of 2.6 knows no [@name].)
_NEVER_SAVED = (('devices/hostdev', lambda one: one.get('type') != 'usb', 'a device of the host is passed through to it'),
                ('devices/interface', lambda one: one.get('type') in ('hostdev', 'vdpa'), 'a network card is passed through'),
                ('devices/filesystem', lambda one: True, 'it shares a directory with the host'),
                ('devices/shmem', lambda one: one.get('role') != 'master', 'it shares memory with others'),
                ('devices/disk', lambda one: one.find('transient') is not None, 'it has a transient disk'))


def parse(text):
    # type: (str) -> Domain
    """Raises ValueError for what is no domain. The text comes from libvirt, but guests' owners wrote parts of it."""
    return of_element(tree(as_bytes(text), 'domain'))


def tree(data, tag):
    # type: (bytes, str) -> Any
    """The element <tag> that `data` is. Raises ValueError for anything else."""
    if len(data) > MAX_BYTES or b'<!DOCTYPE' in data or b'<!ENTITY' in data:
        raise ValueError('not a domain XML that libvirt would write')
    try:
        root = ElementTree.fromstring(data)
    except Exception as error:  # ParseError since 2.7, expat's own before
        raise ValueError('no XML: %s' % error)
    if root.tag != tag:
        raise ValueError('not a %s but <%s>' % (tag, root.tag))
    return root


def of_element(root):
    # type: (Any) -> Domain
    """What a <domain> tells."""
    return Domain(_memory_mib(root.find('memory')), _agent(root), (root.findtext('on_poweroff') or '').strip() == 'restart',
                  _keys(root.find('metadata/{%s}guest' % NAMESPACE)), _unsavable(root))


def _unsavable(root):
    # type: (Any) -> str
    for path, is_one, why in _NEVER_SAVED:
        if any(is_one(element) for element in root.findall(path)):
            return why
    invariant = any(feature.get('name') == 'invtsc' and feature.get('policy', 'require') in ('require', 'force')
                    for feature in root.findall('cpu/feature'))
    if invariant and not any(timer.get('frequency') for timer in root.findall('clock/timer') if timer.get('name') == 'tsc'):
        return 'its CPU has invtsc, and its clock no fixed TSC frequency'
    return ''


def agent_socket(root):
    # type: (Any) -> str
    """The host's end of the guest agent's channel; empty where there is none."""
    for channel in root.findall('devices/channel'):
        target, source = channel.find('target'), channel.find('source')
        if target is not None and source is not None and target.get('name') == AGENT_CHANNEL:
            return as_native(source.get('path', ''))
    return ''


def _memory_mib(element):
    # type: (Any) -> int
    try:
        return int(float(element.text) * _MIB[element.get('unit', 'KiB')])
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        return 0


def _agent(root):
    # type: (Any) -> str
    for target in root.findall('devices/channel/target'):
        if target.get('name') == AGENT_CHANNEL:
            # libvirt before 1.2.11 does not say: the ping will tell then.
            return 'disconnected' if target.get('state') == 'disconnected' else 'connected'
    return 'none'


def _keys(element):
    # type: (Any) -> dict
    """{key: text} of <guest xmlns="urn:kvm-graceful-shutdown:1"><key name="grace">60</key></guest>."""
    if element is None:
        return {}
    return dict((as_native(key.get('name', '')), as_native(key.text or ''))
                for key in element.findall('{%s}key' % NAMESPACE))


def keys_element(keys):
    # type: (dict) -> str | None
    """The text of the element that `parse` reads `keys` from; libvirt adds the namespace. None for no keys: no element."""
    if not keys:
        return None
    from xml.sax.saxutils import escape, quoteattr  # late: it brings urllib, http and ssl, 16 ms and 6 MB that only `set` needs
    return '<guest>%s</guest>' % ''.join('<key name=%s>%s</key>' % (quoteattr(key), escape(keys[key])) for key in sorted(keys))
