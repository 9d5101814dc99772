"""The bar service: pages of a series, read from canonical segments.

A read plans segments from one end of the range until they should hold as many bars as were requested, fetches what is
missing of them in as few calls as possible, and goes on to further segments only while bars are missing.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from dekr.data_source import DataSource
from dekr.errors import UpstreamNotEntitled
from dekr.market.bars.history_start import HistoryStart
from dekr.market.bars.model import Range, Row
from dekr.market.bars.segment_planner import next_segments
from dekr.market.bars.segment_reader import SegmentReader
from dekr.market.bars.segments import HISTORY_START, Segment, Series
from dekr.market.read.context import ReadContext
from dekr.sessions import eastern_date, eastern_midnight_us

WIDENING_FACTOR: Final = 8
"""While bars are missing, each further look takes this many times as many segments at most."""

BUSIER_FACTOR: Final = 2
"""A ticker may have so many times as many bars on other days as on those that were read."""


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """The bar service. ``now_us``: this machine's clock, which is good enough to know the day."""

    segments: SegmentReader
    history_start: HistoryStart
    now_us: Callable[[], int]

    def newest(self, context: ReadContext, series: Series, wanted: Range) -> list[Row]:
        """The newest bars of a range, at most as many as its limit, oldest first.

        Raises UnknownSymbol, and what SegmentReader.read raises (``dekr.market.bars.segment_reader``).
        """
        context.source = DataSource.AGGREGATES
        now_ms = self.now_us() // 1000
        last_ms = min(wanted.last_ms, now_ms)
        if wanted.first_ms > last_ms:
            self._read_nothing(context, series, wanted)
            return []
        segments = series.segments_newest_first(_first_day(wanted), eastern_date(last_ms * 1000))
        rows: list[Row] = []
        planned: list[Segment] = []
        factor, tail = 1, wanted.last_ms >= now_ms
        while plan := next_segments(series, segments, last_ms, (wanted.limit - len(rows)) * factor):
            bars_per_day = _bars_per_day(planned, rows)
            planned = plan[::-1] + planned
            try:
                rows = self.segments.read(
                    context, series, planned, wanted, wanted.limit, tail=tail, bars_per_day=bars_per_day
                )
            except UpstreamNotEntitled:
                # The plan's history ends here: what it has of the range was found before.
                if not rows:
                    raise
                break
            if len(rows) >= wanted.limit:
                break
            older = list(segments)
            if rows and not older:
                break
            segments = iter(self._that_may_hold_bars(context, series, planned, rows, older))
            factor *= WIDENING_FACTOR
        if not planned:
            self._read_nothing(context, series, wanted)
        return rows[-wanted.limit :]

    def oldest(self, context: ReadContext, series: Series, wanted: Range) -> list[Row]:
        """The oldest bars of a range, at most as many as its limit, oldest first.

        Raises UnknownSymbol, and what SegmentReader.read raises (``dekr.market.bars.segment_reader``).
        """
        context.source = DataSource.AGGREGATES
        now_ms = self.now_us() // 1000
        last_ms = min(wanted.last_ms, now_ms)
        if wanted.first_ms > last_ms:
            self._read_nothing(context, series, wanted)
            return []
        first_day = eastern_date(wanted.first_ms * 1000)
        if first_day < HISTORY_START:
            # From the beginning: of a young ticker the years before it would be read in vain.
            span = self.history_start.span(context, series.ticker)
            first_day = _first_window_day(series, span.first)
        segments = series.segments_oldest_first(first_day, eastern_date(last_ms * 1000))
        rows: list[Row] = []
        planned: list[Segment] = []
        expected, step = 0, wanted.limit
        while plan := next_segments(series, segments, last_ms, step):
            bars_per_day = _bars_per_day(planned, rows)
            planned += plan
            expected += step
            newer = list(segments)
            tail = wanted.last_ms >= now_ms and not newer
            rows = self.segments.read(context, series, planned, wanted, math.inf, tail=tail, bars_per_day=bars_per_day)
            if len(rows) >= wanted.limit:
                break
            if not rows:
                newer = self._that_may_hold_bars(context, series, planned, rows, newer)
                if newer and planned[-1].end < newer[0].first:
                    expected = 0
            segments = iter(newer)
            step = _next_step(wanted.limit, expected, len(rows))
        if not planned:
            self._read_nothing(context, series, wanted)
        return rows[: wanted.limit]

    def _read_nothing(self, context: ReadContext, series: Series, wanted: Range) -> None:
        """Charge a read of a range in which nothing can have been traded, and raise UnknownSymbol as any read does."""
        begin_us = wanted.first_ms * 1000
        try:
            self.history_start.span(context, series.ticker)
        except UpstreamNotEntitled:
            # A plan that does not reach back to 2003 says nothing of the future.
            if begin_us <= context.now_us:
                raise
        if begin_us > context.now_us:
            # That nothing was traded in the future is true now, and until the range begins.
            context.stamp_us, context.fresh_until_us = context.now_us, begin_us

    def _that_may_hold_bars(
        self,
        context: ReadContext,
        series: Series,
        planned: Sequence[Segment],
        rows: Sequence[Row],
        others: Sequence[Segment],
    ) -> list[Segment]:
        """Those of the other segments in which the ticker can have bars. After a look at a single day that had some, the next day
        is worth a look, but a call for the history's months is not.
        """
        if rows and (planned[-1].end - planned[0].first).days == 1:
            first_day = self.history_start.cached_first_day(series.ticker) or HISTORY_START
            return [segment for segment in others if segment.end > _first_window_day(series, first_day)]
        span = self.history_start.span(context, series.ticker)
        first_day = _first_window_day(series, span.first)
        # Where a look has found bars, those that are still wanted are next to them.
        return [each for each in others if each.end > first_day and (rows or not span.is_quiet_in(each))]


def _first_window_day(series: Series, first_day: date) -> date:
    """The day on which the window of a series that holds a day starts: a long window begins before the history does."""
    return eastern_date(series.earliest_window_start_ms(eastern_midnight_us(first_day) // 1000) * 1000)


def _next_step(limit: int, expected: int, found: int) -> int:
    """The bars that further segments should hold to complete a page of ``limit`` bars.

    The segments read so far should have held ``expected`` bars and held ``found``: so many more are planned as that pace calls
    for. A page fetches what it needs, and a quiet ticker is not read day by day.
    """
    if not expected:
        return limit
    widest = expected * WIDENING_FACTOR
    return min(widest, (limit - found) * expected // found + 1) if found else widest


def _bars_per_day(planned: Sequence[Segment], rows: Sequence[Row]) -> float | None:
    """The bars of a day in what was read so far, with a margin for busier days; None where there were none."""
    return BUSIER_FACTOR * len(rows) / (planned[-1].end - planned[0].first).days if rows else None


def _first_day(wanted: Range) -> date:
    """The first day on which bars of the range can start."""
    return max(eastern_date(wanted.first_ms * 1000), HISTORY_START)
