"""Parse a time range of a request: a parameter, and its variants with .gt, .gte, .lt and .lte. All raise Refusal (400)."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from local.sandbox import parameters
from local.sandbox.parameters import Query
from local.sandbox.wire import bad_request

type Parser = Callable[[str, str], tuple[int, int]]
"""Parses a text (first argument) of the parameter named in the second into the first and the last moment that it stands
for. Both are equal unless the text is a day.
"""

FOREVER: Final = 1 << 62
_NANOSECONDS: Final = re.compile(r"\d{1,19}", re.ASCII)
_MILLISECONDS: Final = re.compile(r"\d{12,15}", re.ASCII)
_DAY: Final = timedelta(days=1)


def between(query: Query, name: str, parse: Parser) -> tuple[int, int]:
    """Return the first and the last moment of the range, both inclusive.

    An empty range has its last moment before its first. Raises Refusal (400).
    """
    first, last = 0, FOREVER
    for suffix in ("", ".gt", ".gte", ".lt", ".lte"):
        text = query.get(name + suffix)
        if text is None:
            continue
        first_moment, last_moment = parse(text, name + suffix)
        if suffix in {"", ".gte"}:
            first = max(first, first_moment)
        if suffix in {"", ".lte"}:
            last = min(last, last_moment)
        if suffix == ".gt":
            first = max(first, last_moment + 1)
        if suffix == ".lt":
            last = min(last, first_moment - 1)
    return first, last


def in_ns(text: str, name: str) -> tuple[int, int]:
    """Parse nanoseconds since the epoch, a moment in RFC 3339 (to the microsecond), or a day in New York. Return the first and
    last nanosecond. Raises Refusal (400).
    """
    if _NANOSECONDS.fullmatch(text):
        return int(text), int(text)
    if "T" in text:
        moment_us, _ = in_rfc3339(text, name)
        return moment_us * 1_000, moment_us * 1_000
    first_moment, last_moment = in_ms(parameters.day(text, name).isoformat(), name)
    return first_moment * 10**6, last_moment * 10**6 + 999_999


def in_ms(text: str, name: str) -> tuple[int, int]:
    """Parse milliseconds since the epoch, or a day in New York. Return the first and last millisecond. Raises Refusal
    (400).
    """
    first_moment = parameters.moment_ms(text, name, end_of_day=False)
    return first_moment, parameters.moment_ms(text, name, end_of_day=True)


def in_rfc3339(text: str, name: str) -> tuple[int, int]:
    """Parse a moment in RFC 3339, a day in UTC, or milliseconds since the epoch, which the vendor's Go client sends (its
    ``ListTickerNewsParams`` has ``Millis``). Return the first and last microsecond. Raises Refusal (400).
    """
    if _MILLISECONDS.fullmatch(text):
        return int(text) * 1_000, int(text) * 1_000
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or (moment.tzinfo is None and "T" in text):
        raise bad_request(f"Could not parse the time parameter: '{name}'. Use YYYY-MM-DD or RFC 3339")
    if moment.tzinfo is not None:
        return _us(moment), _us(moment)
    first_moment = _us(moment.replace(tzinfo=UTC))
    return first_moment, first_moment + _DAY // timedelta(microseconds=1) - 1


def in_days(text: str, name: str) -> tuple[int, int]:
    """Parse a date. Return its ordinal twice, as first and last day. Raises Refusal (400)."""
    ordinal = parameters.day(text, name).toordinal()
    return ordinal, ordinal


def _us(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
