"""The rules for the body of a request that hold on every route that takes one."""

import json
from base64 import b64decode
from typing import Any, Final

from dekr.errors import BodyTooLarge, NotJson, WrongMediaType

LARGEST_BYTES: Final = 65_536


def check(event: dict[str, Any]) -> None:
    """Raise InvalidInput unless the body of a POST is JSON of at most LARGEST_BYTES bytes; other methods have none.

    The event's content type is replaced by the spelling that the resolver expects: it compares capitals, too.
    """
    if event["requestContext"]["http"]["method"] != "POST":
        return
    text = event.get("body") or ""
    if len(text) > LARGEST_BYTES * 2:
        raise BodyTooLarge("body", f"must not be longer than {LARGEST_BYTES} bytes")
    media_type = (event.get("headers") or {}).get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/json":
        raise WrongMediaType("Content-Type", "must be application/json")
    try:
        raw = b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
        if len(raw) > LARGEST_BYTES:
            raise BodyTooLarge("body", f"must not be longer than {LARGEST_BYTES} bytes")
        json.loads(raw.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError):
        # The caller's mistake; the cause is left out, because it quotes what was sent.
        raise NotJson("body", "must be JSON in UTF-8") from None
    event["headers"]["content-type"] = "application/json"


def _no_number(constant: str) -> None:
    """Raise ValueError for NaN or Infinity, which Python would read: they are no JSON (RFC 8259)."""
    raise ValueError(constant)
