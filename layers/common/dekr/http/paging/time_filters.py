"""Times in queries: the span that a text names, and the range that a query's filters leave.

A filter is a parameter such as ``timestamp``, or one with a comparison after its name: ``timestamp.gt``, ``timestamp.gte``,
``timestamp.lt``, ``timestamp.lte``.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from dekr.errors import InvalidInput
from dekr.sessions import eastern_midnight_us
from dekr.times import FAR_FUTURE_MS, FAR_FUTURE_NS, FAR_FUTURE_S, day_of

FIRST_DAY: Final = date(1970, 1, 1)
LAST_DAY: Final = date(9999, 12, 30)
"""The first and the last day that a query can mean: an earlier one counts as the first, a later one as the last, as clients write
them that want everything from the beginning, or up to the end.
"""

SECONDS_DIGITS: Final = 10
"""Seconds have so many digits since 2001; as milliseconds the same number would lie in the first months of 1970."""

MIN_MS_DIGITS: Final = 12
"""Milliseconds of an article have at least so many digits: there is no news from before 1973."""

MIN_NS_DIGITS: Final = 16
"""Nanoseconds have at least so many digits since the first weeks of 1970; fewer are another unit."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final = timedelta(days=1)
_MICROSECOND: Final = timedelta(microseconds=1)
_SECOND: Final = timedelta(seconds=1)
_RFC3339: Final = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)", re.ASCII)
_COMPACT_DAY: Final = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])", re.ASCII)
_EXPECTED_MS: Final = "must be a day (YYYY-MM-DD) or a moment in milliseconds since 1970"
_EXPECTED_NS: Final = "must be a day (YYYY-MM-DD) or a moment in nanoseconds since 1970 or in RFC 3339"
_EXPECTED_UTC: Final = "must be a day (YYYY-MM-DD) or a moment in RFC 3339, such as 2026-11-20T15:00:00Z"
_EXPECTED_PUBLISHED: Final = f"{_EXPECTED_UTC}, or in milliseconds since 1970"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time from its ``first`` to its ``last`` moment, both in it; empty where the first lies after the last."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class TimeFormat:
    """A way to write times in a query.

    ``span``: the span that a text names; it takes the parameter's name and its text, and raises InvalidInput for a text that
    is no time. ``whole``: from the first to the last moment that can be written, in the format's unit.
    """

    span: Callable[[str, str], Span]
    whole: Span


def filters(query: Mapping[str, str], name: str) -> dict[str, str]:
    """The filters of a query that have this name, with or without a comparison after it, as they were sent."""
    return {field: text for field, text in query.items() if field.partition(".")[0] == name}


def moments_as(write: Callable[[int], str], query: Mapping[str, str], name: str, written: TimeFormat) -> dict[str, str]:
    """The filters of this name as they go upstream: a moment (in the unit of the format) as ``write`` writes it. A day stays one,
    since the upstream knows whether its start or its end is meant. Raises InvalidInput for a text that is no time.
    """
    return {
        field: text if day_of(text) else write(written.span(field, text).first)
        for field, text in filters(query, name).items()
    }


def narrowed(query: Mapping[str, str], name: str, written: TimeFormat, *, exact: bool = False) -> Span:
    """The range that the filters of this name leave, in the unit of the format; it may be empty, or lie in the future.

    ``exact``: gt and lt leave out all of the day or moment that they name. Otherwise the range includes it, as is right
    where the upstream gets the filters, too, and decides which part of a day they mean.
    Raises InvalidInput for a text that is no time.
    """
    span = written.whole
    for field, text in filters(query, name).items():
        bounds = _bounds(field.partition(".")[2], written.span(field, text), written.whole, exact=exact)
        span = Span(max(span.first, bounds.first), min(span.last, bounds.last))
    return span


def check_not_empty(name: str, span: Span) -> None:
    """Raise InvalidInput where the filters of this name leave an empty span."""
    if span.first > span.last:
        raise InvalidInput(name, "the range is empty: its start lies after its end")


def _bounds(comparison: str, named: Span, whole: Span, *, exact: bool) -> Span:
    match comparison:
        case "":
            return named
        case "gt":
            return Span(named.last + 1 if exact else named.first, whole.last)
        case "gte":
            return Span(named.first, whole.last)
        case "lt":
            return Span(whole.first, named.first - 1 if exact else named.last)
        case "lte":
            return Span(whole.first, named.last)
        case _:
            # The edge refuses it as a parameter that the route does not have.
            return whole


def _span_ms(field: str, text: str) -> Span:
    if _is_number(text.removeprefix("-"), 1, FAR_FUTURE_MS):
        if len(text) == SECONDS_DIGITS or _COMPACT_DAY.fullmatch(text):
            raise InvalidInput(field, _EXPECTED_MS)
        moment = min(max(int(text), 0), FAR_FUTURE_MS)
        return Span(moment, moment)
    start_us, end_us = _eastern_day_us(field, text, _EXPECTED_MS)
    return Span(start_us // 1_000, end_us // 1_000 - 1)


def _span_ns(field: str, text: str) -> Span:
    # Later moments are not clamped as milliseconds are: the text goes upstream as it is.
    if _is_number(text, MIN_NS_DIGITS, FAR_FUTURE_NS) and int(text) <= FAR_FUTURE_NS:
        return Span(int(text), int(text))
    moment_ns = _moment_ns(text)
    if moment_ns is not None and 0 <= moment_ns <= FAR_FUTURE_NS:
        return Span(moment_ns, moment_ns)
    start_us, end_us = _eastern_day_us(field, text, _EXPECTED_NS)
    return Span(start_us * 1_000, end_us * 1_000 - 1)


def _span_utc_us(field: str, text: str, expected: str = _EXPECTED_UTC) -> Span:
    day = day_of(text)
    if day is not None:
        first = (datetime.combine(day, datetime.min.time(), UTC) - _EPOCH) // _MICROSECOND
        return Span(first, first + _DAY // _MICROSECOND - 1)
    moment_ns = _moment_ns(text)
    if moment_ns is None:
        raise InvalidInput(field, expected)
    return Span(moment_ns // 1_000, moment_ns // 1_000)


def _span_published_us(field: str, text: str) -> Span:
    if _is_number(text, MIN_MS_DIGITS, FAR_FUTURE_MS):
        moment = min(int(text), FAR_FUTURE_MS) * 1_000
        return Span(moment, moment)
    return _span_utc_us(field, text, _EXPECTED_PUBLISHED)


def _moment_ns(text: str) -> int | None:
    """The moment that a text in RFC 3339 names, in nanoseconds since 1970, finer digits cut off; None for any other text."""
    # Python reads many other forms of ISO 8601, and no digit after the microsecond.
    match = _RFC3339.fullmatch(text.upper())
    if match is None:
        return None
    second, fraction, zone = match.groups(default="")
    try:
        seconds = (datetime.fromisoformat(second + zone).astimezone(UTC) - _EPOCH) // _SECOND
    except (ValueError, OverflowError):
        return None
    return seconds * 10**9 + int(fraction[:9].ljust(9, "0"))


def _is_number(text: str, min_digits: int, largest: int) -> bool:
    return text.isascii() and text.isdigit() and min_digits <= len(text) <= len(str(largest))


def _eastern_day_us(field: str, text: str, expected: str) -> tuple[int, int]:
    """The beginnings of a day in New York and of the next one, in microseconds."""
    day = day_of(text)
    if day is None:
        raise InvalidInput(field, expected)
    day = min(max(day, FIRST_DAY), LAST_DAY)
    return eastern_midnight_us(day), eastern_midnight_us(day + _DAY)


MILLISECONDS: Final = TimeFormat(_span_ms, Span(0, FAR_FUTURE_MS))
"""A day in New York, or milliseconds since 1970. Moments before count as the first one, those after the year 9999 as its last
second.

Numbers that read as a day without its dashes, or as seconds, are refused: they would mean a moment of 1970.
"""

NANOSECONDS: Final = TimeFormat(_span_ns, Span(0, FAR_FUTURE_NS))
"""A day in New York, nanoseconds since 1970, or a moment of RFC 3339 from 1970 on."""

RFC_3339: Final = TimeFormat(
    _span_utc_us, Span((datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND, FAR_FUTURE_S * 10**6)
)
"""A day in UTC, or a moment of RFC 3339. Its spans are in microseconds since 1970."""

PUBLISHED: Final = TimeFormat(_span_published_us, RFC_3339.whole)
"""What RFC_3339 takes, or milliseconds since 1970, which the vendor's Go client sends. Its spans are in microseconds since 1970."""
