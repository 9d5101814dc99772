"""Polygon's aggregates over the cached bars.

``limit`` counts the bars of a page (Polygon counts the minutes or days that they are made of, so its pages are shorter); the
pages together hold the same bars.
"""

import json
import math
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from dekr.cursors import Cursors
from dekr.errors import UnknownSymbol
from dekr.http.edge.edge import Edge
from dekr.http.edge.openapi import polygon_of
from dekr.http.edge.query import AdjustedQuery, SymbolPath, Whole, at_most
from dekr.http.paging.bar_ranges import bar_range, page_size
from dekr.http.paging.parameters import CursorQuery, OrderQuery
from dekr.http.paging.range_page import RangePage, fitting
from dekr.http.polygon import shapes
from dekr.http.polygon.parameters import SYMBOL
from dekr.market.bars.model import Row
from dekr.market.bars.segments import Series, Timespan
from dekr.market.bars.service import Bars
from dekr.market.passthrough.queries import previous_bar_query
from dekr.market.read.context import ReadContext
from dekr.polygon.endpoints import BARS, PREVIOUS_BAR
from dekr.symbols import Ticker

ENVELOPE_BYTES: Final = 4_096
"""More bytes than an answer has around its bars: the other fields and the address of the next page."""

MultiplierPath = Annotated[int, Path(ge=1, le=1440, description="Units in a bar's window."), Whole]
FirstPath = Annotated[str, Path(description="First day (YYYY-MM-DD) or moment (ms).")]
LastPath = Annotated[str, Path(description="Last day (YYYY-MM-DD) or moment (ms).")]
TimespanPath = Annotated[Timespan, Path(description="The unit of a bar's window.")]

_encode: Final = json.JSONEncoder(separators=(",", ":")).encode
_NAMES: Final = ("t", "o", "h", "l", "c", "v", "vw", "n")
_ROUTE: Final = BARS.url(
    ticker=SYMBOL, multiplier="<multiplier>", timespan="<timespan>", first_ms="<first>", last_ms="<last>"
)


@dataclass(frozen=True, slots=True)
class AggregatesQuery:
    """A query of ``/v2/aggs/ticker/{t}/range/...``: one page of a range of bars. ``path``: the path of the request. ``limit``: as
    it was requested, which the page may not reach.
    """

    series: Series
    path: str
    page: RangePage
    limit: int

    @classmethod
    def parse(
        cls,
        cursors: Cursors,
        series: Series,
        first: str,
        last: str,
        newest_first: bool,  # noqa: FBT001 - as the route has it
        limit: int,
        cursor: str | None,
        now_ms: int,
    ) -> "AggregatesQuery":
        """The query that the route's parameters describe; ``cursors`` opens its cursor. Raises InvalidInput, naming
        the parameter and its rule.
        """
        path = aggregates_path(series, first, last)
        span = bar_range(series, first, last, now_ms)
        size = min(limit, page_size(series))
        page = RangePage.over(cursors, span, f"{path}:{series.adjusted}", size, newest_first=newest_first)
        return cls(series, path, page if cursor is None else page.resumed(cursor), limit)

    def answer(self, bars: Bars, context: ReadContext, room: float) -> tuple[dict[str, Any], str | None]:
        """The fields of Polygon's answer, as many bars as go into ``room`` bytes of text, and path and query of the next page.
        A ticker that nobody lists has no bars.
        """
        read = self.page.chosen(bars.oldest, bars.newest)
        try:
            found = read(context, self.series, self.page.range)
        except UnknownSymbol:
            found = []
        rows, rest = self.page.cut(found)
        results = [bar_of(row) for row in rows]
        if room < math.inf:
            results = results[: len(fitting(list(map(_encode, results)), room - ENVELOPE_BYTES))]
            _, rest = self.page.cut(found, len(results))
        fields: dict[str, Any] = {
            "ticker": self.series.ticker,
            "adjusted": self.series.adjusted,
            "queryCount": len(results),
            "resultsCount": len(results),
        }
        if results:
            fields |= {"results": results, "count": len(results)}
        return fields, self._next_path(rest) if rest else None

    def _next_path(self, page: RangePage) -> str:
        parameters = {
            "adjusted": str(self.series.adjusted).lower(),
            "sort": page.order,
            "limit": self.limit,
            "cursor": page.cursor,
        }
        return f"{self.path}?{urlencode(parameters)}"


def aggregate_routes(edge: Edge) -> None:
    """Add the bars of a range and of the previous day."""

    @edge.get(_ROUTE, responses=polygon_of(shapes.Aggregates))
    def aggregates(
        symbol: SymbolPath,
        multiplier: MultiplierPath,
        timespan: TimespanPath,
        first: FirstPath,
        last: LastPath,
        adjusted: AdjustedQuery = "true",
        sort: OrderQuery = "asc",
        limit: Annotated[
            int,
            Query(
                ge=1,
                description="Bars in a page; more than 50 000 count as so many. Fewer where they are made of many minutes.",
            ),
            Whole,
            at_most(BARS.max_limit),
        ] = 5_000,
        cursor: CursorQuery = None,
    ) -> Response[str]:
        """The bars of a range in Polygon's shape."""
        series = Series(Ticker.parse(symbol).text, multiplier, timespan, adjusted == "true")
        query = AggregatesQuery.parse(
            edge.services.cursors, series, first, last, sort == "desc", limit, cursor, edge.now_ms
        )
        return edge.polygon(*query.answer(edge.services.bars, edge.read_context(None, "bars"), edge.room))

    @edge.get(PREVIOUS_BAR.url(ticker=SYMBOL), responses=polygon_of(shapes.Aggregates))
    def previous(symbol: SymbolPath, adjusted: AdjustedQuery = "true") -> Response[str]:
        """The bar of the previous day in Polygon's shape."""
        query = previous_bar_query(Ticker.parse(symbol), adjusted=adjusted)
        return edge.polygon(edge.services.answers.get(edge.read_context(None, "bars"), query))


def aggregates_path(series: Series, first: str | int, last: str | int) -> str:
    """The path of the aggregates of a range; ``first`` and ``last`` are days (YYYY-MM-DD) or milliseconds since 1970."""
    return BARS.url(
        ticker=series.ticker,
        multiplier=series.multiplier,
        timespan=series.timespan,
        first_ms=first,
        last_ms=last,
    )


def bar_of(row: Row) -> dict[str, Any]:
    """A bar in Polygon's names; vw and n are left out where upstream gave none."""
    return {name: value for name, value in zip(_NAMES, row, strict=True) if value is not None}
