"""Where the bars of the present trading day also come from, besides their own series: from what other readers refresh."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from dekr import sessions
from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import EntryCache
from dekr.cache.freshness import DataClass
from dekr.cache.keys import Datum
from dekr.market.bars.model import Page, page_of
from dekr.market.bars.resample import longer, minutes_of
from dekr.market.bars.segment_planner import key_of, needed_until_us
from dekr.market.bars.segments import Segment, Series, Timespan
from dekr.market.read.requirement import Requirement
from dekr.sessions import TradingDay

CLEARED_US: Final = 27 * 3600 * 1_000_000 + 1800 * 1_000_000
"""The upstream forgets a day at 03:30 in New York of the next one: counted from the day's midnight."""

_PRICES: Final = ("o", "h", "l", "c")


@dataclass(frozen=True, slots=True)
class TodaySource:
    """Another entry that holds the bars of a series on the trading day that began last: the ticker's minutes of that day, which
    are the ``minutes`` of a ``segment``, or its snapshot, where ``minutes`` is None. ``alone``: that day is all that the series'
    own segment holds.
    """

    series: Series
    day: TradingDay
    segment: Segment
    minutes: Series | None
    requirement: Requirement
    alone: bool

    def page(self, entry: Entry | None) -> Page | None:
        """The day's bars in that entry; None where it does not tell."""
        if entry is None:
            return None
        if self.minutes is None:
            return day_page(entry, self.day, self.segment.start_ms * 1000)
        found = page_of(entry)
        return Page(longer(self.series, found, self.segment.start_ms), found.delayed)


def present_of(
    cache: EntryCache, series: Series, plan: Sequence[Segment], now_us: int, last_ms: int, *, tail: bool
) -> TodaySource | None:
    """What else has the bars of the last trading day in the last segment of a plan; None where nothing has, or where none of that
    day's bars (up to ``last_ms``) are needed. ``tail``: newer bars may follow them.
    """
    moment = sessions.at(now_us)
    day = sessions.trading_day(sessions.eastern_date(moment.since_us)) if moment.known else None
    minutes = minutes_of(series)
    by_snapshot = series.timespan is Timespan.DAY and series.multiplier == 1
    if day is None or not (minutes or by_snapshot) or not plan[-1].first <= day.date < plan[-1].end:
        return None
    segment = Series(series.ticker, 1, Timespan.MINUTE, series.adjusted).segment_at(day.date)
    if last_ms < segment.start_ms:
        return None
    if minutes is None:
        key = cache.key(series.ticker, Datum.SNAPSHOT)
        return TodaySource(
            series,
            day,
            segment,
            None,
            Requirement(key, DataClass.HISTORICAL, day.post_close_us, tail=tail),
            alone=False,
        )
    until_us = needed_until_us(series, segment, last_ms)
    key = key_of(cache, minutes, segment)
    requirement = Requirement(key, DataClass.REAL_TIME, until_us, tail=tail, adjusted=series.adjusted)
    return TodaySource(series, day, segment, minutes, requirement, alone=plan[-1] == segment)


def day_page(entry: Entry, day: TradingDay, midnight_us: int) -> Page | None:
    """The bar of a trading day, which begins at ``midnight_us``, as a v2 snapshot has it; no bar before the first trade. None
    where the snapshot does not tell: it is of another day, or has no such part.

    A snapshot does not count transactions, so that is None.
    """
    if entry.kind is Kind.NEGATIVE or not day.pre_open_us <= entry.stamp_us < midnight_us + CLEARED_US:
        return None
    kept = entry.parsed
    found: dict[str, Any] = kept["sent"].get("day") or {}
    prices = [found.get(name) for name in _PRICES]
    volume = found.get("v")
    if None in prices or volume is None:
        return None
    if found["l"] > found["h"]:
        return None
    if not all(prices):
        return None if any(prices) or volume else Page([], kept["delayed"])
    return Page([[midnight_us // 1000, *prices, volume, found.get("vw"), None]], kept["delayed"])
