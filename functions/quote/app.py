"""GET /quote/{symbol} and Polygon's /v2/last/nbbo/{symbol}: the best bid and ask of a ticker."""

from dekr.http import Edge, Response
from dekr.http.documents import json_of, polygon_of
from dekr.http.polygon_shapes import One
from dekr.http.query import SymbolPath, TierQuery
from dekr.models import Quote
from dekr.symbols import Ticker

edge = Edge("quote")


@edge.get("/quote/<symbol>", responses=json_of(Quote))
def quote(symbol: SymbolPath, tier: TierQuery = None) -> Response[str]:
    """The ticker's last bid and ask, not older than the caller's tier allows."""
    ticker = Ticker.parse(symbol)
    ask = edge.ask(tier, "quote")
    return edge.answer(edge.services.quotes.get(ask, ticker))


@edge.get("/v2/last/nbbo/<symbol>", responses=polygon_of(One))
def last_nbbo(symbol: SymbolPath) -> Response[str]:
    """Polygon's last quote. It shares the cache with /quote."""
    ticker = Ticker.parse(symbol)
    ask = edge.ask(None, "quote")
    return edge.polygon({"results": edge.services.quotes.sent(ask, ticker)})


handler = edge.handler
