"""Quotes: the best bid and ask of one ticker.

The plan behind the service decides where a quote can come from. The best source that it includes is used, and named:
the NBBO, a snapshot, the close of the last minute bar, the previous day's close.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dekr.cache.entry import Entry, Kind
from dekr.cache.freshness import NEGATIVE_AGE_US, DataClass, keep_us
from dekr.cache.tier_cache import Write
from dekr.errors import UnknownSymbol
from dekr.market.ask import Ask
from dekr.market.flow import Fetch, Flow, Want
from dekr.polygon.gate import Permit
from dekr.symbols import Ticker
from dekr.times import rfc3339

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient

LADDER: Final = ("nbbo", "snapshot", "aggs", "prev")
"""Endpoint families in the order in which they are tried; an hour's memory of what the plan refused is the gate's."""

LEASE_MS: Final = 4_000


@dataclass(frozen=True, slots=True)
class Quotes:
    """The quote service. ``client`` is asked for on the first miss, so that hits never load the HTTP client."""

    flow: Flow
    client: "Callable[[], PolygonClient]"

    def get(self, ask: Ask, ticker: Ticker) -> str:
        """The ticker's quote as the JSON of ``dekr.models.Quote``. Raises UnknownSymbol."""
        key = self.flow.cache.key(ticker.text, "quote")
        fetch = Fetch(f"quote:{ticker.text}", LADDER, LEASE_MS, lambda permit, *_: [self._fetch(ticker, permit, key)])
        entry = self.flow.read(ask, (Want(key, DataClass.REAL_TIME),), fetch)[key]
        if entry.kind is Kind.NEGATIVE:
            raise UnknownSymbol(f"There is no ticker {ticker.text}.")
        data = entry.data
        ask.source, ask.delayed = data["source"], data["delayed"]
        return json.dumps(_quote(ticker, data["source"], data["results"]), separators=(",", ":"))

    def _fetch(self, ticker: Ticker, permit: Permit, key: str) -> Write:
        client = self.client()
        try:
            source, results, delayed = self._ladder(client, ticker, permit)
        except UnknownSymbol:
            return Write(key, Entry(permit.stamp_us, Kind.NEGATIVE, b"{}"), NEGATIVE_AGE_US)
        payload = json.dumps({"source": source, "delayed": delayed, "results": results}, separators=(",", ":"))
        keep = keep_us(permit.stamp_us, DataClass.REAL_TIME, self.flow.stale_us)
        return Write(key, Entry(permit.stamp_us, Kind.VALUE, payload.encode()), keep)

    def _ladder(self, client: "PolygonClient", ticker: Ticker, permit: Permit) -> tuple[str, dict[str, Any], bool]:
        family = permit.family
        while True:
            found = self._ask(client, family, ticker, permit)
            if found is not None:
                return found
            family = permit.step_down()

    def _ask(
        self, client: "PolygonClient", family: str, ticker: Ticker, permit: Permit
    ) -> tuple[str, dict[str, Any], bool] | None:
        """What this family has; None where the plan does not include it or it has nothing that is a price."""
        try:
            match family:
                case "nbbo":
                    return _nbbo(client.last_nbbo(ticker.text, permit))
                case "snapshot":
                    return _snapshot(client.snapshot(ticker.text, permit))
                case "aggs":
                    return _last_bar("minute_bar", client.newest_bar(ticker.text, permit))
                case _:
                    return _last_bar("previous_close", client.previous_close(ticker.text, permit))
        except NotEntitled:
            return None
