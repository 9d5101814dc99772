"""``/v3/quotes`` and ``/v3/trades``: every quote or trade of a ticker, page by page."""

from typing import Annotated, Final, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from dekr.http.edge.edge import Edge
from dekr.http.edge.openapi import polygon_of
from dekr.http.edge.query import SymbolPath, Whole, at_most
from dekr.http.paging.list_page import ListQuery
from dekr.http.paging.parameters import CursorQuery, OrderQuery
from dekr.http.paging.time_filters import NANOSECONDS, check_not_empty, moments_as, narrowed
from dekr.http.polygon.parameters import SYMBOL, AfterQuery, BeforeQuery, FromQuery, UntilQuery
from dekr.http.polygon.shapes import Page
from dekr.market.passthrough.queries import ticker_query
from dekr.polygon.endpoints import Endpoint
from dekr.symbols import Ticker

MAX_TICKS: Final = 10_000
"""Items in a page: more would not fit into one answer; the pages that follow hold the rest."""

AtQuery = Annotated[
    str | None, Query(alias="timestamp", description="A day (YYYY-MM-DD) or a moment (ns or RFC 3339).")
]
TickLimit = Annotated[
    int, Query(ge=1, description="Items in a page; a page never holds more than 10 000."), Whole, at_most(MAX_TICKS)
]
SortQuery = Annotated[Literal["timestamp"], Query(description="The field to sort by.")]


def tick_routes(edge: Edge, endpoint: Endpoint) -> None:
    """Add the list of an endpoint, QUOTES or TRADES."""
    kind = endpoint.name

    @edge.get(endpoint.url(ticker=SYMBOL), responses=polygon_of(Page), summary=f"Polygon's {kind} of a ticker.")
    def ticks(
        symbol: SymbolPath,
        at: AtQuery = None,
        after: AfterQuery = None,
        since: FromQuery = None,
        before: BeforeQuery = None,
        until: UntilQuery = None,
        order: OrderQuery = "desc",
        sort: SortQuery = "timestamp",
        limit: TickLimit = 1_000,
        cursor: CursorQuery = None,
    ) -> Response[str]:
        del at, after, since, before, until, sort
        ticker, now_ns = Ticker.parse(symbol), edge.now_ms * 1_000_000
        span = narrowed(edge.query, "timestamp", NANOSECONDS)
        check_not_empty("timestamp", span)
        parameters = {
            **moments_as(str, edge.query, "timestamp", NANOSECONDS),
            "order": order,
            "limit": str(limit),
        }
        query = ListQuery(edge.services.cursors, endpoint.url(ticker=ticker.text), parameters).resumed(edge.query)
        # A cursor says nothing that could be trusted of how old its page is.
        settled_us = span.last // 1000 if span.last < now_ns and cursor is None else None
        context = edge.read_context(None, kind)
        page = edge.services.answers.get(context, ticker_query(endpoint, ticker, query.parameters, settled_us))
        return edge.polygon({"results": page.get("results") or []}, query.next_path(page))
