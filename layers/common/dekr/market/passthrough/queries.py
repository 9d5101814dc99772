"""The questions that are passed on to the upstream as they are asked: where each is kept, for how long, and its shape."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from dekr.cache.freshness import DataClass
from dekr.cache.keys import MARKET
from dekr.market.passthrough.service import UpstreamQuery
from dekr.symbols import Ticker

if TYPE_CHECKING:
    from pydantic import BaseModel

TICKS_KEPT_US: Final = 10 * 60 * 1_000_000
"""Pages of quotes and trades are megabytes that hardly anybody asks for twice."""


def previous_day(ticker: Ticker, *, adjusted: str) -> UpstreamQuery:
    """``/v2/aggs/ticker/{t}/prev``."""
    path = f"/v2/aggs/ticker/{ticker.text}/prev"
    return UpstreamQuery(ticker.text, "prev", "prev", path, _aggregates, DataClass.HISTORICAL, {"adjusted": adjusted})


def ticks(ticker: Ticker, kind: str, parameters: Mapping[str, str], settled_us: int | None) -> UpstreamQuery:
    """``/v3/quotes/{t}`` or ``/v3/trades/{t}``, as ``kind`` says."""
    path = f"/v3/{kind}/{ticker.text}"
    return UpstreamQuery(
        ticker.text, kind, kind, path, _ticks, DataClass.REAL_TIME, parameters, settled_us, TICKS_KEPT_US
    )


def news(ticker: Ticker | None, parameters: Mapping[str, str]) -> UpstreamQuery:
    """``/v2/reference/news``, of one ticker or of all."""
    slot = ticker.text if ticker else MARKET
    return UpstreamQuery(slot, "news", "news", "/v2/reference/news", articles_model, DataClass.NEWS, parameters)


def tickers(parameters: Mapping[str, str]) -> UpstreamQuery:
    """``/v3/reference/tickers``."""
    path = "/v3/reference/tickers"
    return UpstreamQuery(MARKET, "tickers", "tickers", path, _tickers, DataClass.REFERENCE, parameters)


def market_now(since_us: int) -> UpstreamQuery:
    """``/v1/marketstatus/now``, in the session that began at that moment: with the session its answer is over."""
    datum = f"now:{since_us // 1_000_000}"
    path = "/v1/marketstatus/now"
    return UpstreamQuery(MARKET, datum, "marketstatus", path, _market_now, DataClass.REAL_TIME, {}, is_list=False)


def upcoming() -> UpstreamQuery:
    """``/v1/marketstatus/upcoming``."""
    path = "/v1/marketstatus/upcoming"
    return UpstreamQuery(MARKET, "upcoming", "marketstatus", path, _upcoming, DataClass.REFERENCE, {}, is_list=False)


# The shapes are part of the upstream client, which only a miss loads.


def _aggregates() -> "type[BaseModel]":
    from dekr.polygon.wire_lists import PreviousAnswer  # noqa: PLC0415 - see above

    return PreviousAnswer


def _ticks() -> "type[BaseModel]":
    from dekr.polygon.wire_lists import ListAnswer, Tick  # noqa: PLC0415 - see above

    return ListAnswer[Tick]


def articles_model() -> "type[BaseModel]":
    """The shape of an answer of the news."""
    from dekr.polygon.wire_lists import Article, ListAnswer  # noqa: PLC0415 - see above

    return ListAnswer[Article]


def _tickers() -> "type[BaseModel]":
    from dekr.polygon.wire_lists import ListAnswer, Listing  # noqa: PLC0415 - see above

    return ListAnswer[Listing]


def _market_now() -> "type[BaseModel]":
    from dekr.polygon.wire_lists import MarketNow  # noqa: PLC0415 - see above

    return MarketNow


def _upcoming() -> "type[BaseModel]":
    from dekr.polygon.wire_lists import UpcomingDays  # noqa: PLC0415 - see above

    return UpcomingDays
