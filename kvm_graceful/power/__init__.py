"""The port to the batteries: is the host on one, and for how long still.

Every implementation (nut.py, apcupsd.py) has `read()`, which gives a Reading within `wire.LIMIT_S` seconds and never raises:
what cannot be had is a Reading of UNKNOWN that says why. `close()` gives the connection back.
"""
from __future__ import absolute_import, division, print_function

from collections import namedtuple

# Unknown is never plenty: it does not end the time on battery, and adds no second to it.
MAINS, BATTERY, UNKNOWN = 'mains', 'battery', 'unknown'

# What one UPS tells, or several of them together. `supply`: MAINS (also while it calibrates or tests itself), BATTERY or
# UNKNOWN; `runtime_s`: what the battery has left, None where it is not told; `charge`: percent, or None; `low`: it says that it
# is about to give out; `forced`: the power is going to be cut, whatever the battery has (NUT: FSD); `logins`: hosts that its
# server waits for, None where nobody counts them; `text`: for people.
Reading = namedtuple('Reading', 'supply runtime_s charge low forced logins text fresh')


def unknown(why):
    # type: (str) -> Reading
    return Reading(UNKNOWN, None, None, False, False, None, why, True)
