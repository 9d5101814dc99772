"""GET /market-status, /market-calendar, /symbols, and Polygon's market status and tickers."""

import json
from typing import Annotated

from dekr.http import Edge, Query, Response
from dekr.http.calendar_query import days
from dekr.http.documents import json_of, polygon_of
from dekr.http.lists import CursorQuery, ListQuery, next_path
from dekr.http.polygon_shapes import MarketNow, Page, UpcomingDay
from dekr.http.query import TierQuery, Whole
from dekr.http.ticker_lists import TickerFilters, listings, search_parameters, ticker_parameters
from dekr.market.questions import tickers as tickers_question
from dekr.market.questions import upcoming as upcoming_question
from dekr.models import CalendarDay, Listing, MarketStatus

edge = Edge("reference")

Limit = Annotated[int, Query(ge=1, le=1_000, description="Tickers in a page."), Whole]


@edge.get("/market-status", responses=json_of(MarketStatus))
def market_status(tier: TierQuery = None) -> Response[str]:
    """The session of the US stock market now, and the next change."""
    return edge.answer(json.dumps(edge.services.hours.status(edge.ask(tier, "reference"))))


@edge.get("/market-calendar", responses=json_of(list[CalendarDay]))
def market_calendar(
    first: Annotated[str | None, Query(alias="from", description="First day (YYYY-MM-DD); today.")] = None,
    last: Annotated[str | None, Query(alias="to", description="Last day; 30 days later.")] = None,
    tier: TierQuery = None,
) -> Response[str]:
    """The days of the US stock market: open, early close or closed, with the times of their sessions."""
    start, end = days(first, last, edge.now_ms * 1000)
    return edge.answer(json.dumps(edge.services.hours.days(edge.ask(tier, "reference"), start, end)))


@edge.get("/symbols", responses=json_of(list[Listing]))
def symbols(
    search: Annotated[str, Query(description="A part of a ticker or of a company's name.")],
    limit: Limit = 100,
    cursor: CursorQuery = None,
    tier: TierQuery = None,
) -> Response[str]:
    """The listed stocks whose ticker or name holds the words."""
    asked = ListQuery.of(f"/symbols:{search}", search_parameters(search, limit), cursor)
    sent = edge.services.answers.get(edge.ask(tier, "reference"), tickers_question(asked.parameters))
    following = next_path("/symbols", {"search": search}, asked.following(sent))
    return edge.answer(listings(sent), headers={"Link": f'<{following}>; rel="next"'} if following else {})


@edge.get("/v1/marketstatus/now", responses=polygon_of(MarketNow))
def status_now() -> Response[str]:
    """Polygon's state of the markets."""
    return edge.answer(json.dumps(edge.services.hours.now(edge.ask(None, "reference"))))


@edge.get("/v1/marketstatus/upcoming", responses=polygon_of(list[UpcomingDay]))
def status_upcoming() -> Response[str]:
    """Polygon's coming holidays."""
    return edge.answer(json.dumps(edge.services.answers.get(edge.ask(None, "reference"), upcoming_question())))


@edge.get("/v3/reference/tickers", responses=polygon_of(Page))
def reference_tickers(filters: TickerFilters, limit: Limit = 100, cursor: CursorQuery = None) -> Response[str]:
    """Polygon's list of tickers."""
    path = "/v3/reference/tickers"
    asked = ListQuery.of(path, ticker_parameters(filters, limit), cursor)
    sent = edge.services.answers.get(edge.ask(None, "reference"), tickers_question(asked.parameters))
    results = sent.get("results") or []
    return edge.polygon({"count": len(results), "results": results}, next_path(path, {}, asked.following(sent)))


handler = edge.handler
