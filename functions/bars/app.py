"""GET /market-data/{symbol} and Polygon's aggregates: bars of a ticker."""

from typing import Annotated, Literal

from dekr.http import Edge, Query, Response
from dekr.http.bar_pages import BarQuery, page
from dekr.http.csv_answer import FormatQuery, wants_csv
from dekr.http.documents import json_of, polygon_of
from dekr.http.polygon_bars import Aggregates, MultiplierPath, TimespanPath
from dekr.http.polygon_shapes import Aggregates as AggregatesShape
from dekr.http.query import SymbolPath, TierQuery, TrueOrFalse, Whole
from dekr.market.questions import previous_day
from dekr.market.segments import Series, Timespan
from dekr.models import Bar
from dekr.symbols import Ticker

edge = Edge("bars")

Sort = Annotated[Literal["asc", "desc"], Query(description="Oldest or newest first.")]
Adjusted = Annotated[TrueOrFalse, Query(description="Adjusted for splits.")]
Cursor = Annotated[str | None, Query(description="Where the page before ended.")]


@edge.get("/market-data/<symbol>", responses=json_of(list[Bar], csv=True))
def bars(
    symbol: SymbolPath,
    timespan: Annotated[Timespan, Query(description="The unit of a bar's window.")] = Timespan.DAY,
    multiplier: Annotated[int, Query(ge=1, le=1440, description="How many units a window has."), Whole] = 1,
    limit: Annotated[int | None, Query(ge=1, le=50_000, description="The N most recent bars."), Whole] = None,
    first: Annotated[str | None, Query(alias="from", description="First day (YYYY-MM-DD) or moment (ms).")] = None,
    last: Annotated[str | None, Query(alias="to", description="Last day (YYYY-MM-DD) or moment (ms).")] = None,
    adjusted: Adjusted = "true",
    sort: Sort = "asc",
    cursor: Cursor = None,
    format_: FormatQuery = None,
    tier: TierQuery = None,
) -> Response[str]:
    """The ticker's most recent bars, or all bars of a range from ``from`` on, page by page."""
    series = Series(Ticker.parse(symbol).text, multiplier, timespan, adjusted == "true")
    asked = BarQuery.parse(series, limit, first, last, cursor, sort == "desc", edge.now_ms)
    csv = wants_csv(format_, edge.accepted)
    ask = edge.ask(tier, "bars")
    body, links = page(asked, asked.rows(edge.services.bars, ask), csv=csv)
    return edge.answer(body, headers=links, csv=csv)


@edge.get(
    "/v2/aggs/ticker/<symbol>/range/<multiplier>/<timespan>/<first>/<last>", responses=polygon_of(AggregatesShape)
)
def aggregates(
    symbol: SymbolPath,
    multiplier: MultiplierPath,
    timespan: TimespanPath,
    first: str,
    last: str,
    adjusted: Adjusted = "true",
    sort: Sort = "asc",
    limit: Annotated[int, Query(ge=1, le=50_000, description="Bars in a page."), Whole] = 5_000,
    cursor: Cursor = None,
) -> Response[str]:
    """Polygon's bars of a range."""
    series = Series(Ticker.parse(symbol).text, multiplier, timespan, adjusted == "true")
    asked = Aggregates.parse(series, first, last, sort == "desc", limit, cursor, edge.now_ms)
    return edge.polygon(*asked.answer(edge.services.bars, edge.ask(None, "bars")))


@edge.get("/v2/aggs/ticker/<symbol>/prev", responses=polygon_of(AggregatesShape))
def previous(symbol: SymbolPath, adjusted: Adjusted = "true") -> Response[str]:
    """Polygon's bar of the previous day."""
    question = previous_day(Ticker.parse(symbol), adjusted=adjusted)
    return edge.polygon(edge.services.answers.get(edge.ask(None, "bars"), question))


handler = edge.handler
