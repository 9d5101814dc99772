"""Moments as text (RFC 3339, UTC), and days from text.

All moments of one answer have the same number of digits, because a program that reads them as one column (such as pandas) takes
the form of the first one for that of all.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Final

DAY_MS: Final = 86_400_000

FAR_FUTURE_S: Final = 253_402_300_799
"""The last second of the year 9999, the last one that has a date."""

FAR_FUTURE_MS: Final = FAR_FUTURE_S * 1_000
FAR_FUTURE_NS: Final = FAR_FUTURE_S * 10**9

_MOST_DIGITS: Final = 9

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def rfc3339(ns: int) -> str:
    """Write the moment ``ns`` nanoseconds after the epoch. A whole second has no fraction, any other 3, 6 or 9 digits of it."""
    return _written(ns, _digits(ns))


def rfc3339_ns(ns: int) -> str:
    """Write the moment ``ns`` nanoseconds after the epoch with nine digits of the second: the form of all prices' moments."""
    return _written(ns, _MOST_DIGITS)


def rfc3339_all(moments_ns: Iterable[int]) -> list[str]:
    """Write moments (nanoseconds after the epoch) of one answer, with as many digits as ``rfc3339`` gives the one with most."""
    moments = list(moments_ns)
    digits = max(map(_digits, moments), default=0)
    return [_written(ns, digits) for ns in moments]


def rfc3339_ms(ms: int) -> str:
    """Write the moment ``ms`` milliseconds after the epoch in RFC 3339. Bars start at whole seconds, so theirs have no fraction."""
    seconds, fraction = divmod(ms, 1_000)
    return rfc3339(ms * 1_000_000) if fraction else f"{_to_the_second(seconds)}Z"


def _digits(ns: int) -> int:
    """The number of digits of the second (0, 3, 6 or 9) that the moment needs."""
    return next(digits for digits in (0, 3, 6, _MOST_DIGITS) if ns % 10 ** (_MOST_DIGITS - digits) == 0)


def _written(ns: int, digits: int) -> str:
    seconds, fraction = divmod(ns, 1_000_000_000)
    text = _to_the_second(seconds)
    return f"{text}.{fraction // 10 ** (_MOST_DIGITS - digits):0{digits}d}Z" if digits else f"{text}Z"


def _to_the_second(seconds: int) -> str:
    """Write the moment so many seconds after the epoch, without a zone."""
    # ``strftime`` would take three times as long, and an answer may hold thousands of moments.
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()


def day_of(text: str) -> date | None:
    """Read a day written as YYYY-MM-DD. None for any other text, also for other forms of ISO 8601."""
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None
