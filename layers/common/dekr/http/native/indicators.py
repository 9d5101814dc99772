"""The query of the indicator routes, and the answer of Dekr's own."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from dekr.errors import InvalidInput
from dekr.http.edge.csv import line
from dekr.http.edge.query import Whole
from dekr.http.native.bars import FAR_FUTURE_MS, check_span, moment_ms
from dekr.http.paging import cursors
from dekr.market.bars.segments import Series, Timespan
from dekr.market.bars.service import Range
from dekr.market.indicators.service import Computed, Indicators
from dekr.market.indicators.study import FORMULAS, MAX_WINDOW, Indicator, Point, Price, Study
from dekr.market.read.context import ReadContext
from dekr.times import rfc3339_ms

DEFAULT_VALUES: Final = 100
MAX_VALUES: Final = 5_000
"""Values in an answer."""

IndicatorPath = Annotated[Indicator, Path(description="Which indicator.")]

TimespanQuery = Annotated[Timespan, Query(description="The unit of a bar's window.")]
SeriesTypeQuery = Annotated[Price, Query(description="The price of a bar that is taken.")]
WindowQuery = Annotated[
    int | None,
    Query(ge=1, le=MAX_WINDOW, description="Bars in the window; default 50 (rsi: 14); not for macd."),
    Whole,
]
ShortWindowQuery = Annotated[
    int | None, Query(ge=1, le=MAX_WINDOW, description="Bars in the shorter EMA; default 12; macd only."), Whole
]
LongWindowQuery = Annotated[
    int | None, Query(ge=1, le=MAX_WINDOW, description="Bars in the longer EMA; default 26; macd."), Whole
]
SignalWindowQuery = Annotated[
    int | None, Query(ge=1, le=MAX_WINDOW, description="Values in the signal; default 9; macd."), Whole
]

_BOUNDS: Final = re.compile(r"(\d{1,15})\.(\d{1,15})", re.ASCII)


def study_of(
    indicator: Indicator,
    price: Price,
    window: int | None,
    short_window: int | None,
    long_window: int | None,
    signal_window: int | None,
) -> Study:
    """The study that the routes' parameters describe. Raises InvalidInput, naming a window that the indicator does not have,
    or that does not go with another.
    """
    given = {
        "window": window,
        "short_window": short_window,
        "long_window": long_window,
        "signal_window": signal_window,
    }
    windows = dict(FORMULAS[indicator].windows)
    for name, length in given.items():
        if length is None:
            continue
        if name not in windows:
            raise InvalidInput(name, f"is not a parameter of {indicator}; it has {', '.join(windows)}")
        windows[name] = length
    if indicator is Indicator.MACD and windows["short_window"] >= windows["long_window"]:
        raise InvalidInput("short_window", f"must be less than long_window ({windows['long_window']})")
    return Study(indicator, tuple(windows.values()), price)


def study_parameters(series: Series, study: Study) -> dict[str, str | int]:
    """The query that asks for this study again."""
    return {
        "timespan": series.timespan,
        "adjusted": str(series.adjusted).lower(),
        "series_type": study.price,
        **dict(zip(study.formula.windows, study.windows, strict=True)),
    }


def seal_bounds(scope: str, first_ms: int, last_ms: int) -> str:
    """The cursor of what is left of a query: a range, both ends in it."""
    return cursors.seal(scope, f"{first_ms}.{last_ms}")


def bounds_in(scope: str, cursor: str) -> tuple[int, int]:
    """The range in a cursor of this query. Raises InvalidInput."""
    match = _BOUNDS.fullmatch(cursors.unseal(scope, cursor))
    first_ms, last_ms = (int(bound) for bound in match.groups()) if match else (1, 0)
    if not first_ms <= last_ms <= FAR_FUTURE_MS:
        raise cursors.refused()
    return first_ms, last_ms


def rest_of(asked: Range, points: Sequence[Point], *, newest_first: bool) -> tuple[Sequence[Point], Range | None]:
    """The points of a page (the oldest first) in the order asked, without the one that begins the next page, and that page's
    range; None for the last page. ``asked`` is the page's range, with a limit of one point more than it holds.
    """
    ordered = points[::-1] if newest_first else points
    if len(ordered) < asked.limit:
        return ordered, None
    bound = ordered[-1][0]
    first_ms, last_ms = (asked.first_ms, bound) if newest_first else (bound, asked.last_ms)
    return ordered[:-1], Range(first_ms, last_ms, asked.limit)


@dataclass(frozen=True, slots=True)
class IndicatorQuery:
    """What a caller of /indicators asks for: the newest values of a range, at most as many as its limit, or the ``whole`` of
    it, page by page from its one end to the other.
    """

    series: Series
    study: Study
    range: Range
    newest_first: bool
    whole: bool

    @classmethod
    def parse(
        cls,
        series: Series,
        study: Study,
        limit: int | None,
        first: str | None,
        last: str | None,
        cursor: str | None,
        newest_first: bool,  # noqa: FBT001 - as the route has it
        now_ms: int,
    ) -> "IndicatorQuery":
        """The query behind the route's parameters, at a moment; raises InvalidInput, naming the parameter and its rule."""
        if cursor is not None:
            first_ms, last_ms = bounds_in(_scope(series, study, newest_first), cursor)
            return cls(series, study, Range(first_ms, last_ms, MAX_VALUES + 1), newest_first, whole=True)
        first_ms = 0 if first is None else moment_ms("from", first, end=False)
        last_ms = FAR_FUTURE_MS if last is None else moment_ms("to", last, end=True)
        if first is not None:
            check_span(series.timespan, first_ms, last_ms, now_ms)
        if limit is None and first is not None:
            return cls(series, study, Range(first_ms, last_ms, MAX_VALUES + 1), newest_first, whole=True)
        return cls(series, study, Range(first_ms, last_ms, limit or DEFAULT_VALUES), newest_first, whole=False)

    def computed(self, indicators: Indicators, context: ReadContext) -> Computed:
        """The values of this query's page; of a whole range one more than a page holds, where there is one."""
        upwards = self.whole and not self.newest_first
        return (indicators.oldest if upwards else indicators.newest)(context, self.series, self.study, self.range)

    def url(self, rest: Range) -> str:
        """The path and query of the page that holds the rest."""
        series, study = self.series, self.study
        parameters = {
            **study_parameters(series, study),
            "multiplier": series.multiplier,
            "sort": "desc" if self.newest_first else "asc",
            "cursor": seal_bounds(_scope(series, study, self.newest_first), rest.first_ms, rest.last_ms),
        }
        return f"/indicators/{series.ticker}/{study.indicator}?{urlencode(parameters)}"


def page(query: IndicatorQuery, points: Sequence[Point], *, csv: bool) -> tuple[str, str | None]:
    """The points (given oldest first) as JSON (``dekr.models.IndicatorValue``, ``dekr.models.MacdValue``) or CSV in the order
    asked, and path and query of the next page.
    """
    rest: Range | None = None
    if query.whole:
        shown, rest = rest_of(query.range, points, newest_first=query.newest_first)
    else:
        shown = points[::-1] if query.newest_first else points
    following = query.url(rest) if rest else None
    columns = ("symbol", "timestamp", *query.study.formula.fields)
    ticker = query.series.ticker
    rows: list[tuple[Any, ...]] = [(ticker, rfc3339_ms(start_ms), *values) for start_ms, *values in shown]
    if csv:
        return "".join([line(columns), *map(line, rows)]), following
    return json.dumps([dict(zip(columns, row, strict=True)) for row in rows], separators=(",", ":")), following


def _scope(series: Series, study: Study, newest_first: bool) -> str:  # noqa: FBT001 - private
    return f"{series.ticker}:{series.name}:{study.indicator}:{study.windows}:{study.price}:{newest_first}"
