"""Polygon's /v3/quotes/{symbol} and /v3/trades/{symbol}: every quote or trade of a ticker."""

from typing import Annotated

from dekr.http import Edge, Query, Response
from dekr.http.documents import polygon_of
from dekr.http.lists import CursorQuery, ListQuery, OrderQuery, next_path, tick_times
from dekr.http.polygon_shapes import Page
from dekr.http.query import SortBy, SymbolPath, Whole
from dekr.market.questions import ticks
from dekr.symbols import Ticker

MOST = 10_000  # more would not fit into one answer; the pages that follow hold the rest

edge = Edge("ticks")

At = Annotated[str | None, Query(alias="timestamp", description="A day (YYYY-MM-DD) or a moment (ns).")]
After = Annotated[str | None, Query(alias="timestamp.gt", description="Later than this.")]
From = Annotated[str | None, Query(alias="timestamp.gte", description="Then or later.")]
Before = Annotated[str | None, Query(alias="timestamp.lt", description="Earlier than this.")]
Until = Annotated[str | None, Query(alias="timestamp.lte", description="Then or earlier.")]
Limit = Annotated[int, Query(ge=1, le=50_000, description="Items in a page; ours hold 10 000 at most."), Whole]
By = Annotated[SortBy, Query(description="What the order is of.")]


@edge.get("/v3/quotes/<symbol>", responses=polygon_of(Page))
def quotes(
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
    """Polygon's quotes of a ticker."""
    del at, after, since, before, until, sort
    return _page("quotes", symbol, order, limit, cursor)


@edge.get("/v3/trades/<symbol>", responses=polygon_of(Page))
def trades(
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
    """Polygon's trades of a ticker."""
    del at, after, since, before, until, sort
    return _page("trades", symbol, order, limit, cursor)


def _page(kind: str, symbol: str, order: str, limit: int, cursor: str | None) -> Response[str]:
    ticker = Ticker.parse(symbol)
    times, settled_us = tick_times(edge.query, edge.now_ms * 1_000_000)
    path = f"/v3/{kind}/{ticker.text}"
    asked = ListQuery.of(path, {**times, "order": order, "limit": str(min(limit, MOST))}, cursor, settled_us)
    sent = edge.services.answers.get(edge.ask(None, kind), ticks(ticker, kind, asked.parameters, asked.settled_us))
    return edge.polygon({"results": sent.get("results") or []}, next_path(path, {}, asked.following(sent)))


handler = edge.handler
