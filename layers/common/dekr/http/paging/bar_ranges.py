"""Ranges of bars, as the routes of bars and of indicators take them: where they begin and end, and how many bars a page holds."""

from dataclasses import replace
from typing import Annotated, Final

from aws_lambda_powertools.event_handler.openapi.params import Query

from dekr.errors import InvalidInput
from dekr.http.edge.query import Whole
from dekr.http.paging.range_page import RangePage
from dekr.http.paging.time_filters import MILLISECONDS, Span
from dekr.market.bars.limits import PAGE_CALLS
from dekr.market.bars.segment_planner import bars_of_calls
from dekr.market.bars.segments import Series, Timespan
from dekr.times import DAY_MS

MultiplierQuery = Annotated[int, Query(ge=1, le=1440, description="Units in a bar's window."), Whole]
TimespanQuery = Annotated[Timespan, Query(description="The unit of a bar's window.")]
FromQuery = Annotated[str | None, Query(alias="from", description="First day (YYYY-MM-DD) or moment (ms).")]
ToQuery = Annotated[str | None, Query(alias="to", description="Last day (YYYY-MM-DD) or moment (ms).")]

MAX_BARS: Final = 50_000
"""Bars in a page: the largest limit of both dialects. So many go into one answer that is compressed, even with six decimals in each
price; into one that is not go as many as its bytes allow.
"""

MAX_SECOND_DAYS: Final = 31
"""Days that a range of second bars may span. The upstream counts up to 57 600 of them a day, of which a quiet ticker has few: a
search of years for a page of them would take hundreds of calls.
"""

DEFAULT_LIMIT: Final = 100
"""Items of a query of Dekr's own that names neither a limit nor a range."""


def page_size(series: Series) -> int:
    """How many bars of a whole range one page holds at most: fewer of a series whose bars take many upstream calls, because the
    upstream counts the minutes or seconds that they are made of.
    """
    return min(MAX_BARS, bars_of_calls(series, PAGE_CALLS))


def requested_page(
    whole: RangePage,
    series: Series,
    limit: int | None,
    first: str | None,
    last: str | None,
    cursor: str | None,
    now_ms: int,
    max_left: int = 0,
) -> RangePage:
    """The page that the parameters ``limit``, ``from``, ``to`` and ``cursor`` of Dekr's own routes describe: a part of the
    ``whole``. Limit and range are not read where there is a cursor; without any of them, it holds the newest DEFAULT_LIMIT items.

    ``max_left``: the largest limit that a cursor may go on with, 0 for none. Raises InvalidInput, naming the parameter and its
    rule.
    """
    if cursor is not None:
        return whole.resumed(cursor, max_left)
    span = bar_range(series, first, last, now_ms)
    if limit is None and first is None:
        limit = DEFAULT_LIMIT
    return replace(whole, first_ms=span.first, last_ms=span.last, left=limit)


def bar_range(series: Series, first: str | None, last: str | None, now_ms: int) -> Span:
    """The starts of the windows that touch the range between the parameters ``from`` and ``to``, in milliseconds; a side that is
    None is open. So a week that ``from`` lies in is part of it, as Polygon stretches a range to whole windows
    (https://massive.com/docs/rest/stocks/aggregates/custom-bars). A range that has not begun holds nothing.

    Raises InvalidInput for a text that is no time, and where there is a ``first`` for a range that ends before it begins, or
    that is too long for second bars.
    """
    last_ms = MILLISECONDS.whole.last if last is None else MILLISECONDS.span("to", last).last
    if first is None:
        return Span(MILLISECONDS.whole.first, last_ms)
    first_ms = MILLISECONDS.span("from", first).first
    if first_ms > last_ms:
        raise InvalidInput("from", "must not be after to")
    if series.timespan is Timespan.SECOND and min(last_ms, now_ms) - first_ms > MAX_SECOND_DAYS * DAY_MS:
        raise InvalidInput("from", f"a range of second bars must not span more than {MAX_SECOND_DAYS} days")
    if first_ms <= now_ms:
        first_ms = max(MILLISECONDS.whole.first, series.earliest_window_start_ms(first_ms))
    return Span(first_ms, last_ms)
