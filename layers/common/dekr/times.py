"""Moments as text: RFC 3339 in UTC, with as many digits of the second as the moment has."""

from datetime import UTC, datetime


def rfc3339(ns: int) -> str:
    """The moment ``ns`` nanoseconds after the epoch; whole seconds carry no fraction, others 3, 6 or 9 digits of it."""
    seconds, fraction = divmod(ns, 1_000_000_000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    if fraction == 0:
        return text + "Z"
    if fraction % 1_000_000 == 0:
        return f"{text}.{fraction // 1_000_000:03d}Z"
    if fraction % 1_000 == 0:
        return f"{text}.{fraction // 1_000:06d}Z"
    return f"{text}.{fraction:09d}Z"


def rfc3339_ms(ms: int) -> str:
    """The moment ``ms`` milliseconds after the epoch."""
    return rfc3339(ms * 1_000_000)
