"""libvirt's numbers in our words: states, reasons, events. No binding is imported here, so all of it holds for every release."""
from __future__ import absolute_import, division, print_function

from kvm_graceful import model
from kvm_graceful.compat import Any  # noqa: F401 (type comments)

# VIR_DOMAIN_NOSTATE, RUNNING, BLOCKED, PAUSED, SHUTDOWN, SHUTOFF, CRASHED, PMSUSPENDED
STATES = {0: model.UNKNOWN, 1: model.RUNNING, 2: model.RUNNING, 3: model.PAUSED, 4: model.GOING_OFF, 5: model.OFF,
          6: model.CRASHED, 7: model.SUSPENDED}
PAUSED = 3
# VIR_DOMAIN_PAUSED_*
PAUSED_WHY = {0: 'unknown', 1: 'user', 2: 'migration', 3: 'save', 4: 'dump', 5: 'I/O error', 6: 'watchdog', 7: 'snapshot',
              8: 'shutting down', 9: 'snapshot', 10: 'crashed', 11: 'starting', 12: 'postcopy', 13: 'postcopy', 14: 'unknown'}
# VIR_DOMAIN_SHUTOFF_*: why a domain is off.
SHUTOFF = {1: 'shutdown', 2: 'destroyed', 3: 'crashed', 4: 'migrated', 5: 'saved', 6: 'crashed'}

# VIR_DOMAIN_EVENT_*
STARTED, SUSPENDED, RESUMED, STOPPED, SHUTDOWN, PMSUSPENDED, CRASHED = 2, 3, 4, 5, 6, 7, 8
SHUTDOWN_BY_HOST = 2
LIFECYCLE, REBOOT = 0, 1  # VIR_DOMAIN_EVENT_ID_*
# VIR_DOMAIN_EVENT_STOPPED_*: how it went off.
STOPPED_HOW = {0: 'shutdown', 1: 'destroyed', 2: 'crashed', 3: 'migrated', 4: 'saved', 5: 'crashed'}
# VIR_DOMAIN_EVENT_SUSPENDED_*
SUSPENDED_WHY = {0: 'user', 1: 'migration', 2: 'I/O error', 3: 'watchdog', 4: 'starting', 5: 'snapshot', 6: 'unknown',
                 7: 'postcopy', 8: 'postcopy'}

# That detail, VIR_DOMAIN_EVENT_SUSPENDED_PAUSED, comes for each pause by a command: a user's, and that of a save.
SUSPENDED_FOR_ANY_REASON = 0
BYPASS_CACHE = 1       # VIR_DOMAIN_SAVE_BYPASS_CACHE
MIGRATION_IN, MIGRATION_OUT = 4, 5  # VIR_DOMAIN_JOB_OPERATION_*

ACPI, AGENT = 1, 2     # VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN, _GUEST_AGENT
GRACEFUL = 1           # VIR_DOMAIN_DESTROY_GRACEFUL: SIGTERM and 15 s, an error instead of SIGKILL
POWEROFF, TO_DESTROY, LIVE = 0, 0, 1  # VIR_DOMAIN_LIFECYCLE_POWEROFF, _ACTION_DESTROY, VIR_DOMAIN_AFFECT_LIVE
CONFIG, XML_INACTIVE, METADATA_ELEMENT = 2, 2, 2  # VIR_DOMAIN_AFFECT_CONFIG, _XML_INACTIVE, _METADATA_ELEMENT
ACTIVE, INACTIVE, TRANSIENT, RUNNING = 1, 2, 8, 16  # VIR_CONNECT_LIST_DOMAINS_*
NO_DOMAIN, OPERATION_UNSUPPORTED = 42, 84  # VIR_ERR_*
FLAGS_UNKNOWN = (3, 8, 74)  # NO_SUPPORT, INVALID_ARG, ARGUMENT_UNSUPPORTED: the driver does not know the flag


def state(number, reason):
    # type: (int, int) -> tuple
    """(state, why it is paused or an empty text)."""
    return STATES.get(number, model.UNKNOWN), PAUSED_WHY.get(reason, 'unknown') if number == PAUSED else ''


def state_after(event, detail):
    # type: (int, int) -> tuple | None
    """(state, reason) that a lifecycle event leads to; None where it says nothing of a guest that is on."""
    if event == SUSPENDED:
        return model.PAUSED, SUSPENDED_WHY.get(detail, 'unknown')
    if event in (RESUMED, STARTED):
        return model.RUNNING, ''
    return {PMSUSPENDED: (model.SUSPENDED, ''), CRASHED: (model.CRASHED, '')}.get(event)


def code_of(error):
    # type: (Any) -> int | None
    """The VIR_ERR_* number of a libvirtError; None for any other exception."""
    code = getattr(error, 'get_error_code', None)
    return code() if code is not None else None
