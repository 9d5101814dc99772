"""The headers of answers that say where the data came from and how fresh they are, and the compression of bodies."""

import gzip
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

from aws_lambda_powertools.event_handler import Response

from dekr.http.edge.accept import weights
from dekr.market.read.context import Outcome, ReadContext

GZIP_FROM: Final = 1_024
GZIP_LEVEL: Final = 5


def freshness_headers(context: ReadContext) -> dict[str, str]:
    """The headers Age, Cache-Control and Cache-Status (RFC 9211), and the labels of the data's time frame and staleness."""
    left_s = 0 if context.failure is not None else max(0, (context.fresh_until_us - context.now_us) // 1_000_000)
    headers = {
        "Age": str(context.age_s),
        "Cache-Control": f"private, max-age={left_s}",
        "Cache-Status": f"dekr; {_STATUS[context.outcome]}",
        "X-Data-Timeframe": "delayed" if context.delayed else "realtime",
    }
    if context.outcome is Outcome.HIT:
        headers["Cache-Status"] += f"; ttl={left_s}"
    if context.failure is not None:
        headers["Cache-Status"] += f"; detail={context.failure.code}"
    if context.outcome is Outcome.STALE or any(context.flaws):
        headers["X-Data-Warning"] = ", ".join(_warnings(context))
    return headers


def _warnings(context: ReadContext) -> list[str]:
    """The members of X-Data-Warning, joined by commas: that the data is stale, lacks items, has prices that can hardly be true."""
    warnings = []
    if context.outcome is Outcome.STALE:
        code = context.failure.code if context.failure else ""
        warnings.append(f'stale; age={context.age_s}; reason="{code}"')
    dropped, suspect = context.flaws
    if dropped:
        warnings.append(f"partial; dropped={dropped}")
    if suspect:
        warnings.append(f"suspect; items={suspect}")
    return warnings


_STATUS: Final = {
    Outcome.HIT: "hit",
    Outcome.MISS: "fwd=miss; stored",
    Outcome.COLLAPSED: "fwd=miss; collapsed",
    Outcome.STALE: "fwd=stale",
    Outcome.PARTIAL: "fwd=miss",
}


def as_event(response: Response[str]) -> dict[str, Any]:
    """A response in the form that API Gateway takes (payload 2.0)."""
    return {
        "statusCode": response.status_code,
        "headers": response.headers,
        "body": response.body,
        "isBase64Encoded": False,
        "cookies": [],
    }


def compress(answer: dict[str, Any], headers: Mapping[str, str]) -> None:
    """Compress an answer's body in place where ``is_compressed`` says so. ``headers``: the request's, names in lower case."""
    body = answer["body"]
    if answer["isBase64Encoded"] or not is_compressed(body, headers):
        return
    packed = gzip.compress(body.encode(), GZIP_LEVEL, mtime=0)
    answer["body"] = b64encode(packed).decode()
    answer["isBase64Encoded"] = True
    answer["headers"]["Content-Encoding"] = "gzip"


def is_compressed(body: str, headers: Mapping[str, str]) -> bool:
    """Whether this body is sent compressed to the sender of these headers: it has GZIP_FROM characters or more, and they accept
    gzip.
    """
    return len(body) >= GZIP_FROM and accepts_gzip(headers)


def accepts_gzip(headers: Mapping[str, str]) -> bool:
    """Whether the header Accept-Encoding among these (names in lower case) takes gzip."""
    found = weights(headers.get("accept-encoding", ""))
    return found.get("gzip", found.get("*", 0)) > 0
