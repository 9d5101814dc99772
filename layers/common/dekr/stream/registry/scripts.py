"""The registry's scripts, and the limits by which they decide."""

from typing import Final

from dekr.cache.freshness import CLOCK_TOLERANCE_US
from dekr.store import Script, load_script, lua_text
from dekr.stream.gateway import LIFE_OF_A_CONNECTION_MS
from dekr.stream.pairs import ALL, WITH_ALL
from dekr.stream.ports import CHANGES_KEPT_MS
from dekr.stream.registry.replies import STREAMING
from dekr.tiers import POLICIES, Tier

SECOND_MS: Final = 1_000

MAX_OF_AN_ADDRESS: Final = 20
MAX_UNSIGNED: Final = 5_000
"""So many connections may wait for their sign-in: of one address, and of all."""

CLOCKS_APART_MS: Final = 60 * SECOND_MS
"""A moment of API Gateway farther than this from the store's clock is not of the same clock."""

HEARD_BURST: Final = 30
HEARD_INTERVAL_US: Final = 100_000
"""A connection may send so many messages at once, and one in each such time over long."""

MAX_EVICTIONS: Final = 5
EVICTIONS_KEPT_MS: Final = 60 * SECOND_MS
"""After so many sockets of a user were evicted in this time, it is newcomers who are refused."""

MAX_PARKED: Final = 1_000
"""So many pairs of a connection may wait for the end of its sign-in."""

MAX_REMOVED: Final = 2_000
"""The moments at which pairs were unsubscribed from are kept for so many pairs of a connection: those of two large messages."""

TOMBSTONE_MS: Final = 600 * SECOND_MS
MAX_TOMBSTONES: Final = 50_000
"""A closed connection is remembered for so long, and so many of them."""

MAX_CHANGES: Final = 20_000
"""The change log keeps about so many entries, for CHANGES_KEPT_MS at most. A relay reads it several times a second."""

SILENT_RELAY_US: Final = 10_000_000
"""A relay whose last beat is older does not run."""

WAKE_US: Final = 2_000_000
"""Whoever is to start a relay has so long before another may try."""

AUTH_TIMEOUT_MS: Final = 30 * SECOND_MS
"""A connection has so long for its sign-in."""

_TIERS: Final = tuple(POLICIES[tier] for tier in sorted(Tier))

LIMITS: Final[dict[str, int | tuple[int, ...]]] = {
    "AUTH_TIMEOUT_MS": AUTH_TIMEOUT_MS,
    "CHANGES_KEPT_MS": CHANGES_KEPT_MS,
    "CLOCKS_APART_MS": CLOCKS_APART_MS,
    "CLOCK_TOLERANCE_US": CLOCK_TOLERANCE_US,
    "EVICTIONS_KEPT_MS": EVICTIONS_KEPT_MS,
    "HEARD_BURST": HEARD_BURST,
    "HEARD_INTERVAL_US": HEARD_INTERVAL_US,
    "MAX_AGE_MS": LIFE_OF_A_CONNECTION_MS,
    "MAX_CHANGES": MAX_CHANGES,
    "MAX_EVICTIONS": MAX_EVICTIONS,
    "MAX_OF_AN_ADDRESS": MAX_OF_AN_ADDRESS,
    "MAX_PARKED": MAX_PARKED,
    "MAX_REMOVED": MAX_REMOVED,
    "MAX_TOMBSTONES": MAX_TOMBSTONES,
    "MAX_UNSIGNED": MAX_UNSIGNED,
    "SILENT_RELAY_US": SILENT_RELAY_US,
    "TOMBSTONE_MS": TOMBSTONE_MS,
    "WAKE_US": WAKE_US,
    # Rows of the tier table, the first for tier 1. Who may have no pair may yet sign in, to be told so.
    "TIER_SOCKETS": tuple(max(1, policy.sockets) for policy in _TIERS),
    "TIER_SYMBOLS": tuple(policy.stream_symbols for policy in _TIERS),
    "TIER_STREAMS": tuple(int(STREAMING in policy.features) for policy in _TIERS),
}


def _tiers_with_all() -> str:
    """Write Lua text: by pair of all symbols, for each tier whether it may have it."""
    rows = [
        f"['{channel.value}.{ALL}'] = {{{', '.join(str(int(feature in policy.features)) for policy in _TIERS)}}}"
        for channel, feature in WITH_ALL.items()
    ]
    return f"local TIERS_WITH_ALL = {{{', '.join(rows)}}}"


SHARED: Final = f"{_tiers_with_all()}\n\n{lua_text(__package__, 'registry')}"


def _load(name: str) -> Script:
    return load_script(__package__, name, SHARED, **LIMITS)


OPEN: Final = _load("open")
GREET: Final = _load("greet")
PUT_OFF: Final = _load("put_off")
HEAR: Final = _load("hear")
ADMIT: Final = _load("admit")
RELEASE: Final = _load("release")
CHANGE: Final = _load("change")
CLOSE: Final = _load("close")
DEMOTE: Final = _load("demote")
FIND: Final = _load("find")
DUE: Final = _load("due")
COUNTS: Final = _load("counts")
