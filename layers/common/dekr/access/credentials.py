"""Where a request carries its credential: ``X-Api-Key``, ``Authorization: Bearer`` or, as Polygon has it, ``?apiKey=``."""

from collections.abc import Mapping
from typing import Final

from dekr.errors import Unauthenticated

QUERY_NAME: Final = "apiKey"
_BEARER: Final = "bearer "


def find_credential(headers: Mapping[str, str], query: Mapping[str, str]) -> str:
    """The one credential of a request (header names in lower case). Raises Unauthenticated for none or several."""
    found = {place for place in (headers.get("x-api-key"), _bearer(headers), query.get(QUERY_NAME)) if place}
    if not found:
        raise Unauthenticated(
            "Send an API key in the X-Api-Key header, as a Bearer token or as ?apiKey=.", code="missing_api_key"
        )
    if len(found) > 1:
        raise Unauthenticated(
            "The request carries different API keys in different places.", code="conflicting_api_keys"
        )
    return found.pop()


def _bearer(headers: Mapping[str, str]) -> str | None:
    value = headers.get("authorization")
    if value is None:
        return None
    token = value[len(_BEARER) :].strip()
    if not value.lower().startswith(_BEARER) or not token:
        raise Unauthenticated("The Authorization header must be: Bearer <API key>.")
    return token
