"""Moments as text (RFC 3339, UTC, with as many digits of the second as the moment has), and days from text."""

import re
from datetime import UTC, date, datetime
from typing import Final

DAY_MS: Final = 86_400_000

FAR_FUTURE_S: Final = 253_402_300_799
"""The last second of the year 9999, the last one that has a date."""

FAR_FUTURE_MS: Final = FAR_FUTURE_S * 1_000
FAR_FUTURE_NS: Final = FAR_FUTURE_S * 10**9

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def rfc3339(ns: int) -> str:
    """Write the moment ``ns`` nanoseconds after the epoch. A whole second has no fraction, any other 3, 6 or 9 digits of it."""
    seconds, fraction = divmod(ns, 1_000_000_000)
    # ``strftime`` would take three times as long, and an answer may hold thousands of moments.
    text = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()
    if fraction == 0:
        return text + "Z"
    if fraction % 1_000_000 == 0:
        return f"{text}.{fraction // 1_000_000:03d}Z"
    if fraction % 1_000 == 0:
        return f"{text}.{fraction // 1_000:06d}Z"
    return f"{text}.{fraction:09d}Z"


def rfc3339_ms(ms: int) -> str:
    """Write the moment ``ms`` milliseconds after the epoch in RFC 3339."""
    return rfc3339(ms * 1_000_000)


def day_of(text: str) -> date | None:
    """Read a day written as YYYY-MM-DD. None for any other text, also for other forms of ISO 8601."""
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None
