"""GET /market-status, /market-calendar, /symbols, and Polygon's market status and tickers."""

import json
from typing import Annotated

from dekr.http import Edge, Query, Response
from dekr.http.edge.openapi import json_of
from dekr.http.edge.query import TierQuery
from dekr.http.native.calendar import days
from dekr.http.native.tickers import listings, search_parameters
from dekr.http.paging.list_page import ListQuery
from dekr.http.paging.parameters import CursorQuery, TickerLimit
from dekr.http.polygon.reference import reference_routes
from dekr.market.passthrough import queries
from dekr.models.reference import CalendarDay, Listing, MarketStatus

edge = Edge("reference")


@edge.get("/market-status", responses=json_of(MarketStatus))
def market_status(tier: TierQuery = None) -> Response[str]:
    """The session of the US stock market now, and the next change."""
    status = edge.services.hours.status(edge.read_context(tier, "reference"))
    # The time at which it was asked is no part of what is compared.
    return edge.answer(json.dumps(status), compared=json.dumps({**status, "time": None}))


@edge.get("/market-calendar", responses=json_of(list[CalendarDay]))
def market_calendar(
    first: Annotated[str | None, Query(alias="from", description="First day (YYYY-MM-DD); default today.")] = None,
    last: Annotated[str | None, Query(alias="to", description="Last day (YYYY-MM-DD); default 30 days later.")] = None,
    tier: TierQuery = None,
) -> Response[str]:
    """The days of the US stock market: open, early close or closed, with the times of their sessions."""
    start, end = days(first, last, edge.now_ms * 1000)
    return edge.answer(json.dumps(edge.services.hours.days(edge.read_context(tier, "reference"), start, end)))


@edge.get("/symbols", responses=json_of(list[Listing]))
def symbols(
    search: Annotated[str, Query(description="A part of a ticker or of a company's name.")],
    limit: TickerLimit = 100,
    cursor: CursorQuery = None,
    tier: TierQuery = None,
) -> Response[str]:
    """The listed stocks whose ticker or name contains the text."""
    del cursor
    parameters = search_parameters(search, limit)
    query = ListQuery(edge.services.cursors, "/symbols", parameters, repeated={"search": search}).resumed(edge.query)
    page = edge.services.answers.get(edge.read_context(tier, "reference"), queries.tickers_query(query.parameters))
    return edge.answer(listings(page), next_path=query.next_path(page))


reference_routes(edge)

handler = edge.handler
