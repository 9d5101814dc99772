"""Which months the history of a ticker spans, so that a read of a young ticker does not walk back through twenty empty years, and
one of a delisted ticker not through those after it.

The upstream answers alike for a ticker that nobody lists and for one whose bars it does not have: 200 without bars. Its list of
tickers says which of the two it is.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from dekr.cache import keys
from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import Write
from dekr.cache.freshness import DataClass
from dekr.cache.keys import Datum
from dekr.errors import StoreDown, UnknownSymbol
from dekr.gate.permit import Permit
from dekr.market.bars.model import PARTIAL_KEEP_US, SETTLED_KEEP_US
from dekr.market.bars.segments import HISTORY_START, Segment, Series, Timespan
from dekr.market.bars.upstream import UpstreamBars
from dekr.market.read.context import ReadContext
from dekr.market.read.fetch import Fetch
from dekr.market.read.reader import NO_FETCH, Reader
from dekr.market.read.requirement import Requirement
from dekr.passed_over import PassedOver
from dekr.polygon.endpoints import BARS
from dekr.polygon.failures import NotEntitled
from dekr.sessions import eastern_date, eastern_midnight_us

LISTED: Final = b"true"
UNLISTED: Final = b"false"
"""The payloads of the entry of a ticker without bars."""


@dataclass(frozen=True, slots=True)
class HistorySpan:
    """The days (Eastern) on which a ticker can have bars: from ``first`` on, and none from ``quiet_from`` up to, but not including,
    ``known_until``, the day on which that was found out.
    """

    first: date
    quiet_from: date
    known_until: date

    def is_quiet_in(self, segment: Segment) -> bool:
        """Whether the ticker had no bars in a segment, as was found out after it."""
        return self.quiet_from <= segment.first <= segment.end <= self.known_until


@dataclass(frozen=True, slots=True, eq=False)
class HistoryStart:
    """Looks up the months of a ticker's history: one call for the monthly bars of all years that the plan includes, cached for a
    week, and one more where there are none, cached for a minute.
    """

    reader: Reader
    upstream: UpstreamBars

    def span(self, context: ReadContext, ticker: str) -> HistorySpan:
        """The days that can hold bars of the ticker, looked up where they are not cached. Of a ticker that has no bars yet they
        begin with the present day.

        Raises UnknownSymbol for a ticker that has no bars and that the upstream does not list, and what Reader.read raises.
        """
        key = self._key(ticker)
        fetcher = MonthsFetcher(self.upstream, self.reader.passed_over, ticker, key)
        fetch = Fetch(keys.lease_of(Datum.MONTHS, [ticker]), (BARS.family,), BARS.lease_ms, fetcher)
        requirement = Requirement(key, DataClass.HISTORICAL, 0, tail=False)
        entry = self.reader.read(context, (requirement,), fetch)[key]
        if entry.kind is not Kind.NEGATIVE:
            return _span_of(entry)
        if entry.payload == UNLISTED:
            raise UnknownSymbol(f"There is no ticker {ticker}.")
        today = eastern_date(context.now_us)
        return HistorySpan(today, today, today)

    def cached_first_day(self, ticker: str) -> date | None:
        """The first day (Eastern) that can hold bars of the ticker; None where the cache does not have it. Makes no call."""
        try:
            entry = self.reader.cache.read(self._key(ticker))
        except StoreDown as error:
            self.reader.passed_over.note(error)
            return None
        return _span_of(entry).first if entry is not None and entry.kind is Kind.VALUE else None

    def _key(self, ticker: str) -> str:
        return self.reader.cache.key(ticker, Datum.MONTHS)


@dataclass(frozen=True, slots=True, eq=False)
class MonthsFetcher:
    """Fetches the months of a ticker's history and makes its entry under ``key``; a ``dekr.market.read.fetch.Fetcher``.

    ``passed_over`` collects why the list of tickers could not be read.
    """

    upstream: UpstreamBars
    passed_over: PassedOver
    ticker: str
    key: str

    def fetch(self, permit: Permit, missing: Sequence[Requirement], cached: Mapping[str, Entry]) -> list[Write]:
        """The entry that holds the starts of the first and the last month with bars (ms), or a negative one that says whether the
        ticker is listed. Raises what the client raises.
        """
        del missing, cached
        months = Series(self.ticker, 1, Timespan.MONTH, adjusted=False)
        begin_ms, now_ms = eastern_midnight_us(HISTORY_START) // 1000, permit.stamp_us // 1000
        found, begins_ms = self.upstream.request_within_plan(months, begin_ms, now_ms, permit)
        if not found.bars:
            return [Write.negative(self.key, permit.stamp_us, LISTED if self._listed(permit) else UNLISTED)]
        # A month whose bar came broken may have days that did not.
        starts_ms = [found.bars[0].t, found.bars[-1].t, *found.dropped]
        payload = json.dumps([min(starts_ms), max(starts_ms)]).encode()
        keep_us = SETTLED_KEEP_US if begins_ms == begin_ms else PARTIAL_KEEP_US
        return [Write(self.key, Entry(permit.stamp_us, Kind.VALUE, payload), keep_us)]

    def _listed(self, permit: Permit) -> bool:
        """Whether the upstream lists the ticker; so it is taken to be where the list cannot be read."""
        try:
            return self.upstream.lists(self.ticker, permit)
        except (*NO_FETCH, NotEntitled) as error:
            self.passed_over.note(error)
            return True


def _span_of(entry: Entry) -> HistorySpan:
    first_ms, last_ms = entry.parsed
    last = eastern_date(last_ms * 1000)
    months = Series("", 1, Timespan.MONTH, adjusted=False)
    return HistorySpan(eastern_date(first_ms * 1000), months.unit_end(last), eastern_date(entry.stamp_us))
