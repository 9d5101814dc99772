"""The parts of the document that all routes share: authentication, and the headers and errors that the edge sets."""

import json
from typing import Any, Final

from dekr.access.credentials import QUERY_NAME
from dekr.errors import (
    BodyTooLarge,
    DeadlineExceeded,
    DekrError,
    InvalidInput,
    NotJson,
    RateLimited,
    RoleRequired,
    Unauthenticated,
    UnknownSymbol,
    UpstreamDown,
    UpstreamInvalid,
    WrongMediaType,
)
from dekr.http.edge.problems import polygon_problem, problem

REQUEST_ID: Final = "8f3b1c6e-example"

INFO: Final = """\
US stock market data by tier: bars, quotes, trades, snapshots, indicators and news, cached, and never older than the \
caller's tier allows.

Every route but the open ones needs an API key or a token: in the `X-Api-Key` header, as `Authorization: Bearer`, or as \
Polygon's `apiKey` in the query. A key of a Dekr module may name the user it asks for in `X-Dekr-User`.

Errors are problem details (RFC 9457). The routes under `/v1`, `/v2` and `/v3` are Polygon's, in Polygon's shapes and with \
Polygon's errors, so that its official clients work with this host. All routes share one cache."""

TAGS: Final = {
    "Market data": "What Dekr's own applications ask for.",
    "Polygon-compatible": "Polygon's routes and shapes, for its official clients.",
    "Service": "The service itself.",
}

SECURITY: Final = {
    "ApiKeyHeader": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "A Dekr API key."},
    "Bearer": {"type": "http", "scheme": "bearer", "description": "A Dekr API key or token (JWT)."},
    "ApiKeyQuery": {"type": "apiKey", "in": "query", "name": QUERY_NAME, "description": "A Dekr API key."},
}


def _text(description: str, example: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}, "example": example}


def _number(description: str, example: int) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "integer", "minimum": 0}, "example": example}


HEADERS: Final[dict[str, dict[str, Any]]] = {
    "Age": _number("How old the data is, in seconds, since its fetch started.", 12),
    "Cache-Control": _text("How long the answer stays fresh for this caller.", "private, max-age=18"),
    "Cache-Status": _text("What the cache did (RFC 9211).", "dekr; hit; ttl=18"),
    "ETag": _text("Sent back in If-None-Match, it gets 304 while nothing has changed.", '"3a7bd3e2360a3d29eea436fc"'),
    "Link": _text('The next page, under rel="next".', '</news?cursor=abc>; rel="next"'),
    "RateLimit": _text(
        "What is left of the caller's limits (draft-ietf-httpapi-ratelimit-headers).", '"minute";r=28;t=2'
    ),
    "RateLimit-Policy": _text("The caller's limits, in the same draft's form.", '"minute";q=30;w=60'),
    "Retry-After": _number("Seconds after which to ask again.", 2),
    "WWW-Authenticate": _text("How to show a key (RFC 6750).", 'Bearer realm="dekr"'),
    "X-Content-Type-Options": _text("The answer is of the type that it says, and of no other.", "nosniff"),
    "X-Data-Source": _text(
        "Where the data came from: nbbo, trade, snapshot, stream, minute_bar, previous_close, aggregates, derived (bars made of "
        "others), news, reference or calendar; mixed where it came from several.",
        "nbbo",
    ),
    "X-Data-Timeframe": _text("realtime or delayed, as upstream labelled it.", "realtime"),
    "X-Data-Warning": _text(
        "Set when the data is older than the tier allows, because upstream fails (stale), lacks items that upstream sent broken "
        "(partial; dropped=1), or has prices that can hardly be true, as upstream sent them (suspect; items=1).",
        'stale; age=95; reason="upstream_unavailable"',
    ),
    "X-Request-Id": _text("The request's id in our logs.", REQUEST_ID),
}

COMMON_HEADERS: Final = ("X-Content-Type-Options", "X-Request-Id")
"""Headers of every answer."""

LIMIT_HEADERS: Final = ("RateLimit", "RateLimit-Policy")
"""Headers about the caller's rate limits."""

DATA_HEADERS: Final = (
    "Age",
    "Cache-Control",
    "Cache-Status",
    "ETag",
    *LIMIT_HEADERS,
    "X-Data-Source",
    "X-Data-Timeframe",
    "X-Data-Warning",
    *COMMON_HEADERS,
)
"""Headers of a successful answer with data."""

ERROR_HEADERS: Final = {
    401: ("WWW-Authenticate",),
    429: (*LIMIT_HEADERS, "Retry-After"),
    503: (*LIMIT_HEADERS, "Retry-After"),
}
"""Headers of an error in addition to those of every answer, by status."""


BODY_ERRORS: Final = {
    400: "The body is not JSON.",
    413: "The body is too long.",
    415: "The body's type is not one that the route takes.",
}

_EXAMPLES: Final[tuple[DekrError, ...]] = (
    InvalidInput("limit", "must be at least 1"),
    NotJson("body", "must be JSON in UTF-8"),
    Unauthenticated("The API key is not known."),
    RoleRequired("This needs an admin key."),
    UnknownSymbol("There is no such ticker."),
    BodyTooLarge("body", "must not be longer than 65536 bytes"),
    WrongMediaType("Content-Type", "must be application/json"),
    RateLimited("Too many requests.", retry_after_s=2),
    UpstreamInvalid("The data provider's answer cannot be used."),
    UpstreamDown("The data provider does not answer.", retry_after_s=5),
    DeadlineExceeded("It took too long."),
)


def error_example(status: int, *, polygon: bool) -> Any:
    """Return the body of an error with this status, as the edge writes it. Raises StopIteration if no error has that
    status.
    """
    write = polygon_problem if polygon else problem
    answers = (write(error, REQUEST_ID, {}) for error in _EXAMPLES)
    return next(json.loads(answer.body or "") for answer in answers if answer.status_code == status)
