"""Numbers, bars and errors as the vendor writes them."""

from collections.abc import Iterable
from typing import Any, Final

from local.sandbox.span import DOLLAR, Span

type Json = dict[str, Any]

UPGRADE: Final = "Please upgrade your plan at https://massive.com/pricing"
TOO_MANY: Final = (
    "You've exceeded the maximum requests per minute, please wait or upgrade your subscription to continue. "
    "https://massive.com/pricing"
)


class Refusal(Exception):
    """An error answer of the vendor: its HTTP status, and its body without the request's id."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


def bad_request(error: str) -> Refusal:
    """400."""
    return Refusal(400, {"status": "ERROR", "error": error})


def unknown_key() -> Refusal:
    """401."""
    return Refusal(401, {"status": "ERROR", "error": "Unknown API Key"})


def not_entitled() -> Refusal:
    """403: its sentence is in ``message``."""
    return Refusal(403, {"status": "NOT_AUTHORIZED", "message": f"You are not entitled to this data. {UPGRADE}"})


def not_found() -> Refusal:
    """404 with a body: the route exists, and the ticker does not."""
    return Refusal(404, {"status": "NOT_FOUND", "message": "Data not found."})


def too_many() -> Refusal:
    """429."""
    return Refusal(429, {"status": "ERROR", "error": TOO_MANY})


def number(price: int) -> float:
    """A price in dollars; like the vendor's, an integer where it is whole."""
    return price // DOLLAR if price % DOLLAR == 0 else price / DOLLAR


def bar(span: Span, fields: Iterable[str] = ("v", "vw", "o", "c", "h", "l", "n")) -> Json:
    """The fields of a bar, in that order."""
    found = {
        "v": span.volume,
        "vw": number((2 * span.turnover + span.volume) // (2 * span.volume)),
        "o": number(span.open),
        "c": number(span.close),
        "h": number(span.high),
        "l": number(span.low),
        "n": span.trades,
    }
    return {name: found[name] for name in fields}


def no_bar(fields: Iterable[str]) -> Json:
    """A bar without trading, as snapshots have it before the first trade of a day."""
    return dict.fromkeys(fields, 0)
