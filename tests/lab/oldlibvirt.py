"""libvirt's real binding, with the API of an older release: what came later is not there. In place of `import libvirt`.

Python 2.6 dialect, like the program that imports it. Which name came with which release: libvirt's own libvirt_public.syms.
"""
from __future__ import absolute_import, division, print_function

import os
import re
import sys

RELEASE = 'of today'  # tests/lab/tool.py puts one of SINCE here

# In order: each release has what those before it have.
SINCE = (
    ('0.7.5', '''
        libvirtError registerErrorHandler open openReadOnly getVersion
        close getURI getType getHostname getLibVersion listDomainsID numOfDomains listDefinedDomains numOfDefinedDomains
        lookupByID lookupByName lookupByUUID lookupByUUIDString defineXML createXML domainEventRegister domainEventDeregister
        ID name UUID UUIDString OSType info isActive isPersistent XMLDesc connect _o
        create shutdown reboot destroy suspend resume save coreDump undefine autostart setAutostart'''),
    ('0.9.2', '''
        virEventRegisterDefaultImpl virEventRunDefaultImpl
        domainEventRegisterAny domainEventDeregisterAny
        state managedSave hasManagedSaveImage managedSaveRemove getJobInfo jobInfo abortJob createWithFlags'''),
    ('0.9.8', '''
        virEventAddTimeout virEventAddHandle setKeepAlive isAlive
        destroyFlags controlInfo undefineFlags saveFlags'''),
    ('1.2.2', '''
        listAllDomains registerCloseCallback unregisterCloseCallback
        shutdownFlags setMetadata metadata pMSuspendForDuration pMWakeup jobStats'''),
)


def _names():
    found = set()
    for release, names in SINCE:
        found.update(names.split())
        if release == RELEASE:
            return found
    raise ImportError('no API of libvirt %s is known here' % RELEASE)


NAMES = _names()


def _real_binding():
    """The binding, which has the name of this module, from the rest of the path."""
    here = os.path.dirname(os.path.abspath(__file__))
    path, ours = list(sys.path), sys.modules.pop('libvirt')
    sys.path[:] = [place for place in path if os.path.abspath(place or '.') != here]
    try:
        return __import__('libvirt')
    finally:
        sys.modules['libvirt'] = ours
        sys.path[:] = path


_real = _real_binding()
libvirtError = _real.libvirtError
registerErrorHandler = _real.registerErrorHandler
for _name in ('virEventRegisterDefaultImpl', 'virEventRunDefaultImpl', 'virEventAddTimeout', 'virEventAddHandle'):
    if _name in NAMES:
        globals()[_name] = getattr(_real, _name)


def open(uri):
    return Old(_real.open(uri))


def _old_xml(text):
    """Units and metadata came with 0.9.11 and 0.9.10."""
    if 'setMetadata' in NAMES:
        return text
    return re.sub(r'(?s)<metadata>.*?</metadata>\s*', '', text).replace(" unit='KiB'", '')


class Old(object):
    """A connection or a domain of the older release."""

    def __init__(self, real):
        self.__dict__['_real'] = real

    def __getattr__(self, name):
        if name not in NAMES:
            raise AttributeError('%s came after libvirt %s' % (name, RELEASE))
        real = getattr(self._real, name)
        if not callable(real):
            return real

        def call(*arguments):
            # A callback is handed domains too.
            return _wrapped(real(*[_callback(each) for each in arguments]), name)
        return call


def _callback(value):
    if not callable(value):
        return value
    return lambda *arguments: value(*[_wrapped(each) for each in arguments])


def _wrapped(value, name=''):
    if isinstance(value, (_real.virDomain, _real.virConnect)):
        return Old(value)
    if isinstance(value, list):
        return [_wrapped(each) for each in value]
    return _old_xml(value) if name == 'XMLDesc' else value
