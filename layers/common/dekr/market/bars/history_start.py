"""When the history of a ticker begins, so that a read of a young ticker does not walk back through twenty empty years."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from dekr.cache import keys
from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import Write
from dekr.cache.freshness import DataClass
from dekr.cache.keys import Datum
from dekr.errors import StoreDown, UnknownSymbol
from dekr.gate.permit import Permit
from dekr.market.bars.model import SETTLED_KEEP_US
from dekr.market.bars.segments import HISTORY_START, Series, Timespan
from dekr.market.bars.upstream import UpstreamBars
from dekr.market.read.context import ReadContext
from dekr.market.read.fetch import Fetch
from dekr.market.read.reader import Reader
from dekr.market.read.requirement import Requirement
from dekr.polygon.endpoints import BARS
from dekr.sessions import eastern_date, eastern_midnight_us


@dataclass(frozen=True, slots=True, eq=False)
class HistoryStart:
    """Looks up the first day of a ticker's history: one call for the monthly bars of all years, cached for a week."""

    reader: Reader
    upstream: UpstreamBars

    def first_day(self, context: ReadContext, ticker: str) -> date:
        """The first day (Eastern) that can hold bars of the ticker, fetched where it is not cached.

        Raises UnknownSymbol for a ticker that the upstream has no bars of, and what Reader.read raises.
        """
        key = self._key(ticker)
        fetcher = FirstBarFetcher(self.upstream, ticker, key)
        fetch = Fetch(keys.lease_of(Datum.FIRST_BAR, [ticker]), (BARS.family,), BARS.lease_ms, fetcher)
        requirement = Requirement(key, DataClass.HISTORICAL, 0, tail=False)
        entry = self.reader.read(context, (requirement,), fetch)[key]
        if entry.kind is Kind.NEGATIVE:
            raise UnknownSymbol(f"There is no ticker {ticker}.")
        return _day_of(entry)

    def cached_first_day(self, ticker: str) -> date | None:
        """The first day (Eastern) that can hold bars of the ticker; None where the cache does not have it. Makes no call."""
        try:
            entry = self.reader.cache.read(self._key(ticker))
        except StoreDown as error:
            self.reader.passed_over.note(error)
            return None
        return _day_of(entry) if entry is not None and entry.kind is Kind.VALUE else None

    def _key(self, ticker: str) -> str:
        return self.reader.cache.key(ticker, Datum.FIRST_BAR)


@dataclass(frozen=True, slots=True, eq=False)
class FirstBarFetcher:
    """Fetches when a ticker's history begins and makes its entry under ``key``; a ``dekr.market.read.fetch.Fetcher``."""

    upstream: UpstreamBars
    ticker: str
    key: str

    def fetch(self, permit: Permit, missing: Sequence[Requirement], cached: Mapping[str, Entry]) -> list[Write]:
        """The entry that holds the start of the first month with bars (ms), or a negative one. Raises what the client raises."""
        del missing, cached
        months = Series(self.ticker, 1, Timespan.MONTH, adjusted=False)
        begin_ms, now_ms = eastern_midnight_us(HISTORY_START) // 1000, permit.stamp_us // 1000
        found = self.upstream.request(months, begin_ms, now_ms, permit)
        if not found.bars:
            return [Write.negative(self.key, permit.stamp_us)]
        # A month whose bar came broken may have days that did not.
        start_ms = min([found.bars[0].t, *found.dropped])
        return [Write(self.key, Entry(permit.stamp_us, Kind.VALUE, b"%d" % start_ms), SETTLED_KEEP_US)]


def _day_of(entry: Entry) -> date:
    return eastern_date(entry.parsed * 1000)
