"""Ranges of bars, as the routes of bars and of indicators take them: how long they may be, and how many bars a page holds."""

from dataclasses import replace
from typing import Annotated, Final

from aws_lambda_powertools.event_handler.openapi.params import Query

from dekr.errors import InvalidInput
from dekr.http.edge.query import Whole
from dekr.http.paging.range_page import RangePage
from dekr.http.paging.time_filters import MILLISECONDS, Span
from dekr.market.bars.segments import Timespan
from dekr.times import DAY_MS

MultiplierQuery = Annotated[int, Query(ge=1, le=1440, description="Units in a bar's window."), Whole]
TimespanQuery = Annotated[Timespan, Query(description="The unit of a bar's window.")]
FromQuery = Annotated[str | None, Query(alias="from", description="First day (YYYY-MM-DD) or moment (ms).")]
ToQuery = Annotated[str | None, Query(alias="to", description="Last day (YYYY-MM-DD) or moment (ms).")]

MAX_BARS: Final = 40_000
"""Bars in a page of a whole range."""

MAX_HOUR_BARS: Final = 5_000
"""Hour bars in a page of a whole range: they take many upstream calls, because the upstream counts the minutes that they are
made of.
"""

MAX_DAYS: Final = {Timespan.SECOND: 31, Timespan.MINUTE: 5 * 366, Timespan.HOUR: 20 * 366}
"""How many days a range of intraday bars may span."""

DEFAULT_LIMIT: Final = 100
"""Items of a query of Dekr's own that names neither a limit nor a range."""


def page_size(timespan: Timespan) -> int:
    """How many bars of a whole range one page holds at most."""
    return MAX_HOUR_BARS if timespan is Timespan.HOUR else MAX_BARS


def requested_page(
    whole: RangePage,
    timespan: Timespan,
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
    span = bar_range(timespan, first, last, now_ms)
    if limit is None and first is None:
        limit = DEFAULT_LIMIT
    return replace(whole, first_ms=span.first, last_ms=span.last, left=limit)


def bar_range(timespan: Timespan, first: str | None, last: str | None, now_ms: int) -> Span:
    """The range between the parameters ``from`` and ``to``, in milliseconds; a side that is None is open.

    Raises InvalidInput for a text that is no time, and where there is a ``first`` for a range that is empty, that has not begun,
    or that is too long for its timespan.
    """
    first_ms = MILLISECONDS.whole.first if first is None else MILLISECONDS.span("from", first).first
    last_ms = MILLISECONDS.whole.last if last is None else MILLISECONDS.span("to", last).last
    if first is not None:
        _check(timespan, first_ms, last_ms, now_ms)
    return Span(first_ms, last_ms)


def _check(timespan: Timespan, first_ms: int, last_ms: int, now_ms: int) -> None:
    if first_ms > last_ms:
        raise InvalidInput("from", "must not be after to")
    if first_ms > now_ms:
        raise InvalidInput("from", "must not be in the future")
    days = MAX_DAYS.get(timespan)
    if days and min(last_ms, now_ms) - first_ms > days * DAY_MS:
        raise InvalidInput("from", f"a range of {timespan} bars must not span more than {days} days")
