"""Polygon's aggregates over the cached bars.

``limit`` counts the bars of a page (Polygon counts the minutes or days that they are made of, so its pages are shorter); the
pages together hold the same bars.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from dekr.errors import UnknownSymbol
from dekr.http.edge.edge import Edge
from dekr.http.edge.openapi import polygon_of
from dekr.http.edge.query import AdjustedQuery, SymbolPath, Whole
from dekr.http.native.bars import FAR_FUTURE_MS, check_span, moment_ms, page_rows
from dekr.http.paging import cursors
from dekr.http.paging.list_page import CursorQuery, OrderQuery
from dekr.http.polygon import shapes
from dekr.market.bars.segments import Series, Timespan
from dekr.market.bars.service import Bars, Range, Row
from dekr.market.passthrough.queries import previous_bar_query
from dekr.market.read.context import ReadContext
from dekr.symbols import Ticker

MAX_BARS: Final = 20_000
"""Bars in one answer: more would not fit into it."""

MultiplierPath = Annotated[int, Path(ge=1, le=1440, description="How many units a window has."), Whole]
FirstPath = Annotated[str, Path(description="First day (YYYY-MM-DD) or moment (ms).")]
LastPath = Annotated[str, Path(description="Last day (YYYY-MM-DD) or moment (ms).")]
TimespanPath = Annotated[Timespan, Path(description="The unit of a bar's window.")]

_NAMES: Final = ("t", "o", "h", "l", "c", "v", "vw", "n")


@dataclass(frozen=True, slots=True)
class Aggregates:
    """One request of ``/v2/aggs/ticker/{t}/range/...``; ``path`` is its path."""

    series: Series
    path: str
    first_ms: int
    last_ms: int
    newest_first: bool
    limit: int

    @classmethod
    def parse(
        cls,
        series: Series,
        first: str,
        last: str,
        newest_first: bool,  # noqa: FBT001 - as the route has it
        limit: int,
        cursor: str | None,
        now_ms: int,
    ) -> "Aggregates":
        """The request behind the route's parameters; raises InvalidInput, naming the parameter and its rule."""
        path = f"/v2/aggs/ticker/{series.ticker}/range/{series.multiplier}/{series.timespan}/{first}/{last}"
        first_ms, last_ms = moment_ms("from", first, end=False), moment_ms("to", last, end=True)
        check_span(series.timespan, first_ms, last_ms, now_ms)
        asked = cls(
            series,
            path,
            series.earliest_window_start_ms(first_ms),
            last_ms,
            newest_first,
            min(limit, MAX_BARS, page_rows(series.timespan)),
        )
        if cursor is None:
            return asked
        bound = cursors.unseal(asked.scope, cursor)
        if not bound.isascii() or not bound.isdigit() or int(bound) > FAR_FUTURE_MS:
            raise cursors.refused()
        first_ms, last_ms = (asked.first_ms, int(bound)) if newest_first else (int(bound), last_ms)
        return cls(series, path, first_ms, last_ms, newest_first, asked.limit)

    @property
    def scope(self) -> str:
        """What a cursor of this request is bound to."""
        return f"{self.path}:{self.series.adjusted}:{self.newest_first}"

    def answer(self, bars: Bars, context: ReadContext) -> tuple[dict[str, Any], str | None]:
        """The fields of Polygon's answer, and path and query of the next page. A ticker that nobody lists has no bars."""
        wanted = Range(self.first_ms, self.last_ms, self.limit + 1)
        try:
            found = (
                bars.newest(context, self.series, wanted)[::-1]
                if self.newest_first
                else bars.oldest(context, self.series, wanted)
            )
        except UnknownSymbol:
            found = []
        rows = found[: self.limit]
        fields: dict[str, Any] = {
            "ticker": self.series.ticker,
            "adjusted": self.series.adjusted,
            "queryCount": len(rows),
            "resultsCount": len(rows),
        }
        if rows:
            fields |= {"results": [bar_of(row) for row in rows], "count": len(rows)}
        return fields, self._next(found)

    def _next(self, found: Sequence[Row]) -> str | None:
        if len(found) <= self.limit:
            return None
        query = {
            "adjusted": str(self.series.adjusted).lower(),
            "sort": "desc" if self.newest_first else "asc",
            "limit": self.limit,
            "cursor": cursors.seal(self.scope, str(found[self.limit][0])),
        }
        return f"{self.path}?{urlencode(query)}"


def aggregate_routes(edge: Edge) -> None:
    """Add the bars of a range and of the previous day."""

    @edge.get(
        "/v2/aggs/ticker/<symbol>/range/<multiplier>/<timespan>/<first>/<last>", responses=polygon_of(shapes.Aggregates)
    )
    def aggregates(
        symbol: SymbolPath,
        multiplier: MultiplierPath,
        timespan: TimespanPath,
        first: FirstPath,
        last: LastPath,
        adjusted: AdjustedQuery = "true",
        sort: OrderQuery = "asc",
        limit: Annotated[int, Query(ge=1, le=50_000, description="Bars in a page."), Whole] = 5_000,
        cursor: CursorQuery = None,
    ) -> Response[str]:
        """The bars of a range in Polygon's shape."""
        series = Series(Ticker.parse(symbol).text, multiplier, timespan, adjusted == "true")
        asked = Aggregates.parse(series, first, last, sort == "desc", limit, cursor, edge.now_ms)
        return edge.polygon(*asked.answer(edge.services.bars, edge.read_context(None, "bars")))

    @edge.get("/v2/aggs/ticker/<symbol>/prev", responses=polygon_of(shapes.Aggregates))
    def previous(symbol: SymbolPath, adjusted: AdjustedQuery = "true") -> Response[str]:
        """The bar of the previous day in Polygon's shape."""
        question = previous_bar_query(Ticker.parse(symbol), adjusted=adjusted)
        return edge.polygon(edge.services.answers.get(edge.read_context(None, "bars"), question))


def bar_of(row: Row) -> dict[str, Any]:
    """A bar in Polygon's names; vw and n are left out where upstream gave none."""
    return {name: value for name, value in zip(_NAMES, row, strict=True) if value is not None}
