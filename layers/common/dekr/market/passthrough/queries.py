"""Queries that are passed on to the upstream: the endpoint, the ticker and the parameters.

An endpoint that is passed on takes one row in ``dekr.polygon.endpoints`` and a route that makes an UpstreamQuery of it;
CONTRIBUTING.md has an example.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dekr.cache import keys
from dekr.cache.keys import MARKET_SLOT
from dekr.polygon.endpoints import MARKET_NOW, NEWS, PREVIOUS_BAR, TICKERS, UPCOMING, Endpoint
from dekr.symbols import Ticker


@dataclass(frozen=True, slots=True)
class UpstreamQuery:
    """One query of an endpoint whose answer is passed on.

    ``slot``: the ticker that it is about, or MARKET_SLOT. ``parts``: the values of the names in braces in the endpoint's path.
    ``parameters``: those of the query; in whatever order, equal ones share one cache entry. ``settled_us``: the moment after
    which nothing more is added to the answer; None: it can always grow. ``edition``: tells apart the answers to equal queries at
    different times, where an earlier one must not be used.
    """

    endpoint: Endpoint
    slot: str = MARKET_SLOT
    parameters: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)
    settled_us: int | None = None
    edition: str = ""

    @property
    def name(self) -> str:
        """The name of the answer in cache keys and leases."""
        return keys.passed_on(f"{self.endpoint.name}{self.edition}", list(self.parameters.items()))


def ticker_query(
    endpoint: Endpoint, ticker: Ticker, parameters: Mapping[str, str], settled_us: int | None = None
) -> UpstreamQuery:
    """The query of an endpoint whose path names a ticker as ``{ticker}``."""
    return UpstreamQuery(endpoint, ticker.text, parameters, {"ticker": ticker.text}, settled_us)


def previous_bar_query(ticker: Ticker, *, adjusted: str) -> UpstreamQuery:
    """The query for the bar of a ticker's previous trading day; ``adjusted``: ``true`` or ``false``."""
    return ticker_query(PREVIOUS_BAR, ticker, {"adjusted": adjusted})


def news_query(ticker: Ticker | None, parameters: Mapping[str, str]) -> UpstreamQuery:
    """The query for a page of news, of one ticker or of all."""
    return UpstreamQuery(NEWS, ticker.text if ticker else MARKET_SLOT, parameters)


def tickers_query(parameters: Mapping[str, str]) -> UpstreamQuery:
    """The query for a page of the list of tickers."""
    return UpstreamQuery(TICKERS, parameters=parameters)


def market_now_query(since_us: int) -> UpstreamQuery:
    """The query for the state of the markets in the session that began at ``since_us``: no answer outlives its session."""
    return UpstreamQuery(MARKET_NOW, edition=f":{since_us // 1_000_000}")


def upcoming_query() -> UpstreamQuery:
    """The query for the coming days on which the markets are closed, or close early."""
    return UpstreamQuery(UPCOMING)
