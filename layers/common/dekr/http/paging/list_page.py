"""Lists that go on from page to page: the upstream's own pages under our cursors, and the rules of their filters."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler.openapi.params import Query

from dekr.errors import InvalidInput
from dekr.http.paging import cursors
from dekr.sessions import eastern_midnight_us
from dekr.symbols import Ticker
from dekr.times import day_of

CursorQuery = Annotated[str | None, Query(description="Where the page before ended.")]
OrderQuery = Annotated[Literal["asc", "desc"], Query(description="Oldest or newest first.")]

BESIDE: Final = frozenset({"cursor", "limit", "apiKey", "tier", "format"})
"""Parameters that may always stand beside a cursor."""

FAR_FUTURE_NS: Final = 253_402_300_799 * 10**9
FEWEST_NS_DIGITS: Final = 16
"""Nanoseconds have at least so many digits since the first weeks of 1970; fewer are another unit."""

_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_EXPECTED_NS: Final = "must be a day (YYYY-MM-DD) or a moment in nanoseconds since 1970"
_EXPECTED_TIME: Final = "must be a day (YYYY-MM-DD) or a moment in RFC 3339, such as 2026-11-20T15:00:00Z"


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What is asked of a list: parameters for the upstream, and the ticker that it is about, where there is one.

    ``scope`` is what its cursors are bound to: the path, and what a caller must repeat beside the cursor.
    """

    scope: str
    parameters: Mapping[str, str]
    ticker: Ticker | None = None

    @classmethod
    def of(
        cls,
        scope: str,
        parameters: Mapping[str, str],
        query: Mapping[str, str],
        ticker: Ticker | None = None,
        repeated: Collection[str] = (),
    ) -> "ListQuery":
        """The query of these parameters, or, where the caller's ``query`` has a cursor, the one that goes on from there.

        ``repeated``: parameters that the caller sends beside the cursor. Raises InvalidInput for any other one: the cursor
        holds what was asked for, and a filter that is left out would give wrong data.
        """
        cursor = query.get("cursor")
        if cursor is None:
            return cls(scope, parameters, ticker)
        for name in query:
            if name not in BESIDE and name not in repeated:
                raise InvalidInput(name, "must not be sent with a cursor, which holds what was asked for at first")
        symbol, _, upstream = cursors.unseal(scope, cursor).partition(" ")
        if not upstream.isascii() or not upstream.isprintable():
            raise cursors.refused()
        return cls(scope, {"cursor": upstream}, Ticker.parse(symbol, "cursor") if symbol else None)

    def following(self, sent: Mapping[str, Any]) -> str | None:
        """The cursor of the page after an answer (with the upstream's cursor for ``next_url``); None after the last."""
        upstream = sent.get("next_url")
        return cursors.seal(self.scope, f"{self.ticker.text if self.ticker else ''} {upstream}") if upstream else None


def next_path(path: str, query: Mapping[str, str | int], cursor: str | None) -> str | None:
    """Path and query of the page that a cursor names."""
    return f"{path}?{urlencode({**query, 'cursor': cursor})}" if cursor else None


def tick_times(query: Mapping[str, str], now_ns: int) -> tuple[dict[str, str], int | None]:
    """The ``timestamp`` filters of a query as they go upstream, and when their upper end was (in microseconds).

    Raises InvalidInput for a moment that is none, that lies ahead, or a range that is empty.
    """
    found = {name: value for name, value in query.items() if name.split(".")[0] == "timestamp"}
    lower, upper = 0, FAR_FUTURE_NS
    for name, value in found.items():
        start, end = _span_ns(name, value)
        kind = name.partition(".")[2]
        if kind in ("", "gt", "gte"):
            if start > now_ns:
                raise InvalidInput(name, "must not be in the future")
            lower = max(lower, start)
        if kind in ("", "lt", "lte"):
            upper = min(upper, end)
    if lower > upper:
        raise InvalidInput("timestamp", "the range is empty: its start lies after its end")
    return found, upper // 1000 if upper < now_ns else None


def published_times(query: Mapping[str, str], now_us: int) -> dict[str, str]:
    """The ``published_utc`` filters of a query as they go upstream. Raises InvalidInput."""
    found = {name: value for name, value in query.items() if name.split(".")[0] == "published_utc"}
    checked = {name: moment_utc(name, value, now_us) for name, value in found.items()}
    # A day stays one: upstream knows whether its start or its end is meant.
    return {name: value if day_of(value) else checked[name] for name, value in found.items()}


def moment_utc(field: str, text: str, now_us: int) -> str:
    """A moment in RFC 3339, or the start of a day, as text in UTC. Raises InvalidInput for one that is none or lies ahead."""
    day = day_of(text)
    try:
        moment = datetime.combine(day, datetime.min.time(), UTC) if day else datetime.fromisoformat(_rfc3339(text))
        in_utc = moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        in_utc = None
    if in_utc is None:
        raise InvalidInput(field, _EXPECTED_TIME)
    if in_utc.timestamp() * 1e6 > now_us and field.partition(".")[2] in ("", "gt", "gte"):
        raise InvalidInput(field, "must not be in the future")
    return in_utc.isoformat().replace("+00:00", "Z")


def _rfc3339(text: str) -> str:
    """The text, where it has the form of a moment in RFC 3339: Python reads many others. Raises ValueError."""
    if _MOMENT.fullmatch(text) is None:
        raise ValueError(text)
    return text


def _span_ns(field: str, text: str) -> tuple[int, int]:
    """The first and last nanosecond that a day (in New York) or moment names."""
    digits = text.isascii() and text.isdigit() and FEWEST_NS_DIGITS <= len(text) <= len(str(FAR_FUTURE_NS))
    if digits and int(text) <= FAR_FUTURE_NS:
        return int(text), int(text)
    day = day_of(text)
    if day is None or not date(1970, 1, 2) <= day < date.max:
        raise InvalidInput(field, _EXPECTED_NS)
    return eastern_midnight_us(day) * 1000, eastern_midnight_us(day + timedelta(days=1)) * 1000 - 1
