"""libvirt's numbers, which the program has by heart, are those of its own header."""

import libvirt

from kvm_graceful.hypervisor import libvirtwords as words


def test_the_numbers_are_those_of_libvirt():
    for ours, theirs in ((words.MIGRATION_IN, 'DOMAIN_JOB_OPERATION_MIGRATION_IN'), (words.MIGRATION_OUT, 'DOMAIN_JOB_OPERATION_MIGRATION_OUT'),
                         (words.PAUSED, 'DOMAIN_PAUSED'), (words.STARTED, 'DOMAIN_EVENT_STARTED'), (words.SUSPENDED, 'DOMAIN_EVENT_SUSPENDED'),
                         (words.RESUMED, 'DOMAIN_EVENT_RESUMED'), (words.STOPPED, 'DOMAIN_EVENT_STOPPED'), (words.SHUTDOWN, 'DOMAIN_EVENT_SHUTDOWN'),
                         (words.PMSUSPENDED, 'DOMAIN_EVENT_PMSUSPENDED'), (words.CRASHED, 'DOMAIN_EVENT_CRASHED'),
                         (words.SHUTDOWN_BY_HOST, 'DOMAIN_EVENT_SHUTDOWN_HOST'), (words.LIFECYCLE, 'DOMAIN_EVENT_ID_LIFECYCLE'),
                         (words.REBOOT, 'DOMAIN_EVENT_ID_REBOOT'), (words.SUSPENDED_FOR_ANY_REASON, 'DOMAIN_EVENT_SUSPENDED_PAUSED'),
                         (words.BYPASS_CACHE, 'DOMAIN_SAVE_BYPASS_CACHE'), (words.ACPI, 'DOMAIN_SHUTDOWN_ACPI_POWER_BTN'),
                         (words.AGENT, 'DOMAIN_SHUTDOWN_GUEST_AGENT'), (words.GRACEFUL, 'DOMAIN_DESTROY_GRACEFUL'),
                         (words.POWEROFF, 'DOMAIN_LIFECYCLE_POWEROFF'), (words.TO_DESTROY, 'DOMAIN_LIFECYCLE_ACTION_DESTROY'),
                         (words.LIVE, 'DOMAIN_AFFECT_LIVE'), (words.CONFIG, 'DOMAIN_AFFECT_CONFIG'), (words.XML_INACTIVE, 'DOMAIN_XML_INACTIVE'),
                         (words.METADATA_ELEMENT, 'DOMAIN_METADATA_ELEMENT'), (words.ACTIVE, 'CONNECT_LIST_DOMAINS_ACTIVE'),
                         (words.INACTIVE, 'CONNECT_LIST_DOMAINS_INACTIVE'), (words.TRANSIENT, 'CONNECT_LIST_DOMAINS_TRANSIENT'),
                         (words.RUNNING, 'CONNECT_LIST_DOMAINS_RUNNING'), (words.NO_DOMAIN, 'ERR_NO_DOMAIN'),
                         (words.OPERATION_UNSUPPORTED, 'ERR_OPERATION_UNSUPPORTED')):
        assert ours == getattr(libvirt, 'VIR_' + theirs), theirs
    assert words.FLAGS_UNKNOWN == (libvirt.VIR_ERR_NO_SUPPORT, libvirt.VIR_ERR_INVALID_ARG, libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED)


# Each of libvirt's names for the reason, up to those that the program may take for `unknown`.
REASONS = {
    'PAUSED_WHY': ('DOMAIN_PAUSED_', {'USER': 'user', 'MIGRATION': 'migration', 'SAVE': 'save', 'DUMP': 'dump', 'IOERROR': 'I/O error',
                                      'WATCHDOG': 'watchdog', 'FROM_SNAPSHOT': 'snapshot', 'SHUTTING_DOWN': 'shutting down',
                                      'SNAPSHOT': 'snapshot', 'CRASHED': 'crashed', 'STARTING_UP': 'starting', 'POSTCOPY': 'postcopy',
                                      'POSTCOPY_FAILED': 'postcopy'}),
    'SHUTOFF': ('DOMAIN_SHUTOFF_', {'SHUTDOWN': 'shutdown', 'DESTROYED': 'destroyed', 'CRASHED': 'crashed', 'MIGRATED': 'migrated',
                                    'SAVED': 'saved', 'FAILED': 'crashed'}),
    'STOPPED_HOW': ('DOMAIN_EVENT_STOPPED_', {'SHUTDOWN': 'shutdown', 'DESTROYED': 'destroyed', 'CRASHED': 'crashed', 'MIGRATED': 'migrated',
                                              'SAVED': 'saved', 'FAILED': 'crashed'}),
    'SUSPENDED_WHY': ('DOMAIN_EVENT_SUSPENDED_', {'PAUSED': 'user', 'MIGRATED': 'migration', 'IOERROR': 'I/O error', 'WATCHDOG': 'watchdog',
                                                  'FROM_SNAPSHOT': 'snapshot', 'POSTCOPY': 'postcopy', 'POSTCOPY_FAILED': 'postcopy'}),
}


def test_so_are_the_reasons():
    for table, (prefix, reasons) in REASONS.items():
        for name, ours in reasons.items():
            number = getattr(libvirt, 'VIR_' + prefix + name, None)
            if number is not None or name in ('USER', 'SHUTDOWN', 'PAUSED'):  # the last are too new for some binding
                assert getattr(words, table)[number] == ours, (table, name)
