"""The bars of all tickers on a finished trading day, and how one of them extends a cached year of day bars."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dekr import sessions
from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import Write
from dekr.cache.freshness import settled_floor_us
from dekr.cache.keys import slot_of
from dekr.market.bars.model import Page, page_of, rows_between
from dekr.market.bars.segments import trading_end_us
from dekr.sessions import TradingDay

if TYPE_CHECKING:
    from dekr.polygon.latest import Latest


@dataclass(frozen=True, slots=True)
class FinishedDayBars:
    """The bars of a finished ``day`` by ticker, fetched at ``stamp_us``; ``split``: the tickers that were split of late."""

    day: TradingDay
    bars: "Mapping[str, Latest]"
    stamp_us: int
    split: frozenset[str]

    def extend(self, key: str, year: Entry | None) -> Write | None:
        """The write of a ticker's year of day bars, cached under ``key``, with the day's bar added.

        None where the year is to be left alone: it has the day already; it lacks an earlier day; the ticker has no bar in the
        answer for the whole market, which leaves some out; or a split since may have changed the scale of its prices.
        """
        ticker = slot_of(key)
        bar = self.bars.get(ticker)
        if year is None or year.kind is Kind.NEGATIVE or bar is None or ticker in self.split:
            return None
        midnight_us = sessions.eastern_midnight_us(self.day.date)
        complete_from_us = settled_floor_us(trading_end_us(midnight_us))
        if not complete_from_us < year.stamp_us <= settled_floor_us(self.day.post_close_us):
            return None
        page = page_of(year)
        fields = bar.fields
        row = [
            midnight_us // 1000,
            *(fields[name] for name in ("o", "h", "l", "c", "v")),
            fields.get("vw"),
            fields.get("n"),
        ]
        rows = [*rows_between(page.rows, 0, row[0]), row]
        extended = Page(rows, page.delayed or bar.delayed, page.truncated, page.dropped, page.suspect)
        return Write(key, Entry(self.stamp_us, Kind.VALUE, extended.payload()), extended.keep_us)
