"""The service of answers that are passed on as the upstream sent them: pages of quotes, trades, news and tickers, the bar of the
previous day, the state of the markets.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import Write
from dekr.cache.freshness import keep_us
from dekr.errors import UnknownSymbol
from dekr.flaws import Flaws
from dekr.gate.permit import Permit
from dekr.market.passthrough.queries import UpstreamQuery, news_query
from dekr.market.read.context import ReadContext
from dekr.market.read.fetch import Fetch
from dekr.market.read.reader import Reader
from dekr.market.read.requirement import Requirement
from dekr.symbols import Ticker

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient


@dataclass(frozen=True, slots=True, eq=False)
class PassThrough:
    """The service of answers that are passed on.

    ``client`` makes the upstream client on the first miss, so that hits never load it.
    """

    reader: Reader
    client: "Callable[[], PolygonClient]"

    def get(self, context: ReadContext, query: UpstreamQuery) -> Any:  # noqa: ANN401 - parsed JSON
        """The answer as sent, parsed, without its ``request_id``, and with the cursor alone in place of ``next_url``.

        It must not be changed. Raises UnknownSymbol for what the upstream does not know, and what the read path raises.
        """
        kept = self._entry(context, query).parsed
        if kept is None:
            raise UnknownSymbol(f"The data provider knows nothing of {query.slot}.")
        context.source, context.delayed, context.flaws = query.endpoint.source, kept["delayed"], Flaws.of(kept)
        return kept["sent"]

    def _entry(self, context: ReadContext, query: UpstreamQuery) -> Entry:
        endpoint, name = query.endpoint, query.name
        key = self.reader.cache.key(query.slot, name)
        fetcher = QueryFetcher(self.client, query, key, self.reader.stale_us)
        fetch = Fetch(f"{query.slot}:{name}", (endpoint.family,), endpoint.lease_ms, fetcher)
        requirement = Requirement(key, endpoint.data, query.settled_us, tail=query.settled_us is None)
        return self.reader.read(context, (requirement,), fetch)[key]


@dataclass(frozen=True, slots=True, eq=False)
class QueryFetcher:
    """Fetches the answer to one query and makes its entry under ``key``; a ``dekr.market.read.fetch.Fetcher``.

    ``stale_us``: for how long beyond its age an answer may be served stale.
    """

    client: "Callable[[], PolygonClient]"
    query: UpstreamQuery
    key: str
    stale_us: int

    def fetch(self, permit: Permit, missing: Sequence[Requirement], cached: Mapping[str, Entry]) -> list[Write]:
        """The entry of the answer, or a negative one where the upstream knows nothing. Raises what the client raises."""
        del missing, cached
        query, endpoint = self.query, self.query.endpoint
        try:
            sent = self.client().answer(endpoint, query.parameters, permit, **query.parts)
        except UnknownSymbol:
            return [Write.negative(self.key, permit.stamp_us)]
        kept = {"delayed": sent.delayed, "sent": sent.body, **sent.flaws.kept()}
        payload = json.dumps(kept, separators=(",", ":")).encode()
        # An empty list is kept for a short time only: it may be an error of the upstream's.
        if endpoint.is_list and not sent.body.get("results"):
            return [Write.negative(self.key, permit.stamp_us, payload)]
        kept_us = keep_us(permit.stamp_us, endpoint.data, self.stale_us)
        if endpoint.kept_us is not None:
            kept_us = min(kept_us, endpoint.kept_us)
        return [Write(self.key, Entry(permit.stamp_us, Kind.VALUE, payload), kept_us)]


@dataclass(frozen=True, slots=True, eq=False)
class PassedOnArticles:
    """Pages of news as the upstream sent them, passed on as any other query."""

    answers: PassThrough

    def get(self, context: ReadContext, ticker: Ticker | None, parameters: Mapping[str, str]) -> Any:  # noqa: ANN401 - parsed JSON
        """A page of news, of one ticker or of all, as PassThrough.get returns it."""
        return self.answers.get(context, news_query(ticker, parameters))
