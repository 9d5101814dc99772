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
from dekr.sessions import eastern_date

WIDENING_FACTOR: Final = 8
"""While bars are missing, each further look takes this many times as many segments."""


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """The bar service. ``now_us``: this machine's clock, which is good enough to know the day."""

    segments: SegmentReader
    history_start: HistoryStart
    now_us: Callable[[], int]

    def newest(self, context: ReadContext, series: Series, wanted: Range) -> list[Row]:
        """The newest bars of a range, at most as many as its limit, oldest first.

        Raises UnknownSymbol, and what the read path raises (``dekr.market.read.reader``).
        """
        context.source = DataSource.AGGREGATES
        now_ms = self.now_us() // 1000
        last_ms = min(wanted.last_ms, now_ms)
        segments = series.segments_newest_first(_first_day(wanted), eastern_date(last_ms * 1000))
        rows: list[Row] = []
        planned: list[Segment] = []
        factor = 1
        while plan := next_segments(series, segments, last_ms, (wanted.limit - len(rows)) * factor):
            planned = plan[::-1] + planned
            try:
                rows = self.segments.read(context, series, planned, wanted, wanted.limit, tail=wanted.last_ms >= now_ms)
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
            first_day = self._first_possible_day(context, series.ticker, planned, rows)
            segments = iter([segment for segment in older if segment.end > first_day])
            factor *= WIDENING_FACTOR
        if not planned:
            self.history_start.first_day(context, series.ticker)
        return rows[-wanted.limit :]

    def oldest(self, context: ReadContext, series: Series, wanted: Range) -> list[Row]:
        """The oldest bars of a range, at most as many as its limit, oldest first.

        Raises UnknownSymbol, and what the read path raises (``dekr.market.read.reader``).
        """
        context.source = DataSource.AGGREGATES
        now_ms = self.now_us() // 1000
        last_ms = min(wanted.last_ms, now_ms)
        segments = series.segments_oldest_first(_first_day(wanted), eastern_date(last_ms * 1000))
        rows: list[Row] = []
        planned: list[Segment] = []
        while plan := next_segments(series, segments, last_ms, wanted.limit - len(rows)):
            planned += plan
            newer = list(segments)
            tail = wanted.last_ms >= now_ms and not newer
            rows = self.segments.read(context, series, planned, wanted, math.inf, tail=tail)
            if len(rows) >= wanted.limit:
                break
            if not rows:
                first_day = self.history_start.first_day(context, series.ticker)
                newer = [segment for segment in newer if segment.end > first_day]
            segments = iter(newer)
        if not planned:
            self.history_start.first_day(context, series.ticker)
        return rows[: wanted.limit]

    def _first_possible_day(
        self, context: ReadContext, ticker: str, planned: Sequence[Segment], rows: Sequence[Row]
    ) -> date:
        """The first day that can hold bars of the ticker. After a look at a single day that had some, the next day is worth a
        look, but a call for the history's start is not.
        """
        if rows and (planned[-1].end - planned[0].first).days == 1:
            return self.history_start.cached_first_day(ticker) or HISTORY_START
        return self.history_start.first_day(context, ticker)


def _first_day(wanted: Range) -> date:
    """The first day on which bars of the range can start."""
    return max(eastern_date(wanted.first_ms * 1000), HISTORY_START)
