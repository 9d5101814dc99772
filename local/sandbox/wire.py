"""Numbers, bars and errors in the vendor's format."""

from collections.abc import Iterable
from typing import Any, Final

from local.sandbox.span import DOLLAR, Span

type Json = dict[str, Any]

UPGRADE: Final = "Please upgrade your plan at https://massive.com/pricing"
TOO_MANY_REQUESTS: Final = (
    "You've exceeded the maximum requests per minute, please wait or upgrade your subscription to continue. "
    "https://massive.com/pricing"
)


class Refusal(Exception):
    """An error answer of the vendor: its HTTP status, and its JSON body without the request's id."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


def bad_request(error: str) -> Refusal:
    """Return the 400 answer with this text as its ``error``."""
    return Refusal(400, {"status": "ERROR", "error": error})


def unknown_key() -> Refusal:
    """Return the 401 answer to an unknown API key."""
    return Refusal(401, {"status": "ERROR", "error": "Unknown API Key"})


def not_entitled() -> Refusal:
    """Return the 403 answer to a plan that lacks the data. The vendor puts its text into ``message``, not ``error``."""
    return Refusal(403, {"status": "NOT_AUTHORIZED", "message": f"You are not entitled to this data. {UPGRADE}"})


def not_found() -> Refusal:
    """Return the 404 answer with a body: the route exists, but the ticker does not."""
    return Refusal(404, {"status": "NOT_FOUND", "message": "Data not found."})


def too_many_requests() -> Refusal:
    """Return the 429 answer."""
    return Refusal(429, {"status": "ERROR", "error": TOO_MANY_REQUESTS})


def number(price: int) -> float:
    """Convert a price from ten-thousandths of a dollar to dollars. Like the vendor's, it is an integer if it is whole."""
    return price // DOLLAR if price % DOLLAR == 0 else price / DOLLAR


def bar(span: Span, fields: Iterable[str] = ("v", "vw", "o", "c", "h", "l", "n")) -> Json:
    """Return these fields of a bar, in this order: volume v, average price vw, open, close, high, low, and trades n."""
    values = {
        "v": span.volume,
        "vw": number((2 * span.turnover + span.volume) // (2 * span.volume)),
        "o": number(span.open),
        "c": number(span.close),
        "h": number(span.high),
        "l": number(span.low),
        "n": span.trades,
    }
    return {name: values[name] for name in fields}


def no_bar(fields: Iterable[str]) -> Json:
    """Return a bar of zeros, as snapshots have it before the first trade of a day."""
    return dict.fromkeys(fields, 0)
