"""Plans reads of bars: which segments are needed, which of them one fetch brings, and until when each has to be complete."""

import math
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Final

from dekr.cache import keys
from dekr.cache.entry_cache import EntryCache
from dekr.market.bars.segments import UNIT_MS, Segment, Series, Timespan, trading_end_us
from dekr.polygon.endpoints import BARS
from dekr.sessions import CalendarUnknown, eastern_date, eastern_midnight_us, trading_day

DAY: Final = timedelta(days=1)

BASE_BARS_PER_CALL: Final = BARS.max_limit
"""The upstream's limit counts the bars from which it computes an answer: minute bars for minutes and hours, else day bars."""

BASE_BARS_PER_DAY: Final = {Timespan.SECOND: 41_000, Timespan.MINUTE: 700, Timespan.HOUR: 700}
"""Second or minute bars per calendar day: 57 600 or 960 on five days of seven, on average."""

MAX_BASE_BARS_PER_DAY: Final = {Timespan.SECOND: 57_600, Timespan.MINUTE: 960, Timespan.HOUR: 960}
"""Second or minute bars on one trading day, from 4:00 to 20:00."""

TRADING_DAY_FRACTION: Final = 252 / 365
"""The part of all days that are trading days."""

UNIT_DAYS: Final = {
    Timespan.DAY: 1,
    Timespan.WEEK: 7,
    Timespan.MONTH: 31,
    Timespan.QUARTER: 92,
    Timespan.YEAR: 366,
}
"""The longest that each unit can be, in days."""


def segment_key(cache: EntryCache, series: Series, segment: Segment) -> str:
    """The cache key of the bars of a series in a segment."""
    return cache.key(series.ticker, keys.segment(series.name, segment.name))


def next_segments(series: Series, segments: Iterator[Segment], last_ms: int, bars: int) -> list[Segment]:
    """Take the next segments from the iterator until they should hold so many bars that start at ``last_ms`` or before."""
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
    """The number of bars that are expected of a day in windows that start after ``last_ms``."""
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


def group_into_runs(series: Series, segments: Sequence[Segment]) -> list[list[Segment]]:
    """Group segments (oldest first) into runs, each to be fetched as one range.

    Neighbours form a run: the upstream's pages hold only bars that exist. Segments with a gap between them form one only while a
    single answer can hold the gap, too.
    """
    groups: list[list[Segment]] = []
    for segment in segments:
        if groups and (
            _base_bars(series, groups[-1][0], segment) <= BASE_BARS_PER_CALL or _are_neighbours(groups[-1][-1], segment)
        ):
            groups[-1].append(segment)
        else:
            groups.append([segment])
    return groups


def estimated_calls(series: Series, segments: Sequence[Segment], bars_per_day: float | None = None) -> int:
    """The calls that a fetch of these segments (oldest first) is expected to take, a page of BASE_BARS_PER_CALL each.

    ``bars_per_day``: the series' bars in a day as far as they are known; None: as many as of a ticker that trades all day. A quiet
    ticker's years come in a page.
    """
    per_day: float = BASE_BARS_PER_DAY.get(series.timespan, 1)
    if bars_per_day is not None:
        per_day = min(per_day, bars_per_day * series.base_bars)
    runs = group_into_runs(series, segments)
    return sum(max(1, math.ceil((run[-1].end - run[0].first).days * per_day / BASE_BARS_PER_CALL)) for run in runs)


def bars_of_calls(series: Series, calls: int) -> int:
    """The bars of a series that so many calls bring of a ticker that trades all day, by a cautious estimate; at least one."""
    days = calls * BASE_BARS_PER_CALL // BASE_BARS_PER_DAY.get(series.timespan, 1)
    return max(1, int(days * TRADING_DAY_FRACTION * series.bars_per_trading_day))


def may_take_pages(series: Series, run: Sequence[Segment]) -> bool:
    """Whether more bars than one page holds can lie in a run of segments."""
    most = MAX_BASE_BARS_PER_DAY.get(series.timespan, 1)
    return (run[-1].end - run[0].first).days * most > BASE_BARS_PER_CALL


def _are_neighbours(earlier: Segment, later: Segment) -> bool:
    """Whether there was no trading between the end of one segment and the start of the other."""
    return trading_end_us(later.start_ms * 1000) <= trading_end_us(earlier.end_ms * 1000)


def _base_bars(series: Series, first: Segment, last: Segment) -> int:
    days = (last.end - first.first).days
    return days * BASE_BARS_PER_DAY.get(series.timespan, 1)


def needed_until_us(series: Series, segment: Segment, last_ms: int) -> int:
    """The end of trading (us) in the part of a segment that bars starting at ``last_ms`` or before are made of."""
    end_us = segment.end_ms * 1000
    if not series.timespan.intraday:
        # The last window that starts in the segment may reach beyond its end.
        end_us += (series.multiplier - 1) * UNIT_DAYS[series.timespan] * 86_400_000_000
    if last_ms < segment.end_ms and (series.multiplier == 1 or series.timespan.intraday):
        needed = eastern_midnight_us(series.unit_end(eastern_date(last_ms * 1000)))
        if series.timespan.intraday:
            needed = min(needed, (last_ms + series.multiplier * UNIT_MS[series.timespan]) * 1000)
        end_us = min(end_us, needed)
    return trading_end_us(end_us)
