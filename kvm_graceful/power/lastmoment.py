"""When a shutdown has to begin so that the battery lasts for it: pure arithmetic over Readings."""
from __future__ import absolute_import, division, print_function

from kvm_graceful.power import BATTERY, Reading  # noqa: F401 (Reading: type comments)
from kvm_graceful.power.deadline import Trust, usable_s  # noqa: F401 (Trust: type comments)


def margin_s(reading, takes_s, notice_s, trust):
    # type: (Reading, float, float, Trust) -> float | None
    """In how many seconds a shutdown has to begin, at the latest; None on mains and where the battery does not tell.

    `takes_s`: what the guests need; `notice_s`: what passes before the first of them is asked.
    """
    if reading.supply != BATTERY or reading.runtime_s is None:
        return None
    # Of each second that passes only the trusted share is lost.
    return (usable_s(reading.runtime_s, trust) - takes_s - notice_s) / trust.share


class LastMoment(object):
    """Looks at the margin every `poll_s` seconds, and says when it is the last time that still fits.

    What makes the margin run out has to be there at two looks: the first comes one interval early, so that the second is not
    late. A low battery is believed at once.
    """

    def __init__(self):
        # type: () -> None
        self._seen = 0

    def come(self, reading, margin, poll_s):
        # type: (Reading, float | None, float) -> str
        """Why the shutdown has to begin now; an empty text while it has time."""
        if reading.supply != BATTERY or reading.forced:  # forced: whoever has the UPS is at it already
            self._seen = 0
            return ''
        if reading.low:
            return 'the battery is low'
        if margin is None or margin > 2 * poll_s:
            self._seen = 0
            return ''
        self._seen += 1
        return 'the battery has %.0f s left, and the margin is used up' % (reading.runtime_s or 0) if self._seen > 1 else ''
