"""Errors as the caller sees them: RFC 9457 problem details, and on the Polygon-compatible routes Polygon's own bodies."""

import json
from typing import Any, Final, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError

from dekr.errors import (
    DekrError,
    InvalidInput,
    MethodNotAllowed,
    NotServed,
    RateLimited,
    Unauthenticated,
    Unavailable,
)
from dekr.models.common import Shape

MEDIA_TYPE: Final = "application/problem+json"
LONGEST_RETRY_S: Final = 10
"""The longest Retry-After in seconds on compatible routes: Polygon's clients obey it three times before they report the error."""

_POLYGON_STATUSES: Final = {403: ("NOT_AUTHORIZED", "message"), 404: ("NOT_FOUND", "message")}
_UNKNOWN_KEY: Final = ("invalid_api_key", "revoked_api_key")
_RULES: Final = {
    "missing": "is required",
    "extra_forbidden": "is not a field of this body",
    "string_type": "must be text",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
}


class PolygonError(Shape):
    """An error: ``message`` under the statuses NOT_AUTHORIZED and NOT_FOUND, ``error`` under ERROR."""

    status: Literal["ERROR", "NOT_AUTHORIZED", "NOT_FOUND"]
    request_id: str
    error: str | None = None
    message: str | None = None


def problem(error: DekrError, request_id: str, headers: dict[str, str]) -> Response[str]:
    """The response to an error as RFC 9457 problem details; ``headers`` are those that every answer carries."""
    body: dict[str, Any] = {
        "type": f"urn:dekr:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "request_id": request_id,
    }
    if isinstance(error, InvalidInput):
        body["field"] = error.field
    headers = _error_headers(error, headers)
    if isinstance(error, RateLimited | Unavailable):
        headers["Retry-After"] = str(_wait_s(error))
    return Response(error.status, MEDIA_TYPE, json.dumps(body, separators=(",", ":")), headers)


def polygon_problem(error: DekrError, request_id: str, headers: dict[str, str]) -> Response[str]:
    """The response to an error in Polygon's shape: 400 for bad input, ``message`` under 403 and 404, ``error`` under all others and
    for a route that is not served.

    ``headers`` are those that every answer carries. A wait that is longer than LONGEST_RETRY_S is not named, because a client
    would hang in it.
    """
    status = 400 if error.status == InvalidInput.status else error.status
    # A NOT_FOUND would say that there is no such ticker, or no data of it.
    known = {} if isinstance(error, NotServed) else _POLYGON_STATUSES
    text_status, name = known.get(status, ("ERROR", "error"))
    headers = _error_headers(error, headers)
    if isinstance(error, RateLimited | Unavailable) and _wait_s(error) <= LONGEST_RETRY_S:
        headers["Retry-After"] = str(_wait_s(error))
    text = "Unknown API Key" if error.code in _UNKNOWN_KEY else error.detail
    body = json.dumps({"status": text_status, "request_id": request_id, name: text}, separators=(",", ":"))
    return Response(status, "application/json", body, headers)


def _error_headers(error: DekrError, headers: dict[str, str]) -> dict[str, str]:
    """The headers of every answer, and those of an error in whatever shape."""
    headers = {**headers, "Cache-Control": "no-store"}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = _challenge(error)
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allowed)
    return headers


def _challenge(error: Unauthenticated) -> str:
    """The WWW-Authenticate header, which says how to show a credential (RFC 6750)."""
    return 'Bearer realm="dekr"' + (', error="invalid_token"' if error.code == "invalid_token" else "")


def _wait_s(error: RateLimited | Unavailable) -> int:
    return max(1, -int(-error.retry_after_s // 1))


def invalid(error: RequestValidationError) -> InvalidInput:
    """The error of the first rule that the input broke; it names the field as the caller wrote it, and the rule."""
    first = error.errors()[0]
    field = str(first["loc"][-1]) if len(first["loc"]) > 1 else str(first["loc"][0])
    limits = first.get("ctx") or {}
    match first["type"]:
        case "greater_than_equal":
            rule = f"must be at least {limits['ge']}"
        case "less_than_equal":
            rule = f"must be at most {limits['le']}"
        case "enum" | "literal_error":
            rule = f"must be one of {limits['expected']}"
        case "string_pattern_mismatch":
            rule = f"must match {limits['pattern']}"
        case "string_too_long":
            rule = f"must not be longer than {limits['max_length']} characters"
        case "string_too_short":
            rule = "must not be empty"
        case "value_error":
            rule = str(limits["error"])
        case kind:
            rule = _RULES.get(kind, "is not valid")
    return InvalidInput(field, rule)
