"""GET /news and Polygon's /v2/reference/news: articles about tickers."""

from typing import Annotated

from dekr.http import Edge, Query, Response
from dekr.http.edge.csv import FormatQuery, table, wants_csv
from dekr.http.edge.openapi import json_of
from dekr.http.edge.query import TierQuery, Whole
from dekr.http.native.news import COLUMNS, articles_of
from dekr.http.native.news import news as news_of
from dekr.http.paging.list_page import CursorQuery, ListQuery, moment_utc, next_path
from dekr.http.polygon.news import news_routes
from dekr.models import News
from dekr.symbols import Ticker

NEWEST_FIRST = {"order": "desc", "sort": "published_utc"}

edge = Edge("news")

Limit = Annotated[int, Query(ge=1, le=1_000, description="Articles in a page."), Whole]


@edge.get("/news", responses=json_of(News, csv=True))
def news(
    symbol: Annotated[str | None, Query(description="Only articles about this ticker.")] = None,
    limit: Limit = 10,
    published_after: Annotated[str | None, Query(description="Only later ones: a day or a moment (RFC 3339).")] = None,
    cursor: CursorQuery = None,
    format_: FormatQuery = None,
    tier: TierQuery = None,
) -> Response[str]:
    """The newest articles, with each ticker's sentiment as upstream gives it and a summary of these."""
    del cursor
    ticker = Ticker.parse(symbol) if symbol is not None else None
    parameters = {**NEWEST_FIRST, "limit": str(limit)} | ({"ticker": ticker.text} if ticker else {})
    if published_after is not None:
        parameters["published_utc.gt"] = moment_utc("published_after", published_after, edge.now_ms * 1000)
    name = ticker.text if ticker else None
    asked = ListQuery.of(f"/news:{name}", parameters, edge.query, ticker, {"symbol"})
    sent = edge.services.news.get(edge.read_context(tier, "news"), ticker, asked.parameters)
    articles = articles_of(sent.get("results") or [], name)
    csv = wants_csv(format_, edge.accepted)
    same = {"symbol": name} if name else {}
    following = next_path("/news", same, asked.following(sent))
    body = table(COLUMNS, articles) if csv else news_of(articles, name)
    return edge.answer(body, csv=csv, next_path=following)


news_routes(edge)

handler = edge.handler
