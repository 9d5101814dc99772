"""The bars of all tickers on a finished trading day, and how one of them extends a cached year of day bars."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dekr import sessions
from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import Write
from dekr.cache.freshness import final_floor_us, settled_floor_us
from dekr.cache.keys import slot_of
from dekr.market.bars.model import Page, page_of, rows_between
from dekr.market.bars.segments import trading_end_us
from dekr.sessions import TradingDay

if TYPE_CHECKING:
    from dekr.polygon.latest import Latest


@dataclass(frozen=True, slots=True)
class FinishedDayBars:
    """The bars of a finished ``day`` by ticker.

    ``lacking_us``: a year with this stamp or an older one lacks them. ``stamp_us``: the stamp of a year to which they were added.
    ``split``: the tickers that were split of late.
    """

    day: TradingDay
    bars: "Mapping[str, Latest]"
    lacking_us: int
    stamp_us: int
    split: frozenset[str]

    @classmethod
    def fetched(
        cls, day: TradingDay, bars: "Mapping[str, Latest]", stamp_us: int, split: frozenset[str]
    ) -> "FinishedDayBars":
        """The bars that a fetch brought which started at ``stamp_us``, after the day was over.

        Settled bars are those of the moment at which the next trading day began, which had no bar then.
        """
        settled_us = settled_floor_us(day.post_close_us)
        if stamp_us > settled_us:
            return cls(day, bars, settled_us, settled_us + 1, split)
        return cls(day, bars, final_floor_us(day.post_close_us), stamp_us, split)

    def extend(self, key: str, year: Entry | None) -> Write | None:
        """The write of a ticker's year of day bars, cached under ``key``, with the day's bar added.

        None where the year is to be left alone: it has the day already; it lacks the settled bar of an earlier day; the ticker has
        no bar in the answer for the whole market, which leaves some out, or one without a field that its other bars have; or a
        split since may have changed the scale of its prices.
        """
        ticker = slot_of(key)
        bar = self.bars.get(ticker)
        if year is None or year.kind is Kind.NEGATIVE or bar is None or ticker in self.split:
            return None
        midnight_us = sessions.eastern_midnight_us(self.day.date)
        complete_from_us = settled_floor_us(trading_end_us(midnight_us))
        if not complete_from_us < year.stamp_us <= self.lacking_us:
            return None
        page = page_of(year)
        fields = bar.fields
        row = [
            midnight_us // 1000,
            *(fields[name] for name in ("o", "h", "l", "c", "v")),
            fields.get("vw"),
            fields.get("n"),
        ]
        earlier = rows_between(page.rows, 0, row[0])
        if earlier and any(new is None and old is not None for new, old in zip(row, earlier[-1], strict=True)):
            return None
        extended = Page([*earlier, row], page.delayed or bar.delayed, page.truncated, page.dropped, page.suspect)
        return Write(key, Entry(self.stamp_us, Kind.VALUE, extended.payload()), extended.keep_us)
