"""Queries that are passed on to the upstream: which endpoint, for which ticker, with which parameters.

An endpoint that is passed on takes one row in ``dekr.polygon.endpoints`` and a route that makes an UpstreamQuery of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dekr.cache import keys
from dekr.cache.keys import MARKET
from dekr.polygon.endpoints import MARKET_NOW, NEWS, PREVIOUS_BAR, TICKERS, UPCOMING, Endpoint
from dekr.symbols import Ticker


@dataclass(frozen=True, slots=True)
class UpstreamQuery:
    """One query of an endpoint.

    ``slot``: the ticker that it is about, or MARKET. ``parts``: those of the endpoint's path. ``parameters`` are compared in
    a fixed order, so that equal queries share one entry. ``settled_us``: the moment after which nothing more is added to the
    answer; None: it can always grow. ``edition``: tells answers apart that the upstream gives at different times.
    """

    endpoint: Endpoint
    slot: str = MARKET
    parameters: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)
    settled_us: int | None = None
    edition: str = ""

    @property
    def name(self) -> str:
        """The answer's name in keys and leases."""
        return keys.passed_on(f"{self.endpoint.name}{self.edition}", list(self.parameters.items()))


def of_ticker(
    endpoint: Endpoint, ticker: Ticker, parameters: Mapping[str, str], settled_us: int | None = None
) -> UpstreamQuery:
    """The query of an endpoint whose path names a ticker."""
    return UpstreamQuery(endpoint, ticker.text, parameters, {"ticker": ticker.text}, settled_us)


def previous_day(ticker: Ticker, *, adjusted: str) -> UpstreamQuery:
    """The bar of the ticker's previous trading day."""
    return of_ticker(PREVIOUS_BAR, ticker, {"adjusted": adjusted})


def news(ticker: Ticker | None, parameters: Mapping[str, str]) -> UpstreamQuery:
    """A page of news, of one ticker or of all."""
    return UpstreamQuery(NEWS, ticker.text if ticker else MARKET, parameters)


def tickers(parameters: Mapping[str, str]) -> UpstreamQuery:
    """A page of the list of tickers."""
    return UpstreamQuery(TICKERS, parameters=parameters)


def market_now(since_us: int) -> UpstreamQuery:
    """The state of the markets in the session that began at that moment; with the session its answer is over."""
    return UpstreamQuery(MARKET_NOW, edition=f":{since_us // 1_000_000}")


def upcoming() -> UpstreamQuery:
    """The coming days on which the markets close, or close early."""
    return UpstreamQuery(UPCOMING)
