"""Other cache entries that hold the bars of the present trading day, and that readers of other data refresh.

A series of several minutes or hours can be resampled from the day's minute bars, and the day's bar is part of a snapshot.
Using them instead of the series' own newest segment saves calls. Such derived bars stand for the last trading day only, whose
bars are not settled before the next one begins: settled bars are the upstream's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from dekr import sessions
from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import EntryCache
from dekr.cache.freshness import SECOND_US, DataClass
from dekr.cache.keys import Datum
from dekr.market.bars.model import Page, page_of
from dekr.market.bars.resample import minutes_of, resample_cached
from dekr.market.bars.segment_planner import needed_until_us, segment_key
from dekr.market.bars.segments import Segment, Series, Timespan
from dekr.market.read.requirement import Requirement
from dekr.sessions import Session, TradingDay

SNAPSHOT_CLEARED_US: Final = (27 * 3_600 + 1_800) * SECOND_US
"""The upstream clears the snapshots of a day at 03:30 Eastern on the next one: counted from the day's midnight."""

_PRICES: Final = ("o", "h", "l", "c")


@dataclass(frozen=True, slots=True)
class TodaySource:
    """Another cache entry that holds the bars of a series on the trading day that began last.

    It is either the ticker's minute bars of that day (``minutes`` is their series and ``segment`` the day), or the ticker's
    snapshot (``minutes`` is None). ``requirement``: what a read needs of the entry. ``whole_segment``: whether that day is
    all that the series' own newest segment holds.
    """

    series: Series
    day: TradingDay
    segment: Segment
    minutes: Series | None
    requirement: Requirement
    whole_segment: bool

    def page(self, entry: Entry | None) -> Page | None:
        """The series' bars of the day in that entry; None where there is no entry, or it does not say."""
        if entry is None:
            return None
        if self.minutes is None:
            return snapshot_page(entry, self.day, self.segment.start_ms * 1000)
        minutes = page_of(entry)
        rows = resample_cached(self.series, minutes, self.segment.start_ms)
        return Page(rows, minutes.delayed, dropped=minutes.dropped, suspect=minutes.suspect)


def today_source(
    cache: EntryCache, series: Series, plan: Sequence[Segment], now_us: int, last_ms: int, *, tail: bool
) -> TodaySource | None:
    """The other entry that holds the bars of the last trading day in the last segment of a plan.

    None where there is none, or where no bars of that day (starting at ``last_ms`` or before) are needed. A snapshot does not
    count transactions, so it is a source only while the day's sessions last and its bar is made. ``tail``: whether newer bars
    would belong to the answer.
    """
    moment = sessions.at(now_us)
    day = sessions.trading_day(sessions.eastern_date(moment.since_us)) if moment.known else None
    minutes = minutes_of(series)
    day_bars = series.timespan is Timespan.DAY and series.multiplier == 1
    in_snapshot = day_bars and moment.session is not Session.CLOSED
    if day is None or not (minutes or in_snapshot) or not plan[-1].first <= day.date < plan[-1].end:
        return None
    segment = Series(series.ticker, 1, Timespan.MINUTE, series.adjusted).segment_at(day.date)
    if last_ms < segment.start_ms:
        return None
    if minutes is None:
        key = cache.key(series.ticker, Datum.SNAPSHOT)
        requirement = Requirement(key, DataClass.HISTORICAL, day.post_close_us, tail=tail)
        return TodaySource(series, day, segment, None, requirement, whole_segment=False)
    until_us = needed_until_us(series, segment, last_ms)
    key = segment_key(cache, minutes, segment)
    requirement = Requirement(key, DataClass.REAL_TIME, until_us, tail=tail, adjusted=series.adjusted)
    return TodaySource(series, day, segment, minutes, requirement, whole_segment=plan[-1] == segment)


def snapshot_page(entry: Entry, day: TradingDay, midnight_us: int) -> Page | None:
    """The bar of a trading day, which begins at ``midnight_us``, in the entry of a v2 snapshot; no bar before the first trade.

    None where the snapshot does not say: it is of another day, or has no valid day bar. Snapshots do not count transactions,
    so the bar has None there.
    """
    if entry.kind is Kind.NEGATIVE or not day.pre_open_us <= entry.stamp_us < midnight_us + SNAPSHOT_CLEARED_US:
        return None
    kept = entry.parsed
    bar: dict[str, Any] = kept["sent"].get("day") or {}
    prices = [bar.get(name) for name in _PRICES]
    volume = bar.get("v")
    if None in prices or volume is None:
        return None
    if bar["l"] > bar["h"]:
        return None
    if not all(prices):
        return None if any(prices) or volume else Page([], kept["delayed"])
    return Page([[midnight_us // 1000, *prices, volume, bar.get("vw"), None]], kept["delayed"])
