"""The query of the bars route, and its answer cut into pages that fit.

A page ends where the answer would grow over the limit; the cursor names the rest as a range of its own. It is bound to
the query that it came from, so that one that was changed or moved to another query is refused.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from urllib.parse import urlencode

from dekr.errors import InvalidInput
from dekr.http.edge.csv import line
from dekr.http.paging import cursors
from dekr.market.bars.segments import Series, Timespan
from dekr.market.bars.service import Bars, Range, Row
from dekr.market.read.context import ReadContext
from dekr.sessions import eastern_midnight_us
from dekr.times import day_of, rfc3339_ms

PAGE_BYTES: Final = 4_500_000
PAGE_ROWS: Final = 40_000
HOUR_ROWS: Final = 5_000
"""Bars in a page of a whole range at most: hardly any page has room for more. Hour bars take many upstream calls, because the
upstream counts the minutes that they are made of.
"""

WHOLE: Final = 0
"""A cursor's limit where all the rest is wanted."""

MAX_BARS: Final = 50_000
EARLIEST: Final = date(1970, 1, 2)
LONGEST_DAYS: Final = {Timespan.SECOND: 31, Timespan.MINUTE: 5 * 366, Timespan.HOUR: 20 * 366}
"""How many days a range of intraday bars may span."""

DAY_MS: Final = 86_400_000
DEFAULT_BARS: Final = 100
FAR_FUTURE_MS: Final = 253_402_300_799_000
FEWEST_DIGITS: Final = 12
"""Milliseconds have at least so many digits since 1973; what is shorter is a mistyped day."""

COLUMNS: Final = ("symbol", "timestamp", "open", "high", "low", "close", "volume", "vwap", "transactions")
_REST: Final = re.compile(r"(\d{1,15})\.(\d{1,15})\.(\d{1,5})", re.ASCII)
_EXPECTED: Final = "must be a day (YYYY-MM-DD) or a moment in milliseconds since 1970"


@dataclass(frozen=True, slots=True)
class BarQuery:
    """What a caller of the bars route asks for: the newest bars of a range, at most as many as its limit, or the ``whole`` of
    it, from its one end to the other.
    """

    series: Series
    range: Range
    newest_first: bool
    whole: bool = False

    @classmethod
    def parse(
        cls,
        series: Series,
        limit: int | None,
        first: str | None,
        last: str | None,
        cursor: str | None,
        newest_first: bool,  # noqa: FBT001 - as the route has it
        now_ms: int,
    ) -> "BarQuery":
        """The query behind the route's parameters, at a moment; raises InvalidInput, naming the parameter and its rule."""
        if cursor is not None:
            rest, whole = _range_in(cursor, series, newest_first)
            return cls(series, rest, newest_first, whole)
        first_ms = 0 if first is None else moment_ms("from", first, end=False)
        last_ms = FAR_FUTURE_MS if last is None else moment_ms("to", last, end=True)
        if first is not None:
            check_span(series.timespan, first_ms, last_ms, now_ms)
        if limit is None and first is None:
            limit = DEFAULT_BARS
        return cls(
            series, Range(first_ms, last_ms, limit or page_rows(series.timespan)), newest_first, whole=limit is None
        )

    def rows(self, bars: Bars, context: ReadContext) -> list[Row]:
        """The bars of this query's page, oldest first; of a whole range one more than a page holds, where there is one."""
        if not self.whole:
            return bars.newest(context, self.series, self.range)
        one_more = Range(self.range.first_ms, self.range.last_ms, page_rows(self.series.timespan) + 1)
        return (bars.newest if self.newest_first else bars.oldest)(context, self.series, one_more)

    def cursor(self, rest: Range) -> str:
        """The cursor that names the rest of this query's answer."""
        limit = WHOLE if self.whole else rest.limit
        return cursors.seal(_scope(self.series, self.newest_first), f"{rest.first_ms}.{rest.last_ms}.{limit}")

    def url(self, cursor: str) -> str:
        """The path and query of the page that a cursor names."""
        series = self.series
        parameters = {
            "timespan": series.timespan,
            "multiplier": series.multiplier,
            "adjusted": str(series.adjusted).lower(),
            "sort": "desc" if self.newest_first else "asc",
            "cursor": cursor,
        }
        return f"/market-data/{series.ticker}?{urlencode(parameters)}"


def page(query: BarQuery, rows: Sequence[Row], *, csv: bool, most: int = PAGE_BYTES) -> tuple[str, str | None]:
    """As many of the rows (given oldest first) as fit into a page, as JSON (``dekr.models.Bar``) or CSV in the order asked,
    and path and query of the next page.
    """
    ordered = rows[::-1] if query.newest_first else rows
    ticker = query.series.ticker
    symbol, write = (line([ticker]).removesuffix("\r\n"), _csv) if csv else (json.dumps(ticker), _json)
    most_rows = page_rows(query.series.timespan) if query.whole else len(ordered)
    parts: list[str] = []
    size = 2
    following = None
    for index, row in enumerate(ordered):
        part = write(symbol, row)
        size += len(part) + 1
        if size > most or index == most_rows:
            following = query.url(query.cursor(_rest(query, ordered, index)))
            break
        parts.append(part)
    return (line(COLUMNS) + "".join(parts) if csv else f"[{','.join(parts)}]"), following


def _rest(query: BarQuery, ordered: Sequence[Row], index: int) -> Range:
    if query.whole:
        bounds = query.range.first_ms, query.range.last_ms
        first, last = (bounds[0], ordered[index][0]) if query.newest_first else (ordered[index][0], bounds[1])
        return Range(first, last, query.range.limit)
    ends = ordered[index][0], ordered[-1][0]
    return Range(min(ends), max(ends), len(ordered) - index)


def _json(symbol: str, row: Row) -> str:
    """The bar as a JSON object. ``symbol``: the ticker as JSON."""
    # Written out, since an encoder would escape each name again for each bar. The numbers are finite ints and floats, which JSON
    # writes as ``repr`` does.
    start_ms, opened, high, low, close, volume, vwap, transactions = row
    return (
        f'{{"symbol":{symbol},"timestamp":"{rfc3339_ms(start_ms)}","open":{opened!r},"high":{high!r},"low":{low!r},'
        f'"close":{close!r},"volume":{volume!r},"vwap":{"null" if vwap is None else repr(vwap)},'
        f'"transactions":{"null" if transactions is None else repr(transactions)}}}'
    )


def _csv(symbol: str, row: Row) -> str:
    """The bar as a line of CSV, in the order of ``COLUMNS``. ``symbol``: the ticker as a cell."""
    start_ms, opened, high, low, close, volume, vwap, transactions = row
    return (
        f"{symbol},{rfc3339_ms(start_ms)},{opened!r},{high!r},{low!r},{close!r},{volume!r},"
        f"{'' if vwap is None else repr(vwap)},{'' if transactions is None else repr(transactions)}\r\n"
    )


def page_rows(timespan: Timespan) -> int:
    """How many bars of a whole range one page holds at most."""
    return HOUR_ROWS if timespan is Timespan.HOUR else PAGE_ROWS


def check_span(timespan: Timespan, first_ms: int, last_ms: int, now_ms: int) -> None:
    """Raise InvalidInput for a range that is none, that has not begun, or that is too long for its timespan."""
    if first_ms > last_ms:
        raise InvalidInput("from", "must not be after to")
    if first_ms > now_ms:
        raise InvalidInput("from", "must not be in the future")
    days = LONGEST_DAYS.get(timespan)
    if days and min(last_ms, now_ms) - first_ms > days * DAY_MS:
        raise InvalidInput("from", f"a range of {timespan} bars must not span more than {days} days")


def moment_ms(field: str, text: str, *, end: bool) -> int:
    """The moment that a day (its start in New York, or its ``end``) or a text of milliseconds names. Raises InvalidInput."""
    if text.isascii() and text.isdigit() and FEWEST_DIGITS <= len(text) <= len(str(FAR_FUTURE_MS)):
        return min(int(text), FAR_FUTURE_MS)
    day = day_of(text)
    if day is None or not EARLIEST <= day < date.max:
        raise InvalidInput(field, _EXPECTED)
    if end:
        return eastern_midnight_us(day + timedelta(days=1)) // 1000 - 1
    return eastern_midnight_us(day) // 1000


def _scope(series: Series, newest_first: bool) -> str:  # noqa: FBT001 - private
    return f"{series.ticker}:{series.name}:{newest_first}"


def _range_in(cursor: str, series: Series, newest_first: bool) -> tuple[Range, bool]:  # noqa: FBT001 - private
    match = _REST.fullmatch(cursors.unseal(_scope(series, newest_first), cursor))
    if match is None:
        raise cursors.refused()
    first_ms, last_ms, limit = (int(number) for number in match.groups())
    if not first_ms <= last_ms <= FAR_FUTURE_MS or not WHOLE <= limit <= MAX_BARS:
        raise cursors.refused()
    return Range(first_ms, last_ms, limit or page_rows(series.timespan)), limit == WHOLE
