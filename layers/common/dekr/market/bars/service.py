"""Bars: pages of a series, read from canonical segments.

A read plans newest segments first until they should hold as many bars as were asked for, fetches what is missing of them
in as few calls as possible (a run of neighbours is one call), and looks farther back only while bars are missing. The
present day's bars are those that other readers of the ticker refresh, too, where that costs no more.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Final

from dekr.cache.entry import Entry
from dekr.cache.entry_cache import Write
from dekr.cache.freshness import DataClass, splits_floor_us
from dekr.errors import UpstreamNotEntitled
from dekr.market.bars.fetch import YEAR_MS, BarFetch, keep_us
from dekr.market.bars.model import Range, Row, page_of
from dekr.market.bars.read_planner import BarReadPlanner
from dekr.market.bars.segment_planner import key_of, needed_until_us, next_segments
from dekr.market.bars.segments import HISTORY_START, Segment, Series
from dekr.market.bars.splits import RecentSplits
from dekr.market.bars.today import present_of
from dekr.market.read.context import ReadContext
from dekr.market.read.reader import Reader
from dekr.market.read.requirement import Requirement
from dekr.sessions import eastern_date

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient

__all__ = ["YEAR_MS", "Bars", "Range", "Row"]

WIDEN: Final = 8
"""Where bars are missing, the next look goes this many times farther back."""


@dataclass(frozen=True, slots=True)
class Bars:
    """The bar service. ``client`` is asked for on the first miss."""

    reader: Reader
    client: "Callable[[], PolygonClient]"

    def get(self, context: ReadContext, series: Series, wanted: Range) -> list[Row]:
        """The newest bars of the range, oldest first. Raises UnknownSymbol."""
        context.source = "aggregates"
        now_ms = self.reader.now_us() // 1000
        last_ms = min(wanted.last_ms, now_ms)
        segments = series.segments_back(eastern_date(last_ms * 1000), _first_day(wanted))
        rows: list[Row] = []
        planned: list[Segment] = []
        wide = 1
        while plan := next_segments(series, segments, last_ms, (wanted.limit - len(rows)) * wide):
            planned = plan[::-1] + planned
            try:
                rows = self._read(context, series, planned, wanted, wanted.limit, tail=wanted.last_ms >= now_ms)
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
            oldest = self._oldest(context, series.ticker, planned, rows)
            segments = iter([segment for segment in older if segment.end > oldest])
            wide *= WIDEN
        if not planned:
            self.fetch.first_day(context, series.ticker)
        return rows[-wanted.limit :]

    def _oldest(self, context: ReadContext, ticker: str, looked_at: Sequence[Segment], rows: Sequence[Row]) -> date:
        """The first day that can hold bars, as far as it is worth a call to know: behind a single day the next one may be looked at
        without.
        """
        if rows and (looked_at[-1].end - looked_at[0].first).days == 1:
            return self.fetch.known_first_day(ticker) or HISTORY_START
        return self.fetch.first_day(context, ticker)

    def oldest(self, context: ReadContext, series: Series, wanted: Range) -> list[Row]:
        """The oldest bars of the range, oldest first. Raises UnknownSymbol."""
        context.source = "aggregates"
        now_ms = self.reader.now_us() // 1000
        last_ms = min(wanted.last_ms, now_ms)
        segments = series.segments_on(_first_day(wanted), eastern_date(last_ms * 1000))
        rows: list[Row] = []
        planned: list[Segment] = []
        while plan := next_segments(series, segments, last_ms, wanted.limit - len(rows)):
            planned += plan
            newer = list(segments)
            tail = wanted.last_ms >= now_ms and not newer
            rows = self._read(context, series, planned, wanted, math.inf, tail=tail)
            if len(rows) >= wanted.limit:
                break
            if not rows:
                start = self.fetch.first_day(context, series.ticker)
                newer = [segment for segment in newer if segment.end > start]
            segments = iter(newer)
        if not planned:
            self.fetch.first_day(context, series.ticker)
        return rows[: wanted.limit]

    @property
    def fetch(self) -> BarFetch:
        """What gets bars from the upstream."""
        return BarFetch(self.reader, self.client)

    def _read(
        self, context: ReadContext, series: Series, plan: Sequence[Segment], wanted: Range, enough: float, *, tail: bool
    ) -> list[Row]:
        """The range's bars of these neighbouring segments (oldest first), or only the newest ones where these are ``enough``.
        ``tail``: newer bars may follow the last one.
        """
        reading = self._reading(series, plan, wanted, enough, tail=tail)
        met, entries = self.reader.read_planned(context, reading.keys, reading)
        if reading.unsplit:
            self._trust(context, series.ticker, {key: entries[key] for key in reading.unsplit})
            reading = replace(reading, trusting=False)
            met, entries = self.reader.read_planned(context, reading.keys, reading)
        rows: list[Row] = []
        for page in reading.pages(met, entries):
            context.delayed = context.delayed or page.delayed
            rows += page.rows
        return wanted.of(rows)

    def _reading(
        self, series: Series, plan: Sequence[Segment], wanted: Range, enough: float, *, tail: bool
    ) -> BarReadPlanner:
        data = DataClass.REAL_TIME if series.timespan.intraday else DataClass.HISTORICAL
        segments = {key_of(self.reader.cache, series, segment): segment for segment in plan}
        own = [
            Requirement(
                key,
                data,
                needed_until_us(series, segment, wanted.last_ms),
                tail=tail and segment is plan[-1],
                adjusted=series.adjusted,
            )
            for key, segment in segments.items()
        ]
        present = present_of(self.reader.cache, series, plan, self.reader.now_us(), wanted.last_ms, tail=tail)
        alone = None
        if present and present.minutes:
            alone = self.fetch.of(present.minutes, {present.requirement.key: present.segment}, kin=segments)
        return BarReadPlanner(own, self.fetch.of(series, segments), wanted, enough, series.adjusted, present, alone)

    def _trust(self, context: ReadContext, ticker: str, old: Mapping[str, Entry]) -> None:
        """Let settled bars from before the present trading day count as of its begin, where there was no split since: they are
        what a fetch at that moment would have found.
        """
        since_us = RecentSplits(self.reader, self.client).unsplit_since_us(context, ticker)
        if since_us is None:
            return
        stamp_us = splits_floor_us(context.now_us) + 1
        self.reader.single_flight.keep(
            [
                Write(key, replace(entry, stamp_us=stamp_us), keep_us(cut=page_of(entry).cut))
                for key, entry in old.items()
                if entry.stamp_us > since_us
            ]
        )


def _first_day(wanted: Range) -> date:
    """The first day on which bars of the range can start."""
    return max(eastern_date(wanted.first_ms * 1000), HISTORY_START)
