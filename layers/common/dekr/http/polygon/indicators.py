"""Polygon's indicators over the cached bars."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from dekr.cursors import Cursors
from dekr.errors import InvalidInput
from dekr.http.edge.edge import Edge
from dekr.http.edge.openapi import polygon_of
from dekr.http.edge.query import AdjustedQuery, SymbolPath, TrueOrFalse, Whole, at_most
from dekr.http.paging.bar_ranges import TimespanQuery
from dekr.http.paging.parameters import CursorQuery, OrderQuery
from dekr.http.paging.range_page import RangePage
from dekr.http.paging.studies import (
    MAX_VALUES,
    IndicatorPath,
    LongWindowQuery,
    SeriesTypeQuery,
    ShortWindowQuery,
    SignalWindowQuery,
    WindowQuery,
    study_of,
    study_parameters,
    study_scope,
)
from dekr.http.paging.time_filters import MILLISECONDS, check_not_empty, narrowed
from dekr.http.polygon.bars import aggregates_path, bar_of
from dekr.http.polygon.parameters import AfterQuery, BeforeQuery, FromQuery, UntilQuery
from dekr.http.polygon.shapes import One
from dekr.market.bars.model import Row
from dekr.market.bars.segments import Series, Timespan
from dekr.market.indicators.service import Indicators
from dekr.market.indicators.study import Price, Study
from dekr.market.read.context import ReadContext
from dekr.polygon.endpoints import BARS
from dekr.symbols import Ticker

MAX_BAR_BYTES: Final = 225
"""Bytes of text that a bar has room in, whatever its digits are."""

AtQuery = Annotated[str | None, Query(alias="timestamp", description="A day (YYYY-MM-DD) or a moment (ms).")]


@dataclass(frozen=True, slots=True)
class IndicatorQuery:
    """A query of ``/v1/indicators/{indicator}/{t}``: one page of a study's values. ``expanded``: the answer has the bars, too."""

    series: Series
    study: Study
    page: RangePage
    expanded: bool

    @classmethod
    def parse(
        cls,
        cursors: Cursors,
        series: Series,
        study: Study,
        filters: Mapping[str, str],
        newest_first: bool,  # noqa: FBT001 - as the route has it
        limit: int,
        expanded: bool,  # noqa: FBT001 - as the route has it
        cursor: str | None,
        room: float,
    ) -> "IndicatorQuery":
        """The query that the route's parameters describe; ``cursors`` opens its cursor. ``filters``: the request's parameters;
        those by ``timestamp`` are read where there is no cursor. ``room``: the bytes of text that the answer can hold. Raises
        InvalidInput, naming the parameter and its rule.
        """
        bars = limit + study.history_bars
        if expanded and bars * MAX_BAR_BYTES > room:
            most = int(room // MAX_BAR_BYTES)
            rule = f"an answer without gzip holds {most} bars at most; this one needs {bars}"
            raise InvalidInput("expand_underlying", rule)
        span = MILLISECONDS.whole
        if cursor is None:
            span = narrowed(filters, "timestamp", MILLISECONDS, exact=True)
            check_not_empty("timestamp", span)
        page = RangePage(cursors, f"v1:{study_scope(series, study)}", span.first, span.last, newest_first, limit)
        return cls(series, study, page if cursor is None else page.resumed(cursor), expanded)

    def answer(
        self, indicators: Indicators, context: ReadContext, origin: str, now_ms: int
    ) -> tuple[dict[str, Any], str | None]:
        """The fields of Polygon's answer, and path and query of the next page. ``origin`` is our own address. Raises
        UnknownSymbol.
        """
        read = self.page.chosen(indicators.oldest, indicators.newest)
        computed = read(context, self.series, self.study, self.page.range)
        points, rest = self.page.cut(computed.points)
        newest_ms = max((point[0] for point in points), default=0)
        rows = [row for row in computed.rows if row[0] <= newest_ms]
        underlying: dict[str, Any] = {"url": origin + self._bars_path(rows, now_ms)}
        if self.expanded:
            underlying["aggregates"] = [bar_of(row) for row in rows]
        names = ("timestamp", *self.study.formula.fields)
        values = [dict(zip(names, point, strict=True)) for point in points]
        fields = {"results": {"underlying": underlying, "values": values}}
        return fields, self._next_path(rest) if rest else None

    def _bars_path(self, rows: list[Row], now_ms: int) -> str:
        """Path and query of the bars that the values were computed from."""
        last_ms = min(self.page.last_ms, now_ms)
        first_ms, last_ms = (rows[0][0], rows[-1][0]) if rows else (last_ms, last_ms)
        parameters = {"adjusted": str(self.series.adjusted).lower(), "limit": BARS.max_limit, "sort": "desc"}
        return f"{aggregates_path(self.series, first_ms, last_ms)}?{urlencode(parameters)}"

    def _next_path(self, page: RangePage) -> str:
        parameters = {
            **study_parameters(self.series, self.study),
            "expand_underlying": str(self.expanded).lower(),
            "order": page.order,
            "limit": page.size,
            "cursor": page.cursor,
        }
        return f"/v1/indicators/{self.study.indicator}/{self.series.ticker}?{urlencode(parameters)}"


def indicator_routes(edge: Edge) -> None:
    """Add ``/v1/indicators``."""

    @edge.get("/v1/indicators/<indicator>/<symbol>", responses=polygon_of(One))
    def polygon_indicators(
        indicator: IndicatorPath,
        symbol: SymbolPath,
        timespan: TimespanQuery = Timespan.DAY,
        adjusted: AdjustedQuery = "true",
        series_type: SeriesTypeQuery = Price.CLOSE,
        window: WindowQuery = None,
        short_window: ShortWindowQuery = None,
        long_window: LongWindowQuery = None,
        signal_window: SignalWindowQuery = None,
        at: AtQuery = None,
        after: AfterQuery = None,
        since: FromQuery = None,
        before: BeforeQuery = None,
        until: UntilQuery = None,
        order: OrderQuery = "desc",
        limit: Annotated[
            int,
            Query(ge=1, description="Values in a page; more than 5 000 count as so many."),
            Whole,
            at_most(MAX_VALUES),
        ] = 10,
        expand_underlying: Annotated[
            TrueOrFalse, Query(description="Whether the answer has the bars that the values were computed from.")
        ] = "false",
        cursor: CursorQuery = None,
    ) -> Response[str]:
        """A technical indicator in Polygon's shape, newest first."""
        del at, after, since, before, until
        series = Series(Ticker.parse(symbol).text, 1, timespan, adjusted == "true")
        study = study_of(indicator, series_type, window, short_window, long_window, signal_window)
        expanded, now_ms = expand_underlying == "true", edge.now_ms
        query = IndicatorQuery.parse(
            edge.services.cursors, series, study, edge.query, order == "desc", limit, expanded, cursor, edge.room
        )
        context = edge.read_context(None, "indicators")
        return edge.polygon(*query.answer(edge.services.indicators, context, edge.origin, now_ms))
