"""Adds the finished trading day to the day bars of every ticker in the cache, with one upstream call for the whole market.

Without it, the first reader of a ticker's day bars after a close causes a fetch of the whole year for one bar. A year to which
its newest day was added equals one that was fetched at that moment, so it has that moment's stamp. Once the day is settled, its
corrected bars are added once more: a year then equals one fetched as the next trading day began.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from dekr import sessions
from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import EntryCache, Write
from dekr.cache.freshness import DAY_US, final_floor_us, settled_floor_us
from dekr.cache.keys import MARKET_SLOT, Datum, Lease
from dekr.deadline import Deadline
from dekr.errors import UpstreamNotEntitled
from dekr.gate.permit import Permit
from dekr.market.bars.finished_day_bars import FinishedDayBars
from dekr.market.bars.segment_planner import segment_key
from dekr.market.bars.segments import Series, Timespan
from dekr.market.bars.splits import RecentSplits
from dekr.market.read.fetch import Fetch
from dekr.market.read.requirement import Requirement
from dekr.market.read.single_flight import SingleFlight
from dekr.polygon.endpoints import GROUPED
from dekr.sessions import TradingDay
from dekr.store.scan import scan

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient

LEASE_MS: Final = 60_000
"""Longer than it takes to add a day to ten thousand tickers."""

CHUNK: Final = 50
"""Years read and written in one round trip: each has some ten thousand bytes."""

MAX_CLOSED_DAYS: Final = 10
"""No holiday closes the market for this many days in a row."""

MIN_TIME_LEFT_S: Final = 5.0
"""With less time left, the remaining years are not begun: the next run extends them."""

KEEP_US: Final = 7 * DAY_US


@dataclass(frozen=True, slots=True, eq=False)
class FinishedDayHistory:
    """Extends the cached years of day bars by the last finished trading day.

    ``client`` makes the upstream client when there is something to extend.
    """

    single_flight: SingleFlight
    splits: RecentSplits
    client: "Callable[[], PolygonClient]"

    @property
    def cache(self) -> EntryCache:
        """The cache whose years are extended."""
        return self.single_flight.cache

    def extend(self, now_us: int, deadline: Deadline) -> bool:
        """Add the last trading day that was finished at ``now_us`` (the store's clock, which stamps what is fetched), once when it
        is over and once when it is settled.

        Returns whether nothing is left to do, which is so, too, where the plan does not include such bars or where no years are
        cached; a later call does what is left. Raises what the gate and the fetch raise, and StoreDown.
        """
        day = _last_finished_day(now_us)
        marker_key = self.cache.key(MARKET_SLOT, Datum.FINISHED_DAY)
        if day is None or self._added(marker_key, day, now_us):
            return True
        years = {adjusted: list(self._year_keys(day.date, adjusted=adjusted)) for adjusted in (True, False)}
        if not any(years.values()):
            return True

        fetcher = FinishedDayFetcher(self, day, years, marker_key)
        try:
            self.single_flight.fetch(Fetch(Lease.FINISHED_DAY, (GROUPED.family,), LEASE_MS, fetcher), now_us, deadline)
        except UpstreamNotEntitled:
            return True
        return self._added(marker_key, day, now_us)

    def extend_years(self, bars: FinishedDayBars, keys: Sequence[str]) -> None:
        """Add a day's bars to the cached years under these keys, as far as they lack them, in two round trips."""
        entries = self.cache.read_uncopied(keys)
        writes = [
            write for key, entry in zip(keys, entries, strict=True) if (write := bars.extend(key, entry)) is not None
        ]
        self.single_flight.keep(writes, copy=False)

    def _added(self, marker_key: str, day: TradingDay, now_us: int) -> bool:
        """Whether the day was added, and that after it was settled where it is now."""
        marker = self.cache.read(marker_key)
        if marker is None or date.fromisoformat(marker.parsed) < day.date:
            return False
        settled_us = settled_floor_us(day.post_close_us)
        return marker.stamp_us > settled_us or now_us <= settled_us

    def _year_keys(self, day: date, *, adjusted: bool) -> Iterator[str]:
        """The keys of all cached years that contain the day, each once."""
        series = Series("*", 1, Timespan.DAY, adjusted)
        pattern = segment_key(self.cache, series, series.segment_at(day))
        for shard in self.cache.store.shards():
            yield from (key.decode() for key in scan(shard, pattern) if key is not None)


@dataclass(frozen=True, slots=True, eq=False)
class FinishedDayFetcher:
    """Fetches a finished day's bars and adds them to the cached years; a ``dekr.market.read.fetch.Fetcher``.

    ``years``: the keys of the years by whether they are adjusted. ``marker_key``: the key of the entry that says which day was
    added last.
    """

    history: FinishedDayHistory
    day: TradingDay
    years: Mapping[bool, Sequence[str]]
    marker_key: str

    def fetch(self, permit: Permit, missing: Sequence[Requirement], cached: Mapping[str, Entry]) -> list[Write]:
        """The marker's entry once the day was added to all years; none while years are left. Raises what the client raises."""
        del missing, cached
        day, history = self.day, self.history
        for adjusted, keys in self.years.items():
            if not keys:
                continue
            bars = history.client().grouped(day.date.isoformat(), permit, adjusted=adjusted).bars
            if not bars:
                # Not published yet.
                return []
            # The prices of a year that was split since it was fetched are of another scale.
            split = frozenset[str]()
            if adjusted:
                splits, split = history.splits.request(permit)
                history.single_flight.keep([splits], copy=False)
            finished = FinishedDayBars.fetched(day, bars, permit.stamp_us, split)
            for start in range(0, len(keys), CHUNK):
                if permit.deadline.left_s() < MIN_TIME_LEFT_S:
                    return []
                history.extend_years(finished, keys[start : start + CHUNK])
        payload = b'"%s"' % day.date.isoformat().encode()
        return [Write(self.marker_key, Entry(permit.stamp_us, Kind.VALUE, payload), KEEP_US)]


def _last_finished_day(now_us: int) -> TradingDay | None:
    """The last trading day whose trading is over and fully reported; None outside the calendar."""
    today = sessions.eastern_date(now_us)
    for days_ago in range(MAX_CLOSED_DAYS):
        try:
            day = sessions.trading_day(today - timedelta(days=days_ago))
        except sessions.CalendarUnknown:
            return None
        if day is not None and now_us > final_floor_us(day.post_close_us):
            return day
    return None
