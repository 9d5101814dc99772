"""``/v2/reference/news``. It shares the cache with /news."""

from collections.abc import Mapping
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from dekr.http.edge.edge import Edge
from dekr.http.edge.openapi import polygon_of
from dekr.http.edge.query import Whole, at_most
from dekr.http.paging.list_page import ListQuery
from dekr.http.paging.parameters import CursorQuery, OrderQuery
from dekr.http.paging.time_filters import PUBLISHED, moments_as
from dekr.http.polygon.shapes import Page
from dekr.polygon.endpoints import NEWS
from dekr.symbols import Ticker
from dekr.times import rfc3339

AtQuery = Annotated[str | None, Query(alias="published_utc", description="A day or a moment (RFC 3339 or ms).")]
AfterQuery = Annotated[str | None, Query(alias="published_utc.gt", description="Later than this day or moment.")]
FromQuery = Annotated[str | None, Query(alias="published_utc.gte", description="This day or moment, or later.")]
BeforeQuery = Annotated[str | None, Query(alias="published_utc.lt", description="Earlier than this day or moment.")]
UntilQuery = Annotated[str | None, Query(alias="published_utc.lte", description="This day or moment, or earlier.")]
ArticleLimit = Annotated[
    int,
    Query(ge=1, description="Articles in a page; more than 1 000 count as so many."),
    Whole,
    at_most(NEWS.max_limit),
]


def news_routes(edge: Edge) -> None:
    """Add ``/v2/reference/news``."""

    @edge.get(NEWS.path, responses=polygon_of(Page))
    def reference_news(
        ticker: Annotated[str | None, Query(description="Only articles about this ticker.")] = None,
        at: AtQuery = None,
        after: AfterQuery = None,
        since: FromQuery = None,
        before: BeforeQuery = None,
        until: UntilQuery = None,
        order: OrderQuery = "desc",
        sort: Annotated[Literal["published_utc"], Query(description="The field to sort by.")] = "published_utc",
        limit: ArticleLimit = 10,
        cursor: CursorQuery = None,
    ) -> Response[str]:
        """Articles in Polygon's shape, newest first."""
        del at, after, since, before, until, cursor
        only = Ticker.parse(ticker, "ticker") if ticker is not None else None
        parameters = {"order": order, "sort": sort, "limit": str(limit)} | ({"ticker": only.text} if only else {})
        times = _published_times(edge.query)
        query = ListQuery(edge.services.cursors, NEWS.path, {**parameters, **times}, only).resumed(edge.query)
        page = edge.services.news.get(edge.read_context(None, "news"), query.ticker, query.parameters)
        results = page.get("results") or []
        return edge.polygon({"count": len(results), "results": results}, query.next_path(page))


def _published_times(query: Mapping[str, str]) -> dict[str, str]:
    """The ``published_utc`` filters of a query as they go upstream, moments in UTC. Raises InvalidInput."""
    return moments_as(lambda us: rfc3339(us * 1000), query, "published_utc", PUBLISHED)
