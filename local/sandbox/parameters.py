"""The parameters of a request, as the vendor reads them. Each function raises a 400 Refusal for what it cannot read."""

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
_COMPARED: Final = {".gt": gt, ".gte": ge, ".lt": lt, ".lte": le}
_SEAL: Final = 6
_LATEST_MS: Final = 4_102_444_800_000
"""The year 2100."""


def day(text: str, name: str) -> date:
    """A date, YYYY-MM-DD."""
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise bad_request(f"Could not parse the time parameter: '{name}'. Use YYYY-MM-DD or Unix MS Timestamps")


def moment_ms(text: str, name: str, *, end_of_day: bool) -> int:
    """A moment in ms; a date stands for its first or last one in New York."""
    if _MILLISECONDS.fullmatch(text):
        return min(max(int(text), 0), _LATEST_MS)
    found = day(text, name)
    if not date(1970, 1, 2) <= found <= date(2099, 12, 31):
        return 0 if found.year < 2000 else _LATEST_MS  # noqa: PLR2004 - any year between
    if end_of_day:
        return sessions.eastern_midnight_us(found + timedelta(days=1)) // 1000 - 1
    return sessions.eastern_midnight_us(found) // 1000


def whole(text: str, name: str, most: int) -> int:
    """A whole number from 1 to ``most``."""
    if not _WHOLE.fullmatch(text) or not 1 <= int(text) <= most:
        raise bad_request(f"The parameter '{name}' must be a whole number from 1 to {most}")
    return int(text)


def limit(query: Query, usual: int, most: int) -> int:
    """``limit``."""
    return whole(query.get("limit", str(usual)), "limit", most)


def adjusted(query: Query) -> bool:
    """``adjusted``: true unless it says false."""
    text = query.get("adjusted", "true").lower()
    if text not in {"true", "false"}:
        raise bad_request("The parameter 'adjusted' must be true or false")
    return text == "true"


def newest_first(query: Query) -> bool:
    """``sort``: asc unless it says desc."""
    text = query.get("sort", "asc")
    if text not in {"asc", "desc"}:
        raise bad_request("The parameter 'sort' must be asc or desc")
    return text == "desc"


def descending(query: Query, usual: str = "desc") -> bool:
    """``order``."""
    text = query.get("order", usual)
    if text not in {"asc", "desc"}:
        raise bad_request("The parameter 'order' must be asc or desc")
    return text == "desc"


def one_of(query: Query, name: str, known: Collection[str], usual: str) -> str:
    """A parameter with a few possible values."""
    text = query.get(name, usual)
    if text not in known:
        raise bad_request(f"The parameter '{name}' must be one of {', '.join(sorted(known))}")
    return text


def tickers_between(query: Query) -> Callable[[str], bool]:
    """Whether a ticker is one of those that ``ticker``, ``ticker.gt``, .gte, .lt and .lte name."""
    exact = query.get("ticker")
    sides = [(compare, query["ticker" + suffix]) for suffix, compare in _COMPARED.items() if "ticker" + suffix in query]
    return lambda ticker: exact in {None, ticker} and all(compare(ticker, bound) for compare, bound in sides)


def cursor(query: Query) -> str:
    """The parameters of the next page in one opaque word, as the vendor's next_url has it. It cannot be changed."""
    text = urlencode(query).encode()
    return base64.urlsafe_b64encode(blake2b(text, digest_size=_SEAL).digest() + text).decode().rstrip("=")


def of_page(query: Query) -> Query:
    """The parameters of a page: those inside its cursor, where it has one."""
    if "cursor" not in query:
        return query
    word = query["cursor"]
    try:
        sealed = base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True)
        found = dict(parse_qsl(sealed[_SEAL:].decode(), strict_parsing=True))
        if cursor(found) == word:
            return found
    except (binascii.Error, ValueError):
        pass
    raise bad_request("The parameter 'cursor' is not one of ours")
