"""One request while it is answered: what came, what is known of it, and what every answer to it carries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final, Protocol

from dekr import sessions
from dekr.access.limits import Admission
from dekr.access.principal import Principal
from dekr.deadline import Deadline
from dekr.http.edge.headers import freshness_headers
from dekr.market.read.context import Outcome, ReadContext

LONGEST_S: Final = 29.0
MARGIN_S: Final = 0.5
"""API Gateway waits 30 s for HTTP APIs; a function keeps this much of its own time to answer."""

POLYGON_PATHS: Final = ("/v1/", "/v2/", "/v3/")


class Context(Protocol):
    """What is used of Lambda's context."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""
        ...


@dataclass(slots=True)
class RequestState:
    """One request. ``route`` is the key of the route that API Gateway chose, ``origin`` the address that the caller used.

    ``packed``: a compressed body that takes the place of the response's own.
    """

    method: str
    headers: Mapping[str, str]
    path: str
    origin: str
    query: dict[str, str]
    address: str
    request_id: str
    route: str
    deadline: Deadline
    principal: Principal | None = None
    context: ReadContext | None = None
    packed: bytes | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, event: Mapping[str, Any], context: Context) -> "RequestState":
        """The request in an HTTP API event (payload 2.0); its query is not parsed yet."""
        request = event["requestContext"]
        left_s = context.get_remaining_time_in_millis() / 1000
        headers = event.get("headers") or {}
        scheme = "http" if headers.get("x-forwarded-proto") == "http" else "https"
        return cls(
            method=request["http"]["method"],
            headers=headers,
            path=event["rawPath"],
            origin=f"{scheme}://{headers.get('host', '')}",
            query={},
            address=request["http"].get("sourceIp", ""),
            request_id=request.get("requestId") or context.aws_request_id,
            route=event.get("routeKey", ""),
            deadline=Deadline.after(min(LONGEST_S, left_s) - MARGIN_S),
        )

    @property
    def as_polygon(self) -> bool:
        """Whether the path is one of Polygon's."""
        return self.path.startswith(POLYGON_PATHS)

    def headers_of_any(self, admission: Admission | None) -> dict[str, str]:
        """The headers of every answer, errors included: which request it was, and the limits where they are known."""
        headers = admission.headers() if admission else {}
        headers["X-Request-Id"] = self.request_id
        return headers

    def headers_of_answer(self) -> dict[str, str]:
        """The headers of an answer that is none of an error: those, and how fresh it is."""
        context = self.context
        headers = self.headers_of_any(context.admission if context else None)
        headers |= (
            freshness_headers(context) if context is not None and context.stamp_us else {"Cache-Control": "no-store"}
        )
        headers["Vary"] = "Accept-Encoding"
        return headers

    def again(self, next_path: str) -> str:
        """The path and query of a next page, asked for in the same form and at the same tier."""
        return next_path + "".join(f"&{name}={self.query[name]}" for name in ("format", "tier") if name in self.query)

    def has(self, headers: dict[str, str], body: str | bytes) -> bool:
        """Whether the caller of a GET has this body already, or any (``*``, RFC 9110); sets its ETag among the headers."""
        raw = body.encode() if isinstance(body, str) else body
        etag = headers["ETag"] = f'"{blake2b(raw, digest_size=12).hexdigest()}"'
        known = self.headers.get("if-none-match", "")
        return self.method == "GET" and (etag in known or known == "*")

    def line(self, status: int, seconds: float) -> dict[str, Any]:
        """The facts of the request's log line, once it is answered with this status after so many seconds."""
        facts, context = self.facts, self.context
        facts["request_id"] = self.request_id
        facts["route"] = self.route
        facts["status"] = status
        facts["requests"] = 1
        facts["errors"] = int(status >= 500)  # noqa: PLR2004 - a server's error
        facts["duration_ms"] = round(seconds * 1000, 3)
        if self.principal is not None:
            facts["user"] = self.principal.user_id
        facts.setdefault("tier", "none")
        if context is not None:
            if context.now_us and not sessions.at(context.now_us).known:
                facts["calendar_unknown"] = 1
            facts["outcome"] = context.outcome
            facts["hits"] = int(context.outcome is Outcome.HIT and status < 400)  # noqa: PLR2004 - an answer
            facts["stale"] = int(context.outcome is Outcome.STALE)
            facts["age_s"] = context.age_s if context.stamp_us else None
            facts["upstream_calls"] = context.upstream_calls
            facts["upstream_ms"] = round(context.upstream_s * 1000, 3)
        return facts
