"""GET /market-status, /market-calendar, /symbols, and Polygon's market status and tickers."""

import json
from typing import Annotated

from dekr.http import Edge, Query, Response
from dekr.http.edge.openapi import json_of
from dekr.http.edge.query import TierQuery
from dekr.http.native.calendar import days
from dekr.http.native.tickers import Limit, listings, search_parameters
from dekr.http.paging.list_page import CursorQuery, ListQuery, next_path
from dekr.http.polygon.reference import reference_routes
from dekr.market.passthrough.queries import tickers_query
from dekr.models import CalendarDay, Listing, MarketStatus

edge = Edge("reference")


@edge.get("/market-status", responses=json_of(MarketStatus))
def market_status(tier: TierQuery = None) -> Response[str]:
    """The session of the US stock market now, and the next change."""
    return edge.answer(json.dumps(edge.services.hours.status(edge.read_context(tier, "reference"))))


@edge.get("/market-calendar", responses=json_of(list[CalendarDay]))
def market_calendar(
    first: Annotated[str | None, Query(alias="from", description="First day (YYYY-MM-DD); today.")] = None,
    last: Annotated[str | None, Query(alias="to", description="Last day; 30 days later.")] = None,
    tier: TierQuery = None,
) -> Response[str]:
    """The days of the US stock market: open, early close or closed, with the times of their sessions."""
    start, end = days(first, last, edge.now_ms * 1000)
    return edge.answer(json.dumps(edge.services.hours.days(edge.read_context(tier, "reference"), start, end)))


@edge.get("/symbols", responses=json_of(list[Listing]))
def symbols(
    search: Annotated[str, Query(description="A part of a ticker or of a company's name.")],
    limit: Limit = 100,
    cursor: CursorQuery = None,
    tier: TierQuery = None,
) -> Response[str]:
    """The listed stocks whose ticker or name holds the words."""
    del cursor
    asked = ListQuery.of(f"/symbols:{search}", search_parameters(search, limit), edge.query, None, {"search"})
    sent = edge.services.answers.get(edge.read_context(tier, "reference"), tickers_query(asked.parameters))
    following = next_path("/symbols", {"search": search}, asked.following(sent))
    return edge.answer(listings(sent), next_path=following)


reference_routes(edge)

handler = edge.handler
