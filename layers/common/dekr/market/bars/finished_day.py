"""The finished trading day, added to the day bars of every ticker that the cache has: one upstream call for the whole market.

Without it, whoever asks for a ticker's days after a close makes the whole year be fetched again for one bar. A year to which
its newest day was added is the same as one that is fetched then, so it has the same stamp.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from dekr import sessions
from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import Write
from dekr.cache.freshness import DAY_US, settled_floor_us
from dekr.cache.keys import MARKET, Datum, Lease, slot_of
from dekr.deadline import Deadline
from dekr.errors import UpstreamNotEntitled
from dekr.gate.permit import Permit
from dekr.market.bars.fetch import keep_us
from dekr.market.bars.model import Page, between, page_of
from dekr.market.bars.segment_planner import key_of
from dekr.market.bars.segments import Series, Timespan, last_trade_us
from dekr.market.bars.splits import LOOK_BACK, RecentSplits
from dekr.market.read.fetch import Fetch
from dekr.market.read.reader import Reader
from dekr.market.read.requirement import Requirement
from dekr.polygon.endpoints import GROUPED
from dekr.sessions import TradingDay
from dekr.store import plain
from dekr.store.scan import scan

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient
    from dekr.polygon.latest import Latest

LEASE_MS: Final = 60_000
"""Longer than it takes to add a day to ten thousand tickers."""

CHUNK: Final = 50
"""Years read and written in one round trip: each has some ten thousand bytes."""

LONGEST_CLOSED: Final = 10
"""Days within which there is a trading day."""

ENOUGH_S: Final = 5.0
"""With less time than this, the rest is left as it is: the next run does it."""

KEEP_US: Final = 7 * DAY_US


@dataclass(frozen=True, slots=True)
class FinishedDayHistory:
    """Adds days. ``client`` is asked for when there is something to add to."""

    reader: Reader
    client: "Callable[[], PolygonClient]"

    def extend(self, now_us: int, deadline: Deadline) -> bool:
        """Add the last trading day that was finished at ``now_us`` (the store's clock, which stamps what is fetched), once. Whether
        that is done, or cannot be: the plan does not include such bars, or there is nothing to add them to. What is left is done
        by a later call. Raises what the gate and the fetch raise, and StoreDown.
        """
        day = _finished(now_us)
        mark = self.reader.cache.key(MARKET, Datum.FINISHED_DAY)
        if day is None or self._done(mark) >= day.date:
            return True
        years = {adjusted: list(self._years(day.date, adjusted=adjusted)) for adjusted in (True, False)}
        if not any(years.values()):
            return True

        fetch = Fetch(Lease.FINISHED_DAY, (GROUPED.family,), LEASE_MS, FinishedDayFetcher(self, day, years, mark))
        try:
            self.reader.single_flight.fetch(fetch, now_us, deadline)
        except UpstreamNotEntitled:
            return True
        return self._done(mark) >= day.date

    def add(self, added: "Added", keys: Sequence[str]) -> None:
        """Add the day to the years under these keys, as far as they lack it."""
        replies = self.reader.cache.store.run(*(plain("GET", key) for key in keys))
        writes = [
            write
            for key, reply in zip(keys, replies, strict=True)
            if reply is not None and (write := added.to(key, Entry.decode(reply))) is not None
        ]
        self.reader.single_flight.keep(writes, copy=False)

    def _done(self, mark: str) -> date:
        (reply,) = self.reader.cache.store.run(self.reader.cache.get(mark))
        entry = self.reader.cache.entry(mark, reply)
        return date.min if entry is None else date.fromisoformat(entry.parsed)

    def _years(self, day: date, *, adjusted: bool) -> Iterator[str]:
        """The keys of all years that hold the day, each once."""
        series = Series("*", 1, Timespan.DAY, adjusted)
        pattern = key_of(self.reader.cache, series, series.segment_at(day))
        for shard in self.reader.cache.store.shards():
            yield from (key.decode() for key in scan(shard, pattern) if key is not None)


@dataclass(frozen=True, slots=True)
class FinishedDayFetcher:
    """Fetches a finished day and adds it to ``years`` (keys by whether they are adjusted); a
    ``dekr.market.read.fetch.Fetcher``. ``mark``: the key of the entry that says which day was added last.
    """

    history: FinishedDayHistory
    day: TradingDay
    years: Mapping[bool, Sequence[str]]
    mark: str

    def fetch(self, permit: Permit, missing: Sequence[Requirement], cached: Mapping[str, Entry]) -> list[Write]:
        """The entry of the mark where the day was added to all years; none where something is left to be done."""
        del missing, cached
        day, history = self.day, self.history
        today = sessions.eastern_date(permit.stamp_us)
        for adjusted, keys in self.years.items():
            if not keys:
                continue
            bars = history.client().grouped(day.date.isoformat(), permit, adjusted=adjusted)
            if not bars:
                # Not published yet.
                return []
            # A year that was split since it was fetched is of another scale.
            splits = RecentSplits(history.reader, history.client)
            rows = splits.between(today - LOOK_BACK, today, permit) if adjusted else []
            added = Added(day, bars, permit.stamp_us, frozenset(row["ticker"] for row in rows))
            for start in range(0, len(keys), CHUNK):
                if permit.deadline.left_s() < ENOUGH_S:
                    return []
                history.add(added, keys[start : start + CHUNK])
        payload = b'"%s"' % day.date.isoformat().encode()
        return [Write(self.mark, Entry(permit.stamp_us, Kind.VALUE, payload), KEEP_US)]


@dataclass(frozen=True, slots=True)
class Added:
    """The bars of a finished ``day``, by ticker, fetched at ``stamp_us``; which tickers were ``split`` of late."""

    day: TradingDay
    bars: "Mapping[str, Latest]"
    stamp_us: int
    split: frozenset[str]

    def to(self, key: str, year: Entry | None) -> Write | None:
        """A year with the day added; None where it is to be left as it is: it has the day, or lacks some day before it, or the
        ticker has no bar in the whole market's answer (which leaves some out), or its prices are of another scale.
        """
        ticker = slot_of(key)
        bar = self.bars.get(ticker)
        if year is None or year.kind is Kind.NEGATIVE or bar is None or ticker in self.split:
            return None
        midnight_us = sessions.eastern_midnight_us(self.day.date)
        complete_us = settled_floor_us(last_trade_us(midnight_us))
        if not complete_us < year.stamp_us <= settled_floor_us(self.day.post_close_us):
            return None
        page = page_of(year)
        fields = bar.fields
        row = [
            midnight_us // 1000,
            *(fields[name] for name in ("o", "h", "l", "c", "v")),
            fields.get("vw"),
            fields.get("n"),
        ]
        whole = Page([*between(page.rows, 0, row[0]), row], page.delayed or bar.delayed, cut=page.cut)
        return Write(key, Entry(self.stamp_us, Kind.VALUE, whole.payload()), keep_us(cut=page.cut))


def _finished(now_us: int) -> TradingDay | None:
    """The last trading day whose trading is over and reported; None where the calendar does not know."""
    day = sessions.eastern_date(now_us)
    for back in range(LONGEST_CLOSED):
        try:
            found = sessions.trading_day(day - timedelta(days=back))
        except sessions.CalendarUnknown:
            return None
        if found is not None and now_us > settled_floor_us(found.post_close_us):
            return found
    return None
