"""GET /news and Polygon's /v2/reference/news: articles about tickers."""

from typing import Annotated

from dekr.http import Edge, Query, Response
from dekr.http.edge.csv import FormatQuery, table, wants_csv
from dekr.http.edge.openapi import json_of
from dekr.http.edge.query import TierQuery
from dekr.http.native.news import COLUMNS, articles_of, news_json, news_page_query
from dekr.http.paging.parameters import ArticleLimit, CursorQuery
from dekr.http.polygon.news import news_routes
from dekr.models.news import News
from dekr.symbols import Ticker

edge = Edge("news")


@edge.get("/news", responses=json_of(News, csv=True))
def news(
    symbol: Annotated[str | None, Query(description="Only articles about this ticker.")] = None,
    limit: ArticleLimit = 10,
    published_after: Annotated[
        str | None, Query(description="Only later ones: after a day (UTC) or a moment (RFC 3339).")
    ] = None,
    cursor: CursorQuery = None,
    format_: FormatQuery = None,
    tier: TierQuery = None,
) -> Response[str]:
    """The newest articles, with each ticker's sentiment as the upstream gives it and a summary of the sentiments."""
    del published_after, cursor
    ticker = Ticker.parse(symbol) if symbol is not None else None
    query = news_page_query(edge.services.cursors, ticker, limit, edge.query)
    page = edge.services.news.get(edge.read_context(tier, "news"), ticker, query.parameters)
    only = ticker.text if ticker else None
    articles = articles_of(page.get("results") or [], only)
    csv = wants_csv(format_, edge.accepted)
    body = table(COLUMNS, articles) if csv else news_json(articles, only)
    return edge.answer(body, csv=csv, next_path=query.next_path(page))


news_routes(edge)

handler = edge.handler
