"""GET /trade/{symbol} and Polygon's /v2/last/trade/{symbol}: the last trade of a ticker."""

from dekr.http import Edge, Response
from dekr.http.edge.openapi import json_of
from dekr.http.edge.query import SymbolPath, TierQuery
from dekr.http.polygon.last import trade_routes
from dekr.models.quotes import Trade
from dekr.symbols import Ticker

edge = Edge("trade")


@edge.get("/trade/<symbol>", responses=json_of(Trade))
def trade(symbol: SymbolPath, tier: TierQuery = None) -> Response[str]:
    """The ticker's last trade, not older than the caller's tier allows."""
    ticker = Ticker.parse(symbol)
    context = edge.read_context(tier, "trade")
    return edge.answer(edge.services.trades.get(context, ticker))


trade_routes(edge)

handler = edge.handler
