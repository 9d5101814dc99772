"""The recent splits of all tickers, as one cache entry for each trading day.

With it, adjusted bars from before the present trading day's first session need not be fetched again where nothing was traded
and no split took effect since.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import Write
from dekr.cache.freshness import DAY_US, DataClass, splits_floor_us
from dekr.cache.keys import MARKET_SLOT, Datum, Lease
from dekr.errors import UpstreamInvalid
from dekr.gate.permit import Permit
from dekr.market.read.context import ReadContext
from dekr.market.read.fetch import Fetch
from dekr.market.read.reader import NO_FETCH, Reader
from dekr.market.read.requirement import Requirement
from dekr.polygon.endpoints import SPLITS
from dekr.sessions import eastern_date, eastern_midnight_us

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient

LOOK_BACK: Final = timedelta(days=10)
KEEP_US: Final = 2 * DAY_US
MAX_PAGES: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class RecentSplits:
    """The splits of all tickers in the last ten days. It fetches them itself, as a ``dekr.market.read.fetch.Fetcher``.

    ``client`` makes the upstream client on the first miss, so that hits never load it.
    """

    reader: Reader
    client: "Callable[[], PolygonClient]"

    def no_split_since_us(self, context: ReadContext, ticker: str) -> int | None:
        """A moment (us) since which the ticker was not split, up to the present trading day; None where that is not known.

        A ticker with a split in the list counts as not known for as long as it is there: the split may have been entered late.
        """
        key = self._key
        fetch = Fetch(Lease.SPLITS, (SPLITS.family,), SPLITS.lease_ms, self)
        # Of any age: the list is complete up to the start of the trading day, whenever in that day it was fetched.
        requirement = Requirement(key, DataClass.HISTORICAL, 0, tail=False, adjusted=True)
        outcome, failure = context.outcome, context.failure
        try:
            entry = self.reader.read(context, (requirement,), fetch)[key]
        except NO_FETCH as error:
            self.reader.passed_over.note(error)
            return None
        if entry.stamp_us <= splits_floor_us(context.now_us):
            # Served stale for want of a newer one: it is not used, so it must not label the answer.
            if context.failure is not None:
                self.reader.passed_over.note(context.failure)
            context.outcome, context.failure = outcome, failure
            return None
        since_us, tickers = entry.view(_parsed)
        return None if ticker in tickers else since_us

    def fetch(self, permit: Permit, missing: Sequence[Requirement], cached: Mapping[str, Entry]) -> list[Write]:
        """The entry of the recent splits. Raises what the client raises."""
        del missing, cached
        return [self.request(permit)[0]]

    def request(self, permit: Permit) -> tuple[Write, frozenset[str]]:
        """Request the recent splits: their entry, and the tickers in it. Raises what the client raises, and UpstreamInvalid for a
        list of more than MAX_PAGES pages.
        """
        today = eastern_date(permit.stamp_us)
        since = today - LOOK_BACK
        tickers = self._request_tickers(since, today, permit)
        kept = {"since": since.isoformat(), "tickers": sorted(tickers)}
        return Write(self._key, Entry(permit.stamp_us, Kind.VALUE, json.dumps(kept).encode()), KEEP_US), tickers

    def _request_tickers(self, first: date, last: date, permit: Permit) -> frozenset[str]:
        parameters = {
            "execution_date.gte": first.isoformat(),
            "execution_date.lte": last.isoformat(),
            "limit": str(SPLITS.max_limit),
        }
        tickers: set[str] = set()
        for sent in self.client().pages(SPLITS, parameters, permit, MAX_PAGES):
            if sent.broken:
                # Whose bars it changes is not known.
                raise UpstreamInvalid("The data provider sent a broken split.", fault="results: a broken split")
            tickers.update(split["ticker"] for split in sent.body.get("results") or [])
            if not sent.body.get("next_url"):
                return frozenset(tickers)
        raise UpstreamInvalid("The data provider's list of splits does not end.", fault="next_url: pages do not end")

    @property
    def _key(self) -> str:
        return self.reader.cache.key(MARKET_SLOT, Datum.SPLITS)


def _parsed(kept: dict[str, Any]) -> tuple[int, frozenset[str]]:
    return eastern_midnight_us(date.fromisoformat(kept["since"])), frozenset(kept["tickers"])
