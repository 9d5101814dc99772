"""The gate's scripts, and the limits by which they decide."""

from typing import Final

from dekr.cache.freshness import CLOCK_TOLERANCE_US, SECOND_US
from dekr.gate.permit import LONGEST_PAUSE_S
from dekr.store import load_script, lua_text

DENIED_US: Final = (60 * SECOND_US, 300 * SECOND_US, 900 * SECOND_US, 3600 * SECOND_US)
"""A family that the plan is believed to lack is left alone for the first of these times, then probed; after each probe that is
refused, too, for the next of them, and then for the last.
"""

CONFIRMED_AFTER_US: Final = 10 * SECOND_US
"""A refusal is believed for all tickers when another ticker's follows it so much later or more, and nothing has succeeded
between them.
"""

FAILURES_TO_OPEN: Final = 5
BREAKER_WINDOW_US: Final = 30 * SECOND_US
"""A family's breaker opens after so many failures in this time, where they are at least half of the calls."""

SLOW_FAILURES_TO_OPEN: Final = 2
"""It opens after so many slow failures in a row, too, however long that took."""

FIRST_OPEN_US: Final = 5 * SECOND_US
MAX_OPEN_US: Final = 60 * SECOND_US
"""A breaker stays open for FIRST_OPEN_US, and after each probe that fails twice as long as before, up to MAX_OPEN_US."""

MAX_TRIPS: Final = 10
"""More openings in a row than this are not counted: MAX_OPEN_US is reached long before."""

MAX_LEASE_US: Final = 30 * SECOND_US
"""No lease, and so no probe of a breaker, lasts longer."""

FAMILY_KEPT_MS: Final = 2 * 3600 * 1000
"""A family's breaker and entitlement are forgotten after so long without a call of it."""

MOST_DIVISOR: Final = 2
"""A user has made most of the calls from this part of them on: the window's calls divided by this number."""

KEPT_DIVISOR: Final = 4
"""When less than the budget divided by this is left, it is kept for others than the user who has made most of the calls."""

CALL_LOG: Final = lua_text(__package__, "call_log")

LIMITS: Final[dict[str, int | tuple[int, ...]]] = {
    "BREAKER_WINDOW_US": BREAKER_WINDOW_US,
    "CLOCK_TOLERANCE_US": CLOCK_TOLERANCE_US,
    "CONFIRMED_AFTER_US": CONFIRMED_AFTER_US,
    "DENIED_US": DENIED_US,
    "FAILURES_TO_OPEN": FAILURES_TO_OPEN,
    "FAMILY_KEPT_MS": FAMILY_KEPT_MS,
    "FIRST_OPEN_US": FIRST_OPEN_US,
    "KEPT_DIVISOR": KEPT_DIVISOR,
    "LONGEST_PAUSE_US": int(LONGEST_PAUSE_S * SECOND_US),
    "MAX_DENIED_US": DENIED_US[-1],
    "MAX_LEASE_US": MAX_LEASE_US,
    "MAX_OPEN_US": MAX_OPEN_US,
    "MAX_TRIPS": MAX_TRIPS,
    "MOST_DIVISOR": MOST_DIVISOR,
    "SLOW_FAILURES_TO_OPEN": SLOW_FAILURES_TO_OPEN,
}

ADMIT: Final = load_script(__package__, "gate", CALL_LOG, **LIMITS)
SETTLE: Final = load_script(__package__, "settle", **LIMITS)
STATE: Final = load_script(__package__, "state")
