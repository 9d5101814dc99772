"""Which tickers were split of late: one answer for the whole market and a trading day.

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
from dekr.cache.keys import MARKET, Datum, Lease
from dekr.errors import BudgetSpent, DeadlineExceeded, UpstreamDown, UpstreamInvalid, UpstreamNotEntitled
from dekr.gate.permit import Permit
from dekr.market.read.context import ReadContext
from dekr.market.read.fetch import Fetch
from dekr.market.read.reader import Reader
from dekr.market.read.requirement import Requirement
from dekr.polygon.endpoints import SPLITS
from dekr.sessions import eastern_date, eastern_midnight_us

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient

LOOK_BACK: Final = timedelta(days=10)
KEEP_US: Final = 2 * DAY_US
MAX_PAGES: Final = 5
UNKNOWN: Final = (UpstreamDown, UpstreamInvalid, UpstreamNotEntitled, BudgetSpent, DeadlineExceeded)


@dataclass(frozen=True, slots=True)
class RecentSplits:
    """The recent splits of all tickers, cached once a trading day. It fetches them itself, as a
    ``dekr.market.read.fetch.Fetcher``; ``client`` makes the upstream client on the first miss.
    """

    reader: Reader
    client: "Callable[[], PolygonClient]"

    def unsplit_since_us(self, context: ReadContext, ticker: str) -> int | None:
        """Since when the ticker was not split, at the least, up to the present trading day; None where it is not known. A split
        is doubted for as long as it is in the list: it may have been entered late.
        """
        key = self._key
        fetch = Fetch(Lease.SPLITS, (SPLITS.family,), SPLITS.lease_ms, self)
        # However old: but for the next split there is no age.
        requirement = Requirement(key, DataClass.HISTORICAL, 0, tail=False, adjusted=True)
        told = context.outcome, context.failure
        try:
            entry = self.reader.read(context, (requirement,), fetch)[key]
        except UNKNOWN as error:
            self.reader.passed_over.note(error)
            return None
        if entry.stamp_us <= splits_floor_us(context.now_us):
            # Too old, and served only because there is no newer one: no part of the answer.
            if context.failure is not None:
                self.reader.passed_over.note(context.failure)
            context.outcome, context.failure = told
            return None
        since_us, tickers = entry.view(_parsed)
        return None if ticker in tickers else since_us

    def fetch(self, permit: Permit, missing: Sequence[Requirement], cached: Mapping[str, Entry]) -> list[Write]:
        """The entry of the recent splits. Raises what the client raises."""
        del missing, cached
        today = eastern_date(permit.stamp_us)
        since = today - LOOK_BACK
        rows = self.between(since, today, permit)
        kept = {"since": since.isoformat(), "tickers": sorted({row["ticker"] for row in rows})}
        return [Write(self._key, Entry(permit.stamp_us, Kind.VALUE, json.dumps(kept).encode()), KEEP_US)]

    def between(self, first: date, last: date, permit: Permit) -> list[Mapping[str, Any]]:
        """The splits that took effect from ``first`` to ``last``."""
        parameters = {
            "execution_date.gte": first.isoformat(),
            "execution_date.lte": last.isoformat(),
            "limit": str(SPLITS.max_limit),
        }
        rows: list[Mapping[str, Any]] = []
        for _ in range(MAX_PAGES):
            sent, _ = self.client().answer(SPLITS, parameters, permit)
            rows += sent.get("results") or []
            if not sent.get("next_url"):
                return rows
            parameters = {"cursor": sent["next_url"]}
        raise UpstreamInvalid("The data provider's list of splits does not end.", fault="next_url: pages do not end")

    @property
    def _key(self) -> str:
        return self.reader.cache.key(MARKET, Datum.SPLITS)


def _parsed(kept: dict[str, Any]) -> tuple[int, frozenset[str]]:
    return eastern_midnight_us(date.fromisoformat(kept["since"])), frozenset(kept["tickers"])
