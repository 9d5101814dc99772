"""Polygon's /v3/quotes/{symbol} and /v3/trades/{symbol}: every quote or trade of a ticker."""

from dekr.http import Edge
from dekr.http.polygon.ticks import tick_routes
from dekr.polygon.endpoints import QUOTES, TRADES

edge = Edge("ticks")

tick_routes(edge, QUOTES)
tick_routes(edge, TRADES)

handler = edge.handler
