"""The scripts of the record of demand, and the numbers that they share with the audit of preloads."""

from typing import Final

from dekr.cache.freshness import CLOCK_TOLERANCE_US, DAY_US, SECOND_US
from dekr.store import load_script, lua_text

SCORES_SINCE_US: Final = 1_767_225_600 * SECOND_US
"""1 January 2026 (UTC), from which the weights of requests are counted. Any moment would do, but it must never change."""

MAX_RECORD_AHEAD_US: Final = DAY_US
"""A record that was written farther ahead of the clock than this begins anew."""

YOUNGEST_RECORD_US: Final = 600 * SECOND_US
"""A younger record counts as this old, because its first requests say little about how many follow."""

RECORD_KEPT_S: Final = 30 * 86_400
"""The record is forgotten after so long without a request."""

RECORD_FUNCTIONS: Final = lua_text(__package__, "record")
"""Lua functions that the scripts of the record and of its audit share. They need RECORD_NUMBERS."""

RECORD_NUMBERS: Final = {
    "CLOCK_TOLERANCE_US": CLOCK_TOLERANCE_US,
    "MAX_RECORD_AHEAD_US": MAX_RECORD_AHEAD_US,
    "RECORD_KEPT_S": RECORD_KEPT_S,
    "SCORES_SINCE_US": SCORES_SINCE_US,
    "YOUNGEST_RECORD_US": YOUNGEST_RECORD_US,
}

RECORD_REQUESTS: Final = load_script(__package__, "record_requests", RECORD_FUNCTIONS, **RECORD_NUMBERS)
FORECAST: Final = load_script(__package__, "forecast", RECORD_FUNCTIONS, **RECORD_NUMBERS)
RECORD_REFRESH: Final = load_script(__package__, "record_refresh", RECORD_FUNCTIONS, **RECORD_NUMBERS)
SET_PREFERENCES: Final = load_script(__package__, "set_preferences", **RECORD_NUMBERS)
