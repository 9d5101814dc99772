"""``/v2/reference/news``. It shares the cache with /news."""

from typing import Annotated, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from dekr.http.edge.edge import Edge
from dekr.http.edge.openapi import polygon_of
from dekr.http.edge.query import Whole
from dekr.http.paging.list_page import CursorQuery, ListQuery, OrderQuery, next_path, published_times
from dekr.http.polygon.shapes import Page
from dekr.symbols import Ticker

Limit = Annotated[int, Query(ge=1, le=1_000, description="Articles in a page."), Whole]
At = Annotated[str | None, Query(alias="published_utc", description="A day or a moment (RFC 3339).")]
After = Annotated[str | None, Query(alias="published_utc.gt", description="Later than this.")]
From = Annotated[str | None, Query(alias="published_utc.gte", description="Then or later.")]
Before = Annotated[str | None, Query(alias="published_utc.lt", description="Earlier than this.")]
Until = Annotated[str | None, Query(alias="published_utc.lte", description="Then or earlier.")]


def news_routes(edge: Edge) -> None:
    """Add ``/v2/reference/news``."""

    @edge.get("/v2/reference/news", responses=polygon_of(Page))
    def reference_news(
        ticker: Annotated[str | None, Query(description="Only articles about this ticker.")] = None,
        at: At = None,
        after: After = None,
        since: From = None,
        before: Before = None,
        until: Until = None,
        order: OrderQuery = "desc",
        sort: Annotated[Literal["published_utc"], Query(description="What the order is of.")] = "published_utc",
        limit: Limit = 10,
        cursor: CursorQuery = None,
    ) -> Response[str]:
        """Articles in Polygon's shape, newest first."""
        del at, after, since, before, until, cursor
        found = Ticker.parse(ticker, "ticker") if ticker is not None else None
        parameters = {"order": order, "sort": sort, "limit": str(limit)} | ({"ticker": found.text} if found else {})
        times = published_times(edge.query, edge.now_ms * 1000)
        asked = ListQuery.of("/v2/reference/news", {**parameters, **times}, edge.query, found)
        sent = edge.services.news.get(edge.read_context(None, "news"), asked.ticker, asked.parameters)
        results = sent.get("results") or []
        following = next_path("/v2/reference/news", {}, asked.following(sent))
        return edge.polygon({"count": len(results), "results": results}, following)
