"""GET /market-data/{symbol} and Polygon's aggregates: bars of a ticker."""

from typing import Annotated

from dekr.http import Edge, Query, Response
from dekr.http.edge.csv import FormatQuery, wants_csv
from dekr.http.edge.openapi import json_of
from dekr.http.edge.query import AdjustedQuery, SymbolPath, TierQuery, Whole
from dekr.http.native.bars import BarQuery, write_page
from dekr.http.paging.bar_ranges import MAX_BARS, FromQuery, MultiplierQuery, TimespanQuery, ToQuery
from dekr.http.paging.parameters import CursorQuery, OrderQuery
from dekr.http.polygon.bars import aggregate_routes
from dekr.market.bars.segments import Series, Timespan
from dekr.models.bars import Bar
from dekr.symbols import Ticker

edge = Edge("bars")


@edge.get("/market-data/<symbol>", responses=json_of(list[Bar], csv=True))
def bars(
    symbol: SymbolPath,
    timespan: TimespanQuery = Timespan.DAY,
    multiplier: MultiplierQuery = 1,
    limit: Annotated[
        int | None, Query(ge=1, le=MAX_BARS, description="Only so many of the most recent bars."), Whole
    ] = None,
    first: FromQuery = None,
    last: ToQuery = None,
    adjusted: AdjustedQuery = "true",
    sort: OrderQuery = "asc",
    cursor: CursorQuery = None,
    format_: FormatQuery = None,
    tier: TierQuery = None,
) -> Response[str]:
    """The ticker's most recent bars, or all bars of a range from ``from`` on, page by page."""
    series = Series(Ticker.parse(symbol).text, multiplier, timespan, adjusted == "true")
    query = BarQuery.parse(edge.services.cursors, series, limit, first, last, cursor, sort == "desc", edge.now_ms)
    csv = wants_csv(format_, edge.accepted)
    rows = query.rows(edge.services.bars, edge.read_context(tier, "bars"))
    body, next_path = write_page(query, rows, csv=csv, room=edge.room)
    return edge.answer(body, csv=csv, next_path=next_path)


aggregate_routes(edge)

handler = edge.handler
