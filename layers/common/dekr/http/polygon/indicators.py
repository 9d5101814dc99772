"""Polygon's indicators over the cached bars."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from dekr.errors import InvalidInput
from dekr.http.edge.edge import Edge
from dekr.http.edge.openapi import polygon_of
from dekr.http.edge.query import AdjustedQuery, SymbolPath, TrueOrFalse, Whole
from dekr.http.native.bars import FAR_FUTURE_MS, moment_ms
from dekr.http.native.indicators import (
    MAX_VALUES,
    IndicatorPath,
    LongWindowQuery,
    SeriesTypeQuery,
    ShortWindowQuery,
    SignalWindowQuery,
    TimespanQuery,
    WindowQuery,
    bounds_in,
    rest_of,
    seal_bounds,
    study_of,
    study_parameters,
)
from dekr.http.paging.list_page import CursorQuery, OrderQuery
from dekr.http.polygon.bars import MAX_BARS, bar_of
from dekr.http.polygon.shapes import One
from dekr.market.bars.segments import Series, Timespan
from dekr.market.bars.service import Range, Row
from dekr.market.indicators.service import Indicators
from dekr.market.indicators.study import Price, Study
from dekr.market.read.context import ReadContext
from dekr.symbols import Ticker

AtQuery = Annotated[str | None, Query(alias="timestamp", description="A day (YYYY-MM-DD) or a moment (ms).")]
AfterQuery = Annotated[str | None, Query(alias="timestamp.gt", description="Later than this.")]
FromQuery = Annotated[str | None, Query(alias="timestamp.gte", description="Then or later.")]
BeforeQuery = Annotated[str | None, Query(alias="timestamp.lt", description="Earlier than this.")]
UntilQuery = Annotated[str | None, Query(alias="timestamp.lte", description="Then or earlier.")]


@dataclass(frozen=True, slots=True)
class IndicatorRequest:
    """One request of ``/v1/indicators/{indicator}/{t}``; ``range`` has a limit of one value more than is asked for."""

    series: Series
    study: Study
    range: Range
    newest_first: bool
    expanded: bool

    @classmethod
    def parse(
        cls,
        series: Series,
        study: Study,
        query: Mapping[str, str],
        newest_first: bool,  # noqa: FBT001 - as the route has it
        limit: int,
        expanded: bool,  # noqa: FBT001 - as the route has it
        cursor: str | None,
        now_ms: int,
    ) -> "IndicatorRequest":
        """The request behind the route's parameters; of ``query`` only the filters by time are read. Raises InvalidInput,
        naming the parameter and its rule.
        """
        if expanded and limit + study.history_bars > MAX_BARS:
            rule = f"an answer holds {MAX_BARS} bars at most; this one needs {limit + study.history_bars}"
            raise InvalidInput("expand_underlying", rule)
        if cursor is None:
            first_ms, last_ms = _between(query, now_ms)
        else:
            first_ms, last_ms = bounds_in(_scope(series, study, newest_first), cursor)
        return cls(series, study, Range(first_ms, last_ms, limit + 1), newest_first, expanded)

    def answer(
        self, indicators: Indicators, context: ReadContext, origin: str, now_ms: int
    ) -> tuple[dict[str, Any], str | None]:
        """The fields of Polygon's answer, and path and query of the next page. ``origin`` is our own address."""
        read = indicators.newest if self.newest_first else indicators.oldest
        found = read(context, self.series, self.study, self.range)
        points, rest = rest_of(self.range, found.points, newest_first=self.newest_first)
        newest_ms = max((point[0] for point in points), default=0)
        rows = [row for row in found.rows if row[0] <= newest_ms]
        underlying: dict[str, Any] = {"url": origin + self._underlying(rows, now_ms)}
        if self.expanded:
            underlying["aggregates"] = [bar_of(row) for row in rows]
        names = ("timestamp", *self.study.formula.fields)
        values = [dict(zip(names, point, strict=True)) for point in points]
        return {"results": {"underlying": underlying, "values": values}}, self._next(rest)

    def _underlying(self, rows: list[Row], now_ms: int) -> str:
        """Where the bars are that the values were computed from."""
        series = self.series
        last_ms = min(self.range.last_ms, now_ms)
        first_ms, last_ms = (rows[0][0], rows[-1][0]) if rows else (last_ms, last_ms)
        query = urlencode({"adjusted": str(series.adjusted).lower(), "limit": 50_000, "sort": "desc"})
        return f"/v2/aggs/ticker/{series.ticker}/range/1/{series.timespan}/{first_ms}/{last_ms}?{query}"

    def _next(self, rest: Range | None) -> str | None:
        if rest is None:
            return None
        series, study = self.series, self.study
        query: Mapping[str, str | int] = {
            **study_parameters(series, study),
            "expand_underlying": str(self.expanded).lower(),
            "order": "desc" if self.newest_first else "asc",
            "limit": rest.limit - 1,
            "cursor": seal_bounds(_scope(series, study, self.newest_first), rest.first_ms, rest.last_ms),
        }
        return f"/v1/indicators/{study.indicator}/{series.ticker}?{urlencode(query)}"


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
        limit: Annotated[int, Query(ge=1, le=MAX_VALUES, description="Values in a page."), Whole] = 10,
        expand_underlying: Annotated[TrueOrFalse, Query(description="Whether to add the bars.")] = "false",
        cursor: CursorQuery = None,
    ) -> Response[str]:
        """A technical indicator in Polygon's shape, newest first."""
        del at, after, since, before, until
        series = Series(Ticker.parse(symbol).text, 1, timespan, adjusted == "true")
        study = study_of(indicator, series_type, window, short_window, long_window, signal_window)
        expanded, now_ms = expand_underlying == "true", edge.now_ms
        asked = IndicatorRequest.parse(series, study, edge.query, order == "desc", limit, expanded, cursor, now_ms)
        context = edge.read_context(None, "indicators")
        return edge.polygon(*asked.answer(edge.services.indicators, context, edge.origin, now_ms))


def _between(query: Mapping[str, str], now_ms: int) -> tuple[int, int]:
    """The first and last moment of the range that the filters name; a day is its 24 hours in New York."""
    first_ms, last_ms = 0, FAR_FUTURE_MS
    for name, text in query.items():
        if name.partition(".")[0] != "timestamp":
            continue
        start_ms, end_ms = moment_ms(name, text, end=False), moment_ms(name, text, end=True)
        match name.partition(".")[2]:
            case "gt":
                first_ms = max(first_ms, end_ms + 1)
            case "gte":
                first_ms = max(first_ms, start_ms)
            case "lt":
                last_ms = min(last_ms, start_ms - 1)
            case "lte":
                last_ms = min(last_ms, end_ms)
            case _:
                first_ms, last_ms = max(first_ms, start_ms), min(last_ms, end_ms)
        if first_ms > now_ms:
            raise InvalidInput(name, "must not be in the future")
    if first_ms > last_ms:
        raise InvalidInput("timestamp", "the range is empty: its start lies after its end")
    return first_ms, last_ms


def _scope(series: Series, study: Study, newest_first: bool) -> str:  # noqa: FBT001 - private
    return f"v1:{series.ticker}:{series.name}:{study.indicator}:{study.windows}:{study.price}:{newest_first}"
