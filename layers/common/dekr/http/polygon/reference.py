"""``/v1/marketstatus`` and ``/v3/reference/tickers``."""

import json

from aws_lambda_powertools.event_handler import Response

from dekr.http.edge.edge import Edge
from dekr.http.edge.openapi import polygon_of
from dekr.http.paging.list_page import ListQuery
from dekr.http.paging.parameters import CursorQuery
from dekr.http.polygon.shapes import MarketNow, Page, UpcomingDay
from dekr.http.polygon.tickers import TickerFiltersQuery, TickerLimit, ticker_parameters
from dekr.market.passthrough import queries
from dekr.polygon.endpoints import MARKET_NOW, TICKERS, UPCOMING


def reference_routes(edge: Edge) -> None:
    """Add the state of the markets, their coming holidays, and the list of tickers."""

    @edge.get(MARKET_NOW.path, responses=polygon_of(MarketNow))
    def status_now() -> Response[str]:
        """The state of the markets in Polygon's shape."""
        return edge.answer(json.dumps(edge.services.hours.upstream_status(edge.read_context(None, "reference"))))

    @edge.get(UPCOMING.path, responses=polygon_of(list[UpcomingDay]))
    def status_upcoming() -> Response[str]:
        """The coming holidays of the markets in Polygon's shape."""
        days = edge.services.answers.get(edge.read_context(None, "reference"), queries.upcoming_query())
        return edge.answer(json.dumps(days))

    @edge.get(TICKERS.path, responses=polygon_of(Page))
    def reference_tickers(
        filters: TickerFiltersQuery, limit: TickerLimit = 100, cursor: CursorQuery = None
    ) -> Response[str]:
        """The listed stocks in Polygon's shape."""
        del cursor
        query = ListQuery(edge.services.cursors, TICKERS.path, ticker_parameters(filters, limit)).resumed(edge.query)
        page = edge.services.answers.get(edge.read_context(None, "reference"), queries.tickers_query(query.parameters))
        results = page.get("results") or []
        return edge.polygon({"count": len(results), "results": results}, query.next_path(page))
