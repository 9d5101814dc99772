"""Loads a ticker's last year of day bars ahead of its readers."""

from dataclasses import dataclass
from typing import Final

from dekr.market.bars.model import Range
from dekr.market.bars.segments import Series, Timespan
from dekr.market.bars.service import Bars
from dekr.market.bars.upstream import YEAR_MS
from dekr.market.read.context import ReadContext

MAX_DAYS: Final = 366


@dataclass(frozen=True, slots=True, eq=False)
class DayHistory:
    """Loads day bars into the cache."""

    bars: Bars

    def load_year(self, context: ReadContext, ticker: str) -> None:
        """Bring the adjusted day bars of the last year into the cache, as far as they are missing.

        Raises UnknownSymbol, and what SegmentReader.read raises (``dekr.market.bars.segment_reader``).
        """
        now_ms = context.now_us // 1000
        series = Series(ticker, 1, Timespan.DAY, adjusted=True)
        self.bars.newest(context, series, Range(now_ms - YEAR_MS, now_ms, MAX_DAYS))
