"""The seven subscription tiers: one table of the ages, limits and features of each.

An age is in seconds. A reader of the tier may have data whose fetch started less than so long ago, in the regular session;
``dekr.cache.freshness`` has the rule for the other sessions. The ages are the platform's promise and fixed, the limits are this
service's own.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class Tier(IntEnum):
    """A subscription tier. A higher tier includes everything that a lower one has."""

    FREEMIUM = 1
    MARKET_HOURS_PRO = 2
    SECTOR_SPECIALIST = 3
    WEEKEND_WARRIOR = 4
    DARK_POOL_INSIDER = 5
    ALGORITHMIC_TRADER = 6
    INSTITUTIONAL_ELITE = 7

    @property
    def policy(self) -> "TierPolicy":
        """The ages and limits of the tier: its row in POLICIES."""
        return POLICIES[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class TierPolicy:
    """One row of the table: what a tier may have.

    ``real_time_s``, ``historical_s``, ``news_s``: the largest age in seconds of quotes, trades, snapshots and intraday bars, of
    day bars and longer ones, and of news. ``per_minute``: sustained requests a minute; ``burst``: how many may come at once;
    ``per_day``: requests a UTC day (None: no cap). ``batch``: symbols in one batch. ``stream_symbols``, ``sockets``: symbols
    and connections of the stream; ``features``: its parts that the tier includes. ``reserved``: whether the tier may use the
    part of the upstream budget that is kept for the upper tiers.
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


_NO_FEATURES: Final = frozenset[str]()
_STREAM: Final = frozenset({"streaming"})
_ALL_FEATURES: Final = frozenset({"streaming", "stream_all_minutes", "stream_all_seconds"})

# An age is named for its column of the README's table, which a test holds against these rows: real_time_s is "quotes and
# intraday bars", historical_s "day bars and longer", news_s "news".
POLICIES: Final[dict[Tier, TierPolicy]] = {
    Tier.FREEMIUM: TierPolicy(
        real_time_s=3600,
        historical_s=86400,
        news_s=7200,
        per_minute=30,
        burst=10,
        per_day=1_000,
        batch=10,
        stream_symbols=0,
        sockets=0,
        features=_NO_FEATURES,
        reserved=False,
    ),
    Tier.MARKET_HOURS_PRO: TierPolicy(
        real_time_s=900,
        historical_s=3600,
        news_s=1800,
        per_minute=120,
        burst=30,
        per_day=20_000,
        batch=25,
        stream_symbols=0,
        sockets=0,
        features=_NO_FEATURES,
        reserved=False,
    ),
    Tier.SECTOR_SPECIALIST: TierPolicy(
        real_time_s=900,
        historical_s=3600,
        news_s=1800,
        per_minute=120,
        burst=30,
        per_day=20_000,
        batch=25,
        stream_symbols=0,
        sockets=0,
        features=_NO_FEATURES,
        reserved=False,
    ),
    Tier.WEEKEND_WARRIOR: TierPolicy(
        real_time_s=300,
        historical_s=1800,
        news_s=900,
        per_minute=240,
        burst=60,
        per_day=50_000,
        batch=50,
        stream_symbols=0,
        sockets=0,
        features=_NO_FEATURES,
        reserved=False,
    ),
    Tier.DARK_POOL_INSIDER: TierPolicy(
        real_time_s=300,
        historical_s=1800,
        news_s=900,
        per_minute=300,
        burst=60,
        per_day=100_000,
        batch=100,
        stream_symbols=25,
        sockets=1,
        features=_STREAM,
        reserved=True,
    ),
    Tier.ALGORITHMIC_TRADER: TierPolicy(
        real_time_s=60,
        historical_s=300,
        news_s=300,
        per_minute=1_200,
        burst=200,
        per_day=500_000,
        batch=250,
        stream_symbols=200,
        sockets=3,
        features=_STREAM,
        reserved=True,
    ),
    Tier.INSTITUTIONAL_ELITE: TierPolicy(
        real_time_s=30,
        historical_s=300,
        news_s=300,
        per_minute=6_000,
        burst=1_000,
        per_day=None,
        batch=250,
        stream_symbols=1_000,
        sockets=10,
        features=_ALL_FEATURES,
        reserved=True,
    ),
}

MAX_REAL_TIME_S: Final = max(policy.real_time_s for policy in POLICIES.values())
"""The largest age of real-time data that any tier may have in the regular session, in seconds."""


def lowest_with(feature: str) -> Tier:
    """The lowest tier that includes a feature. Raises ValueError for what is no feature of any tier."""
    return min(tier for tier, policy in POLICIES.items() if feature in policy.features)
