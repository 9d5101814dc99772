"""Errors as the caller sees them: RFC 9457 problem details, one shape for all of them."""

import json
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError

from dekr.errors import DekrError, InvalidInput, RateLimited, Unauthenticated, Unavailable

MEDIA_TYPE = "application/problem+json"
_RULES = {
    "missing": "is required",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
}


def problem(error: DekrError, request_id: str, headers: dict[str, str]) -> Response[str]:
    """The response to an error; ``headers`` are those that every answer carries."""
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
    headers = {**headers, "Cache-Control": "no-store"}
    if isinstance(error, RateLimited | Unavailable):
        headers["Retry-After"] = str(max(1, -int(-error.retry_after_s // 1)))
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="dekr"'
    return Response(error.status, MEDIA_TYPE, json.dumps(body, separators=(",", ":")), headers)


def invalid(error: RequestValidationError) -> InvalidInput:
    """The first rule that the input broke, in words that name the caller's own field."""
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
        case "value_error":
            rule = str(limits["error"])
        case kind:
            rule = _RULES.get(kind, "is not valid")
    return InvalidInput(field, rule)
