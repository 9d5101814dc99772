"""The query of the bars route, and its answer cut into pages that fit.

A page ends where the answer would grow over the limit; the cursor names the rest as a range of its own. It is bound to
the query that it came from, so that one that was changed or moved to another query is refused.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import blake2b
from typing import Final
from urllib.parse import urlencode

from dekr.errors import InvalidInput
from dekr.market.bars import Range, Row
from dekr.market.segments import Series, Timespan
from dekr.sessions import eastern_midnight_us
from dekr.symbols import Ticker
from dekr.times import rfc3339_ms

PAGE_BYTES: Final = 4_500_000
MOST_BARS: Final = 50_000
EARLIEST: Final = date(1970, 1, 2)
LONGEST_YEARS: Final = {Timespan.MINUTE: 5, Timespan.HOUR: 20}
"""How many years a range of intraday bars may span."""

LONGEST_YEAR_MS: Final = 366 * 86_400_000
FAR_FUTURE_MS: Final = 253_402_300_799_000
FEWEST_DIGITS: Final = 12
"""Milliseconds have at least so many digits since 1973; what is shorter is a mistyped day."""

_DIGEST: Final = 9
_REST: Final = re.compile(rb"(\d{1,15})\.(\d{1,15})\.(\d{1,5})")
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_EXPECTED: Final = "must be a day (YYYY-MM-DD) or a moment in milliseconds since 1970"


@dataclass(frozen=True, slots=True)
class BarQuery:
    """What a caller of the bars route asks for."""

    series: Series
    range: Range
    newest_first: bool

    @classmethod
    def parse(
        cls,
        ticker: Ticker,
        *,
        timespan: Timespan,
        multiplier: int,
        limit: int,
        first: str | None,
        last: str | None,
        cursor: str | None,
        adjusted: bool,
        newest_first: bool,
        now_ms: int,
    ) -> "BarQuery":
        """The query behind the route's parameters, at a moment; raises InvalidInput, naming the parameter and its rule."""
        series = Series(ticker.text, multiplier, timespan, adjusted)
        if cursor is not None:
            return cls(series, _range_in(cursor, series, newest_first), newest_first)
        first_ms = 0 if first is None else _moment_ms("from", first, end=False)
        last_ms = FAR_FUTURE_MS if last is None else _moment_ms("to", last, end=True)
        if first is not None and first_ms > last_ms:
            raise InvalidInput("from", "must not be after to")
        if first_ms > now_ms:
            raise InvalidInput("from", "must not be in the future")
        years = LONGEST_YEARS.get(timespan)
        if years and first is not None and min(last_ms, now_ms) - first_ms > years * LONGEST_YEAR_MS:
            raise InvalidInput("from", f"a range of {timespan} bars must not span more than {years} years")
        return cls(series, Range(first_ms, last_ms, limit), newest_first)

    def cursor(self, rest: Range) -> str:
        """The cursor that names the rest of this query's answer."""
        text = f"{rest.first_ms}.{rest.last_ms}.{rest.limit}".encode()
        return urlsafe_b64encode(_digest(self.series, self.newest_first, text) + text).decode().rstrip("=")

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


def page(query: BarQuery, rows: Sequence[Row], most: int = PAGE_BYTES) -> tuple[str, dict[str, str]]:
    """The JSON of as many rows (oldest first) as fit into a page, and the headers that name the next one."""
    ordered = rows[::-1] if query.newest_first else rows
    parts: list[str] = []
    size = 2
    for index, row in enumerate(ordered):
        part = _bar(query.series.ticker, row)
        size += len(part) + 1
        if size > most:
            return f"[{','.join(parts)}]", {"Link": f'<{query.url(query.cursor(_rest(ordered, index)))}>; rel="next"'}
        parts.append(part)
    return f"[{','.join(parts)}]", {}


def _rest(ordered: Sequence[Row], index: int) -> Range:
    ends = ordered[index][0], ordered[-1][0]
    return Range(min(ends), max(ends), len(ordered) - index)


def _bar(ticker: str, row: Row) -> str:
    start_ms, opened, high, low, close, volume, vwap, transactions = row
    return json.dumps(
        {
            "symbol": ticker,
            "timestamp": rfc3339_ms(start_ms),
            "open": opened,
            "high": high,
            "low": low,
            "close": close,
            "volume": volume,
            "vwap": vwap,
            "transactions": transactions,
        },
        separators=(",", ":"),
    )


def _moment_ms(field: str, text: str, *, end: bool) -> int:
    if text.isascii() and text.isdigit() and FEWEST_DIGITS <= len(text) <= len(str(FAR_FUTURE_MS)):
        return min(int(text), FAR_FUTURE_MS)
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or not EARLIEST <= day < date.max:
        raise InvalidInput(field, _EXPECTED)
    if end:
        return eastern_midnight_us(day + timedelta(days=1)) // 1000 - 1
    return eastern_midnight_us(day) // 1000


def _digest(series: Series, newest_first: bool, text: bytes) -> bytes:  # noqa: FBT001 - private
    return blake2b(text, digest_size=_DIGEST, key=f"{series.ticker}:{series.datum}:{newest_first}".encode()).digest()


def _range_in(cursor: str, series: Series, newest_first: bool) -> Range:  # noqa: FBT001 - private
    refused = InvalidInput("cursor", "is not one that this query was given", code="invalid_cursor")
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        digest, text = raw[:_DIGEST], raw[_DIGEST:]
    except (Base64Error, ValueError):
        raise refused from None
    match = _REST.fullmatch(text)
    if match is None or digest != _digest(series, newest_first, text):
        raise refused
    rest = Range(int(match[1]), int(match[2]), int(match[3]))
    if not rest.first_ms <= rest.last_ms <= FAR_FUTURE_MS or not 1 <= rest.limit <= MOST_BARS:
        raise refused
    return rest
