"""``/v1/marketstatus`` and ``/v3/reference/tickers``."""

import json

from aws_lambda_powertools.event_handler import Response

from dekr.http.edge.edge import Edge
from dekr.http.edge.openapi import polygon_of
from dekr.http.native.tickers import Limit, TickerFilters, ticker_parameters
from dekr.http.paging.list_page import CursorQuery, ListQuery, next_path
from dekr.http.polygon.shapes import MarketNow, Page, UpcomingDay
from dekr.market.passthrough.queries import tickers_query, upcoming_query


def reference_routes(edge: Edge) -> None:
    """Add the routes."""

    @edge.get("/v1/marketstatus/now", responses=polygon_of(MarketNow))
    def status_now() -> Response[str]:
        """Polygon's state of the markets."""
        return edge.answer(json.dumps(edge.services.hours.upstream_status(edge.read_context(None, "reference"))))

    @edge.get("/v1/marketstatus/upcoming", responses=polygon_of(list[UpcomingDay]))
    def status_upcoming() -> Response[str]:
        """Polygon's coming holidays."""
        return edge.answer(
            json.dumps(edge.services.answers.get(edge.read_context(None, "reference"), upcoming_query()))
        )

    @edge.get("/v3/reference/tickers", responses=polygon_of(Page))
    def reference_tickers(filters: TickerFilters, limit: Limit = 100, cursor: CursorQuery = None) -> Response[str]:
        """The listed stocks in Polygon's shape."""
        path = "/v3/reference/tickers"
        del cursor
        asked = ListQuery.of(path, ticker_parameters(filters, limit), edge.query)
        sent = edge.services.answers.get(edge.read_context(None, "reference"), tickers_query(asked.parameters))
        results = sent.get("results") or []
        return edge.polygon({"count": len(results), "results": results}, next_path(path, {}, asked.following(sent)))
