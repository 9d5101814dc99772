"""Rules for the body of a request that hold on every route that takes one."""

import json
from base64 import b64decode
from typing import Any, Final

from dekr.errors import BodyTooLarge, NotJson, WrongMediaType

LARGEST: Final = 65_536


def check(event: dict[str, Any]) -> None:
    """Raise InvalidInput unless the event's body, where its method has one, is JSON of a sane size.

    The event's type is written as the resolver knows it: it compares capitals, too.
    """
    if event["requestContext"]["http"]["method"] != "POST":
        return
    text = event.get("body") or ""
    if len(text) > LARGEST * 2:
        raise BodyTooLarge("body", f"must not be longer than {LARGEST} bytes")
    media_type = (event.get("headers") or {}).get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/json":
        raise WrongMediaType("Content-Type", "must be application/json")
    try:
        raw = b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
        if len(raw) > LARGEST:
            raise BodyTooLarge("body", f"must not be longer than {LARGEST} bytes")
        json.loads(raw.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise NotJson("body", "must be JSON in UTF-8") from None
    event["headers"]["content-type"] = "application/json"


def _no_number(word: str) -> None:
    """NaN and Infinity, which Python would read, are no JSON (RFC 8259). Raises ValueError."""
    raise ValueError(word)
