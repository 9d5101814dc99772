"""Finds the credential of a request: in ``X-Api-Key``, ``Authorization: Bearer`` or, as Polygon's clients send it, ``?apiKey=``.

A token is accepted as Bearer only: URLs are logged on their way, and whoever reads a token can use it.
"""

from collections.abc import Mapping
from typing import Final

from dekr.errors import Unauthenticated

QUERY_NAME: Final = "apiKey"
_BEARER: Final = "bearer "


def find_credential(headers: Mapping[str, str], query: Mapping[str, str]) -> str:
    """Return the credential of a request. ``headers`` has its names in lower case.

    Raises Unauthenticated for none or several, and for a token in another place than the Authorization header.
    """
    found: set[str] = set()
    for elsewhere in (headers.get("x-api-key"), query.get(QUERY_NAME)):
        if elsewhere:
            if is_token(elsewhere):
                raise Unauthenticated(
                    "A token goes into the Authorization header: Bearer <token>; other places take API keys only.",
                    code="invalid_token",
                )
            found.add(elsewhere)
    if bearer := _bearer(headers):
        found.add(bearer)
    if not found:
        raise Unauthenticated(
            "Send an API key in the X-Api-Key header, as a Bearer token or as ?apiKey=.", code="missing_api_key"
        )
    if len(found) > 1:
        raise Unauthenticated(
            "The request carries different API keys in different places.", code="conflicting_api_keys"
        )
    return found.pop()


def is_token(credential: str) -> bool:
    """Whether this looks like a signed token: three parts with dots between. An API key has no dot."""
    return credential.count(".") == 2 and not credential.startswith("dk_")  # noqa: PLR2004 - two dots separate the three parts of a token


def _bearer(headers: Mapping[str, str]) -> str | None:
    value = headers.get("authorization")
    if value is None:
        return None
    token = value[len(_BEARER) :].strip()
    if not value.lower().startswith(_BEARER) or not token:
        raise Unauthenticated("The Authorization header must be: Bearer <API key>, or Bearer <token>.")
    return token
