"""The seven subscription tiers and everything that depends on them, in one table.

Ages are in seconds and mean: a reader of this tier may have data whose fetch started less than that long ago, in the
regular session (``dekr.cache.freshness`` applies the session). They are the platform's promise and fixed. The limits are
this service's own.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class Tier(IntEnum):
    """A subscription tier; a higher number includes all that a lower one has."""

    FREEMIUM = 1
    MARKET_HOURS_PRO = 2
    SECTOR_SPECIALIST = 3
    WEEKEND_WARRIOR = 4
    DARK_POOL_INSIDER = 5
    ALGORITHMIC_TRADER = 6
    INSTITUTIONAL_ELITE = 7

    @property
    def policy(self) -> "TierPolicy":
        """The tier's row of the table."""
        return POLICIES[self]


@dataclass(frozen=True, slots=True)
class TierPolicy:
    """What one tier may have.

    ``real_time_s``, ``historical_s``, ``news_s``: largest age in seconds. ``per_minute``: sustained requests a minute,
    ``burst``: how many may come at once, ``per_day``: requests a UTC day (None: no cap). ``batch``: symbols in one batch.
    ``reserved``: whether the tier may use the part of the upstream budget that is kept for the upper tiers.
    """

    real_time_s: int
    historical_s: int
    news_s: int
    per_minute: int
    burst: int
    per_day: int | None
    batch: int
    stream_symbols: int
    sockets: int
    features: frozenset[str]
    reserved: bool


_ALL: Final = frozenset[str]()
_STREAM: Final = frozenset({"streaming"})
_EVERYTHING: Final = frozenset({"streaming", "stream_all_minutes", "stream_all_seconds"})

POLICIES: Final[dict[Tier, TierPolicy]] = {
    Tier.FREEMIUM: TierPolicy(3600, 86400, 7200, 30, 10, 1_000, 10, 0, 0, _ALL, False),
    Tier.MARKET_HOURS_PRO: TierPolicy(900, 3600, 1800, 120, 30, 20_000, 25, 0, 0, _ALL, False),
    Tier.SECTOR_SPECIALIST: TierPolicy(900, 3600, 1800, 120, 30, 20_000, 25, 0, 0, _ALL, False),
    Tier.WEEKEND_WARRIOR: TierPolicy(300, 1800, 900, 240, 60, 50_000, 50, 0, 0, _ALL, False),
    Tier.DARK_POOL_INSIDER: TierPolicy(300, 1800, 900, 300, 60, 100_000, 100, 25, 1, _STREAM, True),
    Tier.ALGORITHMIC_TRADER: TierPolicy(60, 300, 300, 1_200, 200, 500_000, 250, 200, 3, _STREAM, True),
    Tier.INSTITUTIONAL_ELITE: TierPolicy(30, 300, 300, 6_000, 1_000, None, 250, 1_000, 10, _EVERYTHING, True),
}

MAX_REAL_TIME_S: Final = max(policy.real_time_s for policy in POLICIES.values())
"""The largest age of real-time data that any tier may have in the regular session, in seconds."""
