"""Everything the program raises on purpose: one base, one class per cause, grouped by whose fault it is."""
from __future__ import absolute_import, division, print_function


class KvmGracefulError(Exception):
    """Base. Its text is one line for the user: what, where, what to do next."""

    exit_code = 1


class UsageError(KvmGracefulError):
    """The words of the command line do not fit; the user's to mend."""

    exit_code = 2


class ConfigurationError(KvmGracefulError):
    """The configuration has errors, and the verb is one that refuses to act on a guess (`plan`, `stop`)."""

    exit_code = 2

    def __init__(self, problems):
        # type: (list) -> None
        KvmGracefulError.__init__(self, '\n'.join(str(problem) for problem in problems))
        self.problems = problems


class HostError(KvmGracefulError):
    """The host does not tell what has to be known: no init system, no right to look."""


class HypervisorError(KvmGracefulError):
    """The hypervisor cannot be used: no binding, no connection, or silence."""


class HypervisorSilent(HypervisorError):
    """A call to the hypervisor did not come back in its time."""


class QemuSilent(HypervisorError):
    """QEMU's own socket, or the agent behind it, is gone, says nothing in its time, or says nonsense."""


class NoRecord(KvmGracefulError):
    """There is no run to report on."""


class BadList(KvmGracefulError):
    """The list of guests to start again cannot be read, or cannot be marked as used."""
