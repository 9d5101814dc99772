"""Which segments a read of bars needs, which of them are fetched as one, and when each is settled."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Final

from dekr.cache import keys
from dekr.cache.entry_cache import EntryCache
from dekr.market.bars.segments import UNIT_MS, Segment, Series, Timespan, last_trade_us
from dekr.sessions import CalendarUnknown, eastern_date, eastern_midnight_us, trading_day

DAY: Final = timedelta(days=1)

BASE_BARS_A_CALL: Final = 50_000
"""The upstream counts minute bars under minute and hour bars and day bars above, up to this many in one answer."""

CALLS_IN_A_RUN: Final = 10
"""A longer fetch is cut, so that what it has is kept on the way."""

BASE_BARS_A_DAY: Final = {Timespan.SECOND: 41_000, Timespan.MINUTE: 700, Timespan.HOUR: 700}
"""Second or minute bars of a calendar day: 57 600 or 960 on each of five days in seven."""

UNIT_DAYS: Final = {
    Timespan.DAY: 1,
    Timespan.WEEK: 7,
    Timespan.MONTH: 31,
    Timespan.QUARTER: 92,
    Timespan.YEAR: 366,
}


def key_of(cache: EntryCache, series: Series, segment: Segment) -> str:
    """The key of a segment's bars."""
    return cache.key(series.ticker, keys.segment(series.datum, segment.name))


def next_segments(series: Series, segments: Iterator[Segment], last_ms: int, bars: int) -> list[Segment]:
    """The next segments that should hold so many bars that start at ``last_ms`` or before."""
    last = eastern_date(last_ms * 1000)
    plan: list[Segment] = []
    expected = 0
    for segment in segments:
        plan.append(segment)
        expected += series.expected_bars(segment, last)
        if segment.first <= last < segment.end:
            expected -= _bars_to_come(series, last, last_ms)
        if expected >= bars:
            break
    return plan


def _bars_to_come(series: Series, day: date, last_ms: int) -> int:
    """Of the bars that are expected of a day, those whose window has not begun at ``last_ms``."""
    if not series.timespan.intraday:
        return 0
    try:
        trading = trading_day(day)
    except CalendarUnknown:
        return 0
    if trading is None:
        return 0
    begun = (last_ms - trading.pre_open_us // 1000) // (UNIT_MS[series.timespan] * series.multiplier) + 1
    return max(0, series.expected_bars(Segment(day, day + DAY), day) - max(0, begun))


def runs(series: Series, segments: Sequence[Segment]) -> list[list[Segment]]:
    """The segments in runs to fetch as one: neighbours (the upstream pages by bars that exist) up to some pages, others while a
    single answer can hold what lies between.
    """
    found: list[list[Segment]] = []
    for segment in segments:
        if found and (
            _base_bars(series, found[-1][0], segment) <= BASE_BARS_A_CALL
            or (
                _neighbours(found[-1][-1], segment)
                and _base_bars(series, found[-1][0], segment) <= CALLS_IN_A_RUN * BASE_BARS_A_CALL
            )
        ):
            found[-1].append(segment)
        else:
            found.append([segment])
    return found


def _neighbours(earlier: Segment, later: Segment) -> bool:
    """Whether nothing was traded between two segments."""
    return last_trade_us(later.start_ms * 1000) <= last_trade_us(earlier.end_ms * 1000)


def _base_bars(series: Series, first: Segment, last: Segment) -> int:
    days = (last.end - first.first).days
    return days * BASE_BARS_A_DAY.get(series.timespan, 1)


def needed_until_us(series: Series, segment: Segment, last_ms: int) -> int:
    """The end of trading in the part of the segment that is needed for bars starting at ``last_ms`` or before."""
    end_us = segment.end_ms * 1000
    if not series.timespan.intraday:
        # The last window that starts in the segment may reach beyond its end.
        end_us += (series.multiplier - 1) * UNIT_DAYS[series.timespan] * 86_400_000_000
    if last_ms < segment.end_ms and (series.multiplier == 1 or series.timespan.intraday):
        needed = eastern_midnight_us(series.window_end(eastern_date(last_ms * 1000)))
        if series.timespan.intraday:
            needed = min(needed, (last_ms + series.multiplier * UNIT_MS[series.timespan]) * 1000)
        end_us = min(end_us, needed)
    return last_trade_us(end_us)
