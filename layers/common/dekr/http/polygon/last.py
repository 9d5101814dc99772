"""``/v2/last/nbbo`` and ``/v2/last/trade``. They share the cache with /quote and /trade."""

from aws_lambda_powertools.event_handler import Response

from dekr.http.edge.edge import Edge
from dekr.http.edge.openapi import polygon_of
from dekr.http.edge.query import SymbolPath
from dekr.http.polygon.parameters import SYMBOL
from dekr.http.polygon.shapes import One
from dekr.polygon.endpoints import LAST_QUOTE, LAST_TRADE
from dekr.symbols import Ticker


def nbbo_routes(edge: Edge) -> None:
    """Add the last quote."""

    @edge.get(LAST_QUOTE.url(ticker=SYMBOL), responses=polygon_of(One))
    def last_nbbo(symbol: SymbolPath) -> Response[str]:
        """The last quote in Polygon's shape: lower-case p is the bid."""
        ticker = Ticker.parse(symbol)
        context = edge.read_context(None, "quote")
        return edge.polygon({"results": edge.services.quotes.sent(context, ticker)})


def trade_routes(edge: Edge) -> None:
    """Add the last trade."""

    @edge.get(LAST_TRADE.url(ticker=SYMBOL), responses=polygon_of(One))
    def last_trade(symbol: SymbolPath) -> Response[str]:
        """The last trade in Polygon's shape."""
        ticker = Ticker.parse(symbol)
        context = edge.read_context(None, "trade")
        return edge.polygon({"results": edge.services.trades.sent(context, ticker)})
