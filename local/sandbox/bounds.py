"""Ranges of time in a request: a name, and the name with .gt, .gte, .lt and .lte. All raise a 400 Refusal."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from local.sandbox import parameters
from local.sandbox.parameters import Query
from local.sandbox.wire import bad_request

type Reader = Callable[[str, str], tuple[int, int]]
"""The first and the last moment that a text stands for: the same one, except where it is a day."""

FOREVER: Final = 1 << 62
_NANOSECONDS: Final = re.compile(r"\d{1,19}", re.ASCII)
_DAY: Final = timedelta(days=1)


def between(query: Query, name: str, read: Reader) -> tuple[int, int]:
    """The first and the last moment of the range, both in it. An empty range has its last before its first."""
    first, last = 0, FOREVER
    for suffix in ("", ".gt", ".gte", ".lt", ".lte"):
        text = query.get(name + suffix)
        if text is None:
            continue
        starts, ends = read(text, name + suffix)
        if suffix in {"", ".gte"}:
            first = max(first, starts)
        if suffix in {"", ".lte"}:
            last = min(last, ends)
        if suffix == ".gt":
            first = max(first, ends + 1)
        if suffix == ".lt":
            last = min(last, starts - 1)
    return first, last


def in_ns(text: str, name: str) -> tuple[int, int]:
    """Nanoseconds, or a day in New York."""
    if _NANOSECONDS.fullmatch(text):
        return int(text), int(text)
    starts, ends = in_ms(parameters.day(text, name).isoformat(), name)
    return starts * 10**6, ends * 10**6 + 999_999


def in_ms(text: str, name: str) -> tuple[int, int]:
    """Milliseconds, or a day in New York."""
    starts = parameters.moment_ms(text, name, end_of_day=False)
    return starts, parameters.moment_ms(text, name, end_of_day=True)


def in_rfc3339(text: str, name: str) -> tuple[int, int]:
    """Microseconds of a moment in RFC 3339, or of a day in UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or (found.tzinfo is None and "T" in text):
        raise bad_request(f"Could not parse the time parameter: '{name}'. Use YYYY-MM-DD or RFC 3339")
    if found.tzinfo is not None:
        return _us(found), _us(found)
    starts = _us(found.replace(tzinfo=UTC))
    return starts, starts + _DAY // timedelta(microseconds=1) - 1


def in_days(text: str, name: str) -> tuple[int, int]:
    """The ordinal of a date."""
    found = parameters.day(text, name).toordinal()
    return found, found


def _us(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
