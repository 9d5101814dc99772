"""``/v3/quotes`` and ``/v3/trades``: every quote or trade of a ticker, page by page."""

from typing import Annotated, Final, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from dekr.http.edge.edge import Edge
from dekr.http.edge.openapi import polygon_of
from dekr.http.edge.query import SymbolPath, Whole
from dekr.http.paging.list_page import CursorQuery, ListQuery, OrderQuery, next_path, tick_times
from dekr.http.polygon.shapes import Page
from dekr.market.passthrough.queries import ticker_query
from dekr.polygon.endpoints import Endpoint
from dekr.symbols import Ticker

MAX_TICKS: Final = 10_000
"""Items in a page: more would not fit into one answer; the pages that follow hold the rest."""

At = Annotated[str | None, Query(alias="timestamp", description="A day (YYYY-MM-DD) or a moment (ns).")]
After = Annotated[str | None, Query(alias="timestamp.gt", description="Later than this.")]
From = Annotated[str | None, Query(alias="timestamp.gte", description="Then or later.")]
Before = Annotated[str | None, Query(alias="timestamp.lt", description="Earlier than this.")]
Until = Annotated[str | None, Query(alias="timestamp.lte", description="Then or earlier.")]
Limit = Annotated[int, Query(ge=1, le=50_000, description="Items in a page; ours hold 10 000 at most."), Whole]
By = Annotated[Literal["timestamp"], Query(description="What the order is of.")]


def tick_routes(edge: Edge, endpoint: Endpoint) -> None:
    """Add the list of an endpoint, QUOTES or TRADES."""
    kind = endpoint.name

    @edge.get(f"/v3/{kind}/<symbol>", responses=polygon_of(Page), summary=f"Polygon's {kind} of a ticker.")
    def page(
        symbol: SymbolPath,
        at: At = None,
        after: After = None,
        since: From = None,
        before: Before = None,
        until: Until = None,
        order: OrderQuery = "desc",
        sort: By = "timestamp",
        limit: Limit = 1_000,
        cursor: CursorQuery = None,
    ) -> Response[str]:
        del at, after, since, before, until, sort
        ticker = Ticker.parse(symbol)
        times, over_us = tick_times(edge.query, edge.now_ms * 1_000_000)
        path = f"/v3/{kind}/{ticker.text}"
        asked = ListQuery.of(path, {**times, "order": order, "limit": str(min(limit, MAX_TICKS))}, edge.query)
        # A cursor says nothing that could be trusted of how old its page is.
        settled_us = over_us if cursor is None else None
        sent = edge.services.answers.get(
            edge.read_context(None, kind), ticker_query(endpoint, ticker, asked.parameters, settled_us)
        )
        return edge.polygon({"results": sent.get("results") or []}, next_path(path, {}, asked.following(sent)))
