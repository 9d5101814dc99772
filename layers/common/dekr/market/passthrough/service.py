"""Answers that are passed on as the upstream sent them: pages of quotes, trades, news and tickers, the previous day's bar, the
state of the markets.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import Write
from dekr.cache.freshness import keep_us
from dekr.errors import UnknownSymbol
from dekr.gate.permit import Permit
from dekr.market.passthrough.queries import UpstreamQuery, news
from dekr.market.read.context import ReadContext
from dekr.market.read.fetch import Fetch
from dekr.market.read.reader import Reader
from dekr.market.read.requirement import Requirement
from dekr.symbols import Ticker

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient


@dataclass(frozen=True, slots=True)
class PassThrough:
    """The service of answers that are passed on. ``client`` makes the upstream client on the first miss."""

    reader: Reader
    client: "Callable[[], PolygonClient]"

    def get(self, context: ReadContext, query: UpstreamQuery) -> Any:  # noqa: ANN401 - parsed JSON
        """The answer as sent, without its request_id; in the place of ``next_url`` its cursor. It must not be changed.

        Raises UnknownSymbol for what the upstream does not know.
        """
        entry = self._entry(context, query)
        found = entry.parsed
        if found is None:
            raise UnknownSymbol(f"The data provider knows nothing of {query.slot}.")
        context.delayed = found["delayed"]
        return found["sent"]

    def _entry(self, context: ReadContext, query: UpstreamQuery) -> Entry:
        endpoint = query.endpoint
        key = self.reader.cache.key(query.slot, query.name)
        fetcher = _QueryFetcher(self, query, key)
        fetch = Fetch(f"{query.slot}:{query.name}", (endpoint.family,), endpoint.lease_ms, fetcher)
        requirement = Requirement(key, endpoint.data, query.settled_us, tail=query.settled_us is None)
        return self.reader.read(context, (requirement,), fetch)[key]


@dataclass(frozen=True, slots=True)
class _QueryFetcher:
    """Fetches the answer to one query and makes its entry under ``key``."""

    service: PassThrough
    query: UpstreamQuery
    key: str

    def fetch(self, permit: Permit, missing: Sequence[Requirement], cached: Mapping[str, Entry]) -> list[Write]:
        """See dekr.market.read.fetch.Fetcher."""
        del missing, cached
        query, endpoint = self.query, self.query.endpoint
        try:
            sent, delayed = self.service.client().answer(endpoint, query.parameters, permit, **query.parts)
        except UnknownSymbol:
            return [Write.negative(self.key, permit.stamp_us)]
        payload = json.dumps({"delayed": delayed, "sent": sent}, separators=(",", ":")).encode()
        # An empty list is believed for a short time only.
        if endpoint.is_list and not sent.get("results"):
            return [Write.negative(self.key, permit.stamp_us, payload)]
        kept_us = keep_us(permit.stamp_us, endpoint.data, self.service.reader.stale_us)
        if endpoint.kept_us is not None:
            kept_us = min(kept_us, endpoint.kept_us)
        return [Write(self.key, Entry(permit.stamp_us, Kind.VALUE, payload), kept_us)]


@dataclass(frozen=True, slots=True)
class ArticlePages:
    """Pages of news that are passed on as any other query."""

    answers: PassThrough

    def get(self, context: ReadContext, ticker: Ticker | None, parameters: Mapping[str, str]) -> Any:  # noqa: ANN401 - parsed JSON
        """The page as sent; see PassThrough.get."""
        return self.answers.get(context, news(ticker, parameters))
