"""Polygon's /v3/quotes/{symbol} and /v3/trades/{symbol}: every quote or trade of a ticker."""

from dekr.http import Edge
from dekr.http.polygon.ticks import tick_routes

edge = Edge("ticks")

tick_routes(edge, "quotes")
tick_routes(edge, "trades")

handler = edge.handler
