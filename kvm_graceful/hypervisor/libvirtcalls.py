"""Calls on libvirt's own objects, by what the release at hand knows. Each may block without end: they are for worker threads.

Errors are the binding's own; what is survived is said. This room is handed connections and domains, and imports no binding.
"""
from __future__ import absolute_import, division, print_function

from kvm_graceful import model
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.hypervisor import domainxml, processes
from kvm_graceful.hypervisor import libvirtwords as words

AGENT_PING_S = 2


def list_guests(connection, uri, key_of):
    # type: (Any, str, Any) -> tuple
    """([(Guest, domain)] that are on, by name; [names of all domains])."""
    ages = processes.ages()
    found, off = [], connection.listDefinedDomains()
    for domain, is_running, persistent in _on(connection):
        try:
            found.append((guest_of(domain, uri, key_of, ages, is_running, persistent), domain))
        except Exception as error:
            if words.code_of(error) != words.NO_DOMAIN:  # it went off since the list was made
                raise
    found.sort(key=lambda pair: (pair[0].name, pair[0].uuid))
    return found, [guest.name for guest, _ in found] + list(off)


def _on(connection):
    # type: (Any) -> list
    """[(domain, True if surely running, whether persistent or None)], in as few calls as there can be."""
    if not hasattr(connection, 'listAllDomains'):  # libvirt before 0.9.13
        return [(domain, False, bool(domain.isPersistent()) if hasattr(domain, 'isPersistent') else None)
                for domain in _by_id(connection)]
    running = _uuids(connection.listAllDomains(words.RUNNING))
    transient = _uuids(connection.listAllDomains(words.ACTIVE | words.TRANSIENT))
    return [(domain, domain.UUIDString() in running, domain.UUIDString() not in transient)
            for domain in connection.listAllDomains(words.ACTIVE)]


def _by_id(connection):
    # type: (Any) -> list
    found = []
    for number in connection.listDomainsID():
        try:
            found.append(connection.lookupByID(number))
        except Exception as error:
            if words.code_of(error) != words.NO_DOMAIN:
                raise
    return found


def _uuids(domains):
    # type: (list) -> set
    return set(domain.UUIDString() for domain in domains)


def uuids_on(connection):
    # type: (Any) -> dict
    """{uuid: domain} of all that are on."""
    domains = connection.listAllDomains(words.ACTIVE) if hasattr(connection, 'listAllDomains') else _by_id(connection)
    return dict((domain.UUIDString(), domain) for domain in domains)


def guest_of(domain, uri, key_of, ages, is_running=False, persistent=None):
    # type: (Any, str, Any, dict, bool, bool | None) -> model.Guest
    """A domain as our Guest. XML that cannot be read costs no more than what it would have told."""
    uuid = domain.UUIDString()
    state, reason = (model.RUNNING, '') if is_running else state_of(domain)
    try:
        told = domainxml.parse(domain.XMLDesc(0))
    except ValueError:
        told = domainxml.NOTHING
    return model.Guest(key_of(uuid), domain.name(), uuid, uri, state, persistent, reason,
                       told.memory_mib, told.agent, told.restarts, ages.get(uuid), tuple(sorted(told.keys.items())),
                       told.unsavable)


def newcomer(domain, uri, key_of):
    # type: (Any, str, Any) -> model.Guest
    """A guest that was started in the middle. libvirt may list it before its QEMU is there to tell its age."""
    guest = guest_of(domain, uri, key_of, processes.ages())
    return guest if guest.up_s is not None else guest._replace(up_s=0.0)


def state_of(domain):
    # type: (Any) -> tuple
    """(state, why it is paused or an empty text).

    libvirt before 0.9.2 knows no reasons; QEMU's command line tells those apart that must not be resumed. One that was restored
    looks the same: where somebody pauses it later, it is not resumed either.
    """
    if not hasattr(domain, 'state'):
        state, why = words.state(domain.info()[0], 0)
        return state, 'incoming migration' if why and processes.is_incoming(domain.UUIDString()) else why
    state, why = words.state(*domain.state(0)[:2])
    if why == 'migration' and _job_of(domain) == words.MIGRATION_IN:
        return state, 'incoming migration'
    return (on_the_move(domain) if state == model.RUNNING else None) or (state, why)


def on_the_move(domain):
    # type: (Any) -> tuple | None
    """(state, why) of a guest that is being migrated to another host or from one, whatever else libvirt calls it meanwhile: it
    would let a request wait for 30 s, and refuse. None where it stays."""
    job = _job_of(domain)
    if job == words.MIGRATION_IN:
        return model.PAUSED, 'incoming migration'
    return (model.MIGRATING, '') if job == words.MIGRATION_OUT else None


def _job_of(domain):
    # type: (Any) -> int
    """What somebody has libvirt do with the guest, a VIR_DOMAIN_JOB_OPERATION_*; 0 for nothing, or nothing that it tells."""
    try:
        job = domain.jobStats(0)
    except AttributeError:
        return 0  # before 1.0.3
    except Exception as error:
        if words.code_of(error) is None:
            raise
        # "Migration statistics are available only on the source host."
        return words.MIGRATION_IN if words.code_of(error) == words.OPERATION_UNSUPPORTED else 0
    return int(job.get('operation', 0))  # before 3.3.0 it does not say


def how_it_ended(connection, uuid, is_new):
    # type: (Any, str, bool) -> str | None
    """The second look at a guest that is not in the list: how it went off, or None where it is on after all. `is_new`: this
    libvirtd may have been started since; it calls a guest crashed whose QEMU it finds gone, though the one before ended it."""
    try:
        domain = connection.lookupByUUIDString(uuid)
        if domain.isActive():
            return None
        how = words.SHUTOFF.get(domain.state(0)[1], 'gone') if hasattr(domain, 'state') else 'gone'
        return 'gone' if is_new and how == 'crashed' else how
    except Exception as error:
        if words.code_of(error) == words.NO_DOMAIN:
            return 'gone'
        raise


def press(domain):
    # type: (Any) -> None
    """The ACPI power button."""
    if not _with_flags(domain, 'shutdownFlags', words.ACPI):
        # Before 0.9.10 there are no flags, and some drivers know none.
        domain.shutdown()


def ask_agent(domain, ping):
    # type: (Any, Any) -> None
    """Shutdown through the guest agent. `ping(domain, seconds)` goes first: libvirt alone would wait a minute for a dead one."""
    if hasattr(domain, 'agentSetResponseTimeout'):
        domain.agentSetResponseTimeout(AGENT_PING_S, 0)  # else its own first question, 5 s, comes before the ping
    ping(domain, AGENT_PING_S)
    domain.shutdownFlags(words.AGENT)


def destroy(domain):
    # type: (Any) -> None
    """SIGTERM to QEMU, and an error where that does not end it."""
    if not _with_flags(domain, 'destroyFlags', words.GRACEFUL):
        domain.destroy()


# Commands that are one call. managedSave comes back only when the memory is on disk; where it fails the guest goes on.
CALL = {model.Destroy: lambda domain, _: destroy(domain), model.Save: lambda domain, flags: domain.managedSave(flags),
        model.AbortJob: lambda domain, _: domain.abortJob(), model.Resume: lambda domain, _: domain.resume(),
        model.Wake: lambda domain, _: domain.pMWakeup(0)}


def failure(command, key, why):
    # type: (Any, str, str) -> Any
    """The fact that `command` failed."""
    if isinstance(command, model.Destroy):
        return model.ForceFailed(key, why)
    if isinstance(command, model.Save):
        return model.SaveFailed(key, why)
    return model.AskFailed(key, why, 'abort' if isinstance(command, model.AbortJob) else getattr(command, 'method', None))


def end_at_shutdown(domain):
    # type: (Any) -> None
    """on_poweroff: destroy. Where libvirt has no such call (before 3.9) or refuses, the reboot will be seen instead."""
    try:
        domain.setLifecycleAction(words.POWEROFF, words.TO_DESTROY, words.LIVE)
    except AttributeError:
        pass
    except Exception as error:
        if words.code_of(error) is None:
            raise


def change_keys(connection, name, change):
    # type: (Any, str, Any) -> dict | None
    """See Hypervisor.change_keys. What is persistent is changed there, what is on there too."""
    try:
        domain = connection.lookupByName(name)
    except Exception as error:
        if words.code_of(error) == words.NO_DOMAIN:
            return None
        raise
    flags = (words.LIVE if domain.isActive() else 0) | (words.CONFIG if domain.isPersistent() else 0)
    keys = change(domainxml.parse(domain.XMLDesc(words.XML_INACTIVE if flags & words.CONFIG else 0)).keys)
    domain.setMetadata(words.METADATA_ELEMENT, domainxml.keys_element(keys), 'kgs', domainxml.NAMESPACE, flags)
    return keys


def _with_flags(domain, call, flags):
    # type: (Any, str, int) -> bool
    """Calls with flags; False where this release or this driver knows none."""
    if not hasattr(domain, call):
        return False
    try:
        getattr(domain, call)(flags)
    except Exception as error:
        if words.code_of(error) in words.FLAGS_UNKNOWN:
            return False
        raise
    return True
