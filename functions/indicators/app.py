"""GET /indicators/{symbol}/{indicator} and Polygon's /v1/indicators: technical indicators, computed from the cached bars."""

from typing import Annotated

from dekr.http import Edge, Query, Response
from dekr.http.edge.csv import FormatQuery, wants_csv
from dekr.http.edge.openapi import json_of
from dekr.http.edge.query import AdjustedQuery, SymbolPath, TierQuery, Whole
from dekr.http.native import indicators as pages
from dekr.http.paging.list_page import CursorQuery, OrderQuery
from dekr.http.polygon.indicators import indicator_routes
from dekr.market.bars.segments import Series, Timespan
from dekr.market.indicators.study import Price
from dekr.models import IndicatorValue, MacdValue
from dekr.symbols import Ticker

edge = Edge("indicators")


@edge.get("/indicators/<symbol>/<indicator>", responses=json_of(list[MacdValue] | list[IndicatorValue], csv=True))
def indicators(
    symbol: SymbolPath,
    indicator: pages.IndicatorPath,
    timespan: pages.TimespanQuery = Timespan.DAY,
    multiplier: Annotated[int, Query(ge=1, le=1440, description="How many units a window has."), Whole] = 1,
    adjusted: AdjustedQuery = "true",
    series_type: pages.SeriesTypeQuery = Price.CLOSE,
    window: pages.WindowQuery = None,
    short_window: pages.ShortWindowQuery = None,
    long_window: pages.LongWindowQuery = None,
    signal_window: pages.SignalWindowQuery = None,
    limit: Annotated[
        int | None, Query(ge=1, le=pages.MAX_VALUES, description="The N most recent values."), Whole
    ] = None,
    first: Annotated[str | None, Query(alias="from", description="First day (YYYY-MM-DD) or moment (ms).")] = None,
    last: Annotated[str | None, Query(alias="to", description="Last day (YYYY-MM-DD) or moment (ms).")] = None,
    sort: OrderQuery = "asc",
    cursor: CursorQuery = None,
    format_: FormatQuery = None,
    tier: TierQuery = None,
) -> Response[str]:
    """The indicator's most recent values, or all values of a range from ``from`` on, page by page."""
    series = Series(Ticker.parse(symbol).text, multiplier, timespan, adjusted == "true")
    study = pages.study_of(indicator, series_type, window, short_window, long_window, signal_window)
    asked = pages.IndicatorQuery.parse(series, study, limit, first, last, cursor, sort == "desc", edge.now_ms)
    csv = wants_csv(format_, edge.accepted)
    found = asked.computed(edge.services.indicators, edge.read_context(tier, "indicators"))
    body, following = pages.page(asked, found.points, csv=csv)
    return edge.answer(body, csv=csv, next_path=following)


indicator_routes(edge)

handler = edge.handler
