"""Parse the parameters of a request as the vendor does. Each function raises Refusal (400) for a value it cannot parse.

What the vendor takes beside its documentation is what its users' clients rely on: OpenBB's provider sends ``True`` and empty pairs,
the community client ``polygon`` sends limits as they come, and the description of ``/v3/reference/tickers`` itself says that an
empty string is no filter.
"""

import base64
import binascii
import re
from collections.abc import Callable, Collection, Mapping
from datetime import date, timedelta
from hashlib import blake2b
from operator import ge, gt, le, lt
from typing import Final
from urllib.parse import parse_qsl, urlencode

from dekr import sessions
from local.sandbox.wire import bad_request

type Query = Mapping[str, str]

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MILLISECONDS: Final = re.compile(r"-?\d{1,14}", re.ASCII)
_WHOLE: Final = re.compile(r"\d{1,9}", re.ASCII)
_COMPARISONS: Final = {".gt": gt, ".gte": ge, ".lt": lt, ".lte": le}
_SEAL_BYTES: Final = 6
"""Bytes of the digest that makes a cursor tamper-evident."""

_LARGEST_WHOLE: Final = 999_999_999
_LATEST_MS: Final = 4_102_444_800_000
"""The year 2100, in milliseconds since the epoch."""


def day(text: str, name: str) -> date:
    """Parse a date, YYYY-MM-DD. Raises Refusal (400)."""
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise bad_request(f"Could not parse the time parameter: '{name}'. Use YYYY-MM-DD or Unix MS Timestamps")


def moment_ms(text: str, name: str, *, end_of_day: bool) -> int:
    """Parse a moment in milliseconds since the epoch; a date stands for its first or last millisecond in New York.

    The result lies between 1970 and 2100. Raises Refusal (400).
    """
    if _MILLISECONDS.fullmatch(text):
        return min(max(int(text), 0), _LATEST_MS)
    date_ = day(text, name)
    if not date(1970, 1, 2) <= date_ <= date(2099, 12, 31):
        return 0 if date_.year < 2000 else _LATEST_MS  # noqa: PLR2004 - any year between 1970 and 2099 will do
    if end_of_day:
        return sessions.eastern_midnight_us(date_ + timedelta(days=1)) // 1000 - 1
    return sessions.eastern_midnight_us(date_) // 1000


def whole_number(text: str, name: str, maximum: int) -> int:
    """Parse a whole number from 1 to ``maximum``. Raises Refusal (400)."""
    if not _WHOLE.fullmatch(text) or not 1 <= int(text) <= maximum:
        raise bad_request(f"The parameter '{name}' must be a whole number from 1 to {maximum}")
    return int(text)


def limit(query: Query, default: int, maximum: int) -> int:
    """Return the parameter ``limit``; above ``maximum`` it is the maximum. Raises Refusal (400) for anything below 1."""
    return min(whole_number(query.get("limit", str(default)), "limit", _LARGEST_WHOLE), maximum)


def boolean(query: Query, name: str, *, default: bool) -> bool:
    """Return a parameter that is true or false in whatever case. Raises Refusal (400)."""
    text = query.get(name, str(default)).lower()
    if text not in {"true", "false"}:
        raise bad_request(f"The parameter '{name}' must be true or false")
    return text == "true"


def adjusted(query: Query) -> bool:
    """Return the parameter ``adjusted``: true unless it says false. Raises Refusal (400)."""
    return boolean(query, "adjusted", default=True)


def listed(text: str) -> list[str]:
    """Return the items of a comma-separated list, without spaces around them and without empty ones."""
    return [item for item in map(str.strip, text.split(",")) if item]


def newest_first(query: Query) -> bool:
    """Return whether the parameter ``sort`` is desc (default: asc). Raises Refusal (400)."""
    text = query.get("sort", "asc")
    if text not in {"asc", "desc"}:
        raise bad_request("The parameter 'sort' must be asc or desc")
    return text == "desc"


def descending(query: Query, default: str = "desc") -> bool:
    """Return whether the parameter ``order`` is desc. Raises Refusal (400)."""
    text = query.get("order", default)
    if text not in {"asc", "desc"}:
        raise bad_request("The parameter 'order' must be asc or desc")
    return text == "desc"


def choice(query: Query, name: str, known: Collection[str], default: str) -> str:
    """Return a parameter that has a few possible values. Raises Refusal (400) for any other value."""
    text = query.get(name, default)
    if text not in known:
        raise bad_request(f"The parameter '{name}' must be one of {', '.join(sorted(known))}")
    return text


def tickers_between(query: Query) -> Callable[[str], bool]:
    """Return a predicate: whether a ticker satisfies the filters ``ticker``, ``ticker.gt``, .gte, .lt and .lte of the
    query.
    """
    exact = query.get("ticker")
    filters = [
        (compare, query["ticker" + suffix]) for suffix, compare in _COMPARISONS.items() if "ticker" + suffix in query
    ]
    return lambda ticker: exact in {None, ticker} and all(compare(ticker, bound) for compare, bound in filters)


def cursor(query: Query) -> str:
    """Encode the parameters of the next page as one opaque cursor, like the vendor's next_url. A changed cursor is
    detected.
    """
    text = urlencode(query).encode()
    return base64.urlsafe_b64encode(blake2b(text, digest_size=_SEAL_BYTES).digest() + text).decode().rstrip("=")


def resolve_cursor(query: Query) -> Query:
    """Return the parameters of a page: the ones inside its cursor, if it has one. Raises Refusal (400) for a forged
    cursor.
    """
    if "cursor" not in query:
        return query
    text = query["cursor"]
    try:
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        page = dict(parse_qsl(sealed[_SEAL_BYTES:].decode(), strict_parsing=True))
        if cursor(page) == text:
            return page
    except (binascii.Error, ValueError):
        pass
    raise bad_request("The parameter 'cursor' is not one of ours")
