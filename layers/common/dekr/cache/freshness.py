"""The freshness rule that the service promises: which entries a reader may have.

An entry is stamped with the moment its fetch started. A reader may have it while ``now - stamp < max_age(tier, class,
session)``:

- in the regular session, and on a weekday that the calendar does not know, the tier's own age;
- before and after it, real-time data may be four times as old, at most an hour (or the tier's own age, if larger);
- while the market is closed, a price whose fetch started after the close and a margin for late prints stays fresh until
  the next session opens; news keeps its own age at all hours.

Bars are settled, so that no age applies to them any more, from the first session of the next trading day on (docs/adr/0015).

All of it is expressed as a floor: an entry is fresh for a reader if and only if ``floor < stamp <= now`` (plus a small
tolerance for a store whose clock stepped back). All times are integer microseconds since the epoch, on the store's clock.
"""

from datetime import timedelta
from enum import Enum, auto
from functools import lru_cache
from typing import Final

from dekr import sessions
from dekr.sessions import Moment, Session
from dekr.tiers import POLICIES, TierPolicy

SECOND_US: Final = 1_000_000
DAY_US: Final = 86_400 * SECOND_US
EXTENDED_FACTOR: Final = 4
MAX_EXTENDED_S: Final = 3600
"""Before and after the regular session real-time data may be so many times as old, but no older than this many seconds."""

LATE_PRINTS_US: Final = 20 * 60 * SECOND_US
"""A session's prices are final so long after its end: trades are reported minutes late, and a delayed plan shows them after 15."""

MAX_CLOSED_US: Final = 5 * DAY_US
"""Outside the calendar a trading day is taken to follow within so many days: no weekend with a holiday is longer."""

NEGATIVE_AGE_US: Final = 60 * SECOND_US
"""The upstream's answer that it has nothing is believed for so long, for readers of all tiers."""

CLOCK_TOLERANCE_US: Final = SECOND_US
"""A stamp up to this far ahead of the clock is believed; one farther ahead was written before the clock stepped back."""


class DataClass(Enum):
    """The class of a datum, which says by which age of a tier it is judged."""

    REAL_TIME = auto()
    HISTORICAL = auto()
    NEWS = auto()
    REFERENCE = auto()
    """Tickers, holidays and the like: the age of historical data at all hours, for they change while the market is closed, too."""

    @property
    def settles(self) -> bool:
        """Whether data of this class stays as it is while the market is closed."""
        return self in (DataClass.REAL_TIME, DataClass.HISTORICAL)


def max_age_us(policy: TierPolicy, data: DataClass, session: Session) -> int:
    """The largest age, in microseconds, that the tier allows for the class in the session."""
    if data is DataClass.NEWS:
        return policy.news_s * SECOND_US
    if data in (DataClass.HISTORICAL, DataClass.REFERENCE):
        return policy.historical_s * SECOND_US
    return real_time_age_s(policy.real_time_s, session) * SECOND_US


def real_time_age_s(allowance_s: int, session: Session) -> int:
    """The largest age, in seconds, of real-time data in the session, for a tier that allows ``allowance_s`` in the regular one."""
    if session in (Session.PRE, Session.POST):
        return max(allowance_s, min(EXTENDED_FACTOR * allowance_s, MAX_EXTENDED_S))
    return allowance_s


def floor_us(now_us: int, policy: TierPolicy, data: DataClass) -> int:
    """The floor of a reader of this tier: entries with a stamp above it are fresh now."""
    moment = sessions.at(now_us)
    floor = now_us - max_age_us(policy, data, moment.session)
    if data.settles and moment.session is Session.CLOSED:
        return min(floor, final_floor_us(moment.since_us))
    return floor


def final_floor_us(end_us: int) -> int:
    """The floor for final prices: an entry with a stamp above it has every price that was traded before ``end_us``."""
    return end_us + LATE_PRINTS_US - 1


@lru_cache(maxsize=16_384)
def settled_floor_us(end_us: int) -> int:
    """The floor for settled bars: the bars of what was traded before ``end_us`` do not change after an entry with a stamp above it.

    The upstream corrects the volume, vwap and transactions of a day for hours after its close
    (https://github.com/polygon-io/issues/issues/151), so its bars are settled once the next trading day's first session begins.
    """
    moment = sessions.at(end_us - 1)
    if moment.known and moment.session is not Session.CLOSED:
        day = sessions.trading_day(sessions.eastern_date(end_us - 1))
        assert day is not None, "a session is part of a trading day"
        moment = sessions.at(day.post_close_us)
    return (moment.until_us if moment.known else end_us + MAX_CLOSED_US) - 1


def splits_floor_us(now_us: int) -> int:
    """The floor for adjusted prices: an entry with a stamp above it has every split that is in force now.

    A split takes effect before the first session of a trading day, and then all adjusted prices before it are of another
    scale.
    """
    moment = sessions.at(now_us)
    day = sessions.trading_day(sessions.eastern_date(moment.since_us)) if moment.known else None
    return (day.pre_open_us if day else now_us - DAY_US) - 1


def splits_until_us(now_us: int) -> int:
    """The moment before which no further split can take effect."""
    moment = sessions.at(now_us)
    if moment.session is Session.CLOSED:
        return moment.until_us
    return sessions.eastern_midnight_us(sessions.eastern_date(now_us) + timedelta(days=1))


def is_fresh(stamp_us: int, floor: int, now_us: int) -> bool:
    """Whether an entry with this stamp is fresh for a reader with this floor."""
    return floor < stamp_us <= now_us + CLOCK_TOLERANCE_US


def fresh_until_us(stamp_us: int, now_us: int, policy: TierPolicy, data: DataClass) -> int:
    """The latest moment up to which an entry that is fresh now stays so for this reader; never before ``now_us``."""
    moment = sessions.at(now_us)
    end = _end_in(moment, stamp_us, policy, data)
    if end <= moment.until_us or not moment.known:
        return max(now_us, end)
    after = _end_in(sessions.at(moment.until_us), stamp_us, policy, data)
    return max(now_us, moment.until_us, min(end, after))


def keep_us(now_us: int, data: DataClass, stale_us: int) -> int:
    """The microseconds that the store keeps an entry: the largest age of any tier, over a closed market, plus the stale window."""
    moment = sessions.at(now_us)
    closed = moment.until_us - now_us if moment.session is Session.CLOSED and data.settles else 0
    return max(max_age_us(policy, data, moment.session) for policy in POLICIES.values()) + closed + stale_us


def _end_in(moment: Moment, stamp_us: int, policy: TierPolicy, data: DataClass) -> int:
    if data.settles and moment.session is Session.CLOSED and stamp_us > final_floor_us(moment.since_us):
        return moment.until_us
    return stamp_us + max_age_us(policy, data, moment.session)
