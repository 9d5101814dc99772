"""GET /quote/{symbol} and Polygon's /v2/last/nbbo/{symbol}: the best bid and ask of a ticker."""

from dekr.http import Edge, Response
from dekr.http.edge.openapi import json_of
from dekr.http.edge.query import SymbolPath, TierQuery
from dekr.http.polygon.last import nbbo_routes
from dekr.models.quotes import Quote
from dekr.symbols import Ticker

edge = Edge("quote")


@edge.get("/quote/<symbol>", responses=json_of(Quote))
def quote(symbol: SymbolPath, tier: TierQuery = None) -> Response[str]:
    """The ticker's last bid and ask, not older than the caller's tier allows."""
    ticker = Ticker.parse(symbol)
    context = edge.read_context(tier, "quote")
    return edge.answer(edge.services.quotes.get(context, ticker))


nbbo_routes(edge)

handler = edge.handler
