"""GET /market-data/{symbol} and Polygon's aggregates: bars of a ticker."""

from typing import Annotated

from dekr.http import Edge, Query, Response
from dekr.http.edge.csv import FormatQuery, wants_csv
from dekr.http.edge.openapi import json_of
from dekr.http.edge.query import AdjustedQuery, SymbolPath, TierQuery, Whole
from dekr.http.native.bars import BarQuery, page
from dekr.http.paging.list_page import CursorQuery, OrderQuery
from dekr.http.polygon.bars import aggregate_routes
from dekr.market.bars.segments import Series, Timespan
from dekr.models import Bar
from dekr.symbols import Ticker

edge = Edge("bars")


@edge.get("/market-data/<symbol>", responses=json_of(list[Bar], csv=True))
def bars(
    symbol: SymbolPath,
    timespan: Annotated[Timespan, Query(description="The unit of a bar's window.")] = Timespan.DAY,
    multiplier: Annotated[int, Query(ge=1, le=1440, description="How many units a window has."), Whole] = 1,
    limit: Annotated[int | None, Query(ge=1, le=50_000, description="The N most recent bars."), Whole] = None,
    first: Annotated[str | None, Query(alias="from", description="First day (YYYY-MM-DD) or moment (ms).")] = None,
    last: Annotated[str | None, Query(alias="to", description="Last day (YYYY-MM-DD) or moment (ms).")] = None,
    adjusted: AdjustedQuery = "true",
    sort: OrderQuery = "asc",
    cursor: CursorQuery = None,
    format_: FormatQuery = None,
    tier: TierQuery = None,
) -> Response[str]:
    """The ticker's most recent bars, or all bars of a range from ``from`` on, page by page."""
    series = Series(Ticker.parse(symbol).text, multiplier, timespan, adjusted == "true")
    asked = BarQuery.parse(series, limit, first, last, cursor, sort == "desc", edge.now_ms)
    csv = wants_csv(format_, edge.accepted)
    context = edge.read_context(tier, "bars")
    body, following = page(asked, asked.rows(edge.services.bars, context), csv=csv)
    return edge.answer(body, csv=csv, next_path=following)


aggregate_routes(edge)

handler = edge.handler
