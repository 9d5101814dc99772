"""GET /indicators/{symbol}/{indicator} and Polygon's /v1/indicators: technical indicators, computed from the cached bars."""

from typing import Annotated

from dekr.http import Edge, Query, Response
from dekr.http.edge.csv import FormatQuery, wants_csv
from dekr.http.edge.openapi import json_of
from dekr.http.edge.query import AdjustedQuery, SymbolPath, TierQuery, Whole
from dekr.http.native.indicators import IndicatorQuery, write_page
from dekr.http.paging import studies
from dekr.http.paging.bar_ranges import FromQuery, MultiplierQuery, TimespanQuery, ToQuery
from dekr.http.paging.parameters import CursorQuery, OrderQuery
from dekr.http.polygon.indicators import indicator_routes
from dekr.market.bars.segments import Series, Timespan
from dekr.market.indicators.study import Price
from dekr.models.indicators import IndicatorValue, MacdValue
from dekr.symbols import Ticker

edge = Edge("indicators")


@edge.get("/indicators/<symbol>/<indicator>", responses=json_of(list[MacdValue] | list[IndicatorValue], csv=True))
def indicators(
    symbol: SymbolPath,
    indicator: studies.IndicatorPath,
    timespan: TimespanQuery = Timespan.DAY,
    multiplier: MultiplierQuery = 1,
    adjusted: AdjustedQuery = "true",
    series_type: studies.SeriesTypeQuery = Price.CLOSE,
    window: studies.WindowQuery = None,
    short_window: studies.ShortWindowQuery = None,
    long_window: studies.LongWindowQuery = None,
    signal_window: studies.SignalWindowQuery = None,
    limit: Annotated[
        int | None, Query(ge=1, le=studies.MAX_VALUES, description="Only so many of the most recent values."), Whole
    ] = None,
    first: FromQuery = None,
    last: ToQuery = None,
    sort: OrderQuery = "asc",
    cursor: CursorQuery = None,
    format_: FormatQuery = None,
    tier: TierQuery = None,
) -> Response[str]:
    """The indicator's most recent values, or all values of a range from ``from`` on, page by page."""
    series = Series(Ticker.parse(symbol).text, multiplier, timespan, adjusted == "true")
    study = studies.study_of(indicator, series_type, window, short_window, long_window, signal_window)
    query = IndicatorQuery.parse(
        edge.services.cursors, series, study, limit, first, last, cursor, sort == "desc", edge.now_ms
    )
    csv = wants_csv(format_, edge.accepted)
    computed = query.computed(edge.services.indicators, edge.read_context(tier, "indicators"))
    body, next_path = write_page(query, computed.points, csv=csv)
    return edge.answer(body, csv=csv, next_path=next_path)


indicator_routes(edge)

handler = edge.handler
