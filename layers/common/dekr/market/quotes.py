"""Quotes: the best bid and ask of one ticker.

The plan behind the service decides where a quote can come from. The best source that it includes is used, and named:
the NBBO, a snapshot, the close of the last minute bar, the previous day's close.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dekr.cache.entry import Entry, Kind
from dekr.cache.freshness import NEGATIVE_AGE_US, DataClass, keep_us
from dekr.cache.tier_cache import Write
from dekr.errors import UnknownSymbol, UpstreamNotEntitled
from dekr.market.ask import Ask
from dekr.market.flow import Flow
from dekr.market.wants import Fetch, Want
from dekr.polygon.failures import NotEntitled
from dekr.polygon.permit import Permit
from dekr.symbols import Ticker
from dekr.times import rfc3339

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient, Quote

LADDER: Final = ("nbbo", "snapshot", "minute", "prev")
"""Endpoint families in the order in which they are tried; an hour's memory of what the plan refused is the gate's."""

LEASE_MS: Final = 5_000


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
        answer = entry.view(lambda data: _Answer.of(ticker, data))
        ask.source, ask.delayed = answer.source, answer.delayed
        return answer.text

    def _fetch(self, ticker: Ticker, permit: Permit, key: str) -> Write:
        try:
            found = self._best(ticker, permit)
        except UnknownSymbol:
            return Write(key, Entry(permit.stamp_us, Kind.NEGATIVE, b"{}"), NEGATIVE_AGE_US)
        payload = json.dumps(
            {"source": found.source, "delayed": found.delayed, "fields": found.fields}, separators=(",", ":")
        )
        keep = keep_us(permit.stamp_us, DataClass.REAL_TIME, self.flow.stale_us)
        return Write(key, Entry(permit.stamp_us, Kind.VALUE, payload.encode()), keep)

    def _best(self, ticker: Ticker, permit: Permit) -> "Quote":
        """The quote from the best source that the plan includes and that has one. Raises UnknownSymbol."""
        family = permit.family
        while True:
            found = self._from(family, ticker, permit)
            if found is not None:
                return found
            if family == LADDER[-1]:
                raise UnknownSymbol(f"There is no ticker {ticker.text}.")
            family = permit.step_down()

    def _from(self, family: str, ticker: Ticker, permit: Permit) -> "Quote | None":
        """What this family has; None where the plan does not include it, or it knows no price."""
        client = self.client()
        try:
            match family:
                case "nbbo":
                    return client.last_nbbo(ticker.text, permit)
                case "snapshot":
                    return client.snapshot(ticker.text, permit)
                case "minute":
                    return client.newest_minute(ticker.text, permit)
                case _:
                    return client.previous_close(ticker.text, permit)
        except NotEntitled:
            if family == LADDER[-1]:
                raise UpstreamNotEntitled("The data plan behind this service does not include this data.") from None
            return None


@dataclass(frozen=True, slots=True)
class _Answer:
    """A finished answer: the JSON of a quote, and where it came from."""

    text: str
    source: str
    delayed: bool

    @classmethod
    def of(cls, ticker: Ticker, data: dict[str, Any]) -> "_Answer":
        """The answer that a cached quote makes.

        Lower-case p and s are the bid, upper-case P and S the ask; a bar has neither, so its close stands for both.
        """
        fields = data["fields"]
        if data["source"] in ("nbbo", "snapshot"):
            bid, ask, bid_size, ask_size = fields.get("p"), fields.get("P"), fields.get("s"), fields.get("S")
            ns = fields["t"]
        else:
            bid = ask = fields["c"]
            bid_size = ask_size = None
            ns = fields["t"] * 1_000_000
        quote = {
            "symbol": ticker.text,
            "bid": bid,
            "ask": ask,
            "bid_size": bid_size,
            "ask_size": ask_size,
            "timestamp": rfc3339(ns),
        }
        return cls(json.dumps(quote, separators=(",", ":")), data["source"], data["delayed"])
