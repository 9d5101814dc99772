"""The state of one request while it is answered, and the headers and log facts that follow from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final, Protocol

from dekr import sessions
from dekr.access.limits import Admission
from dekr.access.principal import Principal
from dekr.deadline import Deadline
from dekr.errors import DekrError
from dekr.http.edge.addresses import normal
from dekr.http.edge.diagnosis import Diagnosis
from dekr.http.edge.headers import freshness_headers
from dekr.market.read.context import Outcome, ReadContext
from dekr.passed_over import Failure
from dekr.symbols import Ticker

LONGEST_S: Final = 29.0
MARGIN_S: Final = 0.5
"""API Gateway waits 30 s for HTTP APIs; a function keeps this much of its own time to answer."""

POLYGON_PATHS: Final = (
    "/v1/",
    "/v2/",
    "/v3/",
    "/vX/",
    "/benzinga/",
    "/consumer-spending/",
    "/etf-global/",
    "/fed/",
    "/futures/",
    "/stocks/",
    "/tmx/",
)
"""The beginnings of Polygon's addresses, those that are not served included: its clients understand its own errors only. They are
the ones that its Python client requests (massive 2.9, ``massive/rest``).
"""

_NOTHING_READ: Final = dict.fromkeys(("hits", "stale", "upstream_calls", "upstream_ms", "calendar_unknown"), 0)
"""The metrics of a request that did not get as far as to read anything."""


class LambdaContext(Protocol):
    """The part of Lambda's context object that the service uses."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""
        ...


@dataclass(slots=True, eq=False)
class RequestState:
    """The state of one request.

    ``path``: its address in the normal form. ``route``: the method and the path of the route that API Gateway chose, such as
    ``GET /quote/{symbol}``; ``$default`` where it has none. ``host``: the name by which API Gateway was called, its own or a custom
    domain. API Gateway refuses any other, so that, unlike a header, a caller cannot make it up (``$context.domainName`` in
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html);
    empty where the event has none. ``received_ms``: when API Gateway received it (0: it does not say). ``address``: the
    caller's IP address. ``context``: what the services know and report of it, once the route has begun to read. ``error``: the
    error that it is answered with. ``refusal``: the caller's limits after a refused request was charged. ``gzipped_body``: a
    compressed body that takes the place of the response's own. ``symbol``: the ticker in the path, unchecked. ``facts``: those
    of its log line so far.
    """

    method: str
    headers: Mapping[str, str]
    path: str
    host: str
    query: dict[str, str]
    address: str
    request_id: str
    route: str
    deadline: Deadline
    received_ms: int
    principal: Principal | None = None
    context: ReadContext | None = None
    error: DekrError | None = None
    refusal: Admission | None = None
    gzipped_body: bytes | None = None
    symbol: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_event(cls, event: Mapping[str, Any], context: LambdaContext) -> "RequestState":
        """Read the request in an HTTP API event (payload 2.0); its query is not parsed yet."""
        request = event["requestContext"]
        method = request["http"]["method"]
        left_s = context.get_remaining_time_in_millis() / 1000
        headers = event.get("headers") or {}
        key = event.get("routeKey", "")
        return cls(
            method=method,
            headers=headers,
            path=normal(event["rawPath"]),
            host=request.get("domainName") or "",
            query={},
            address=request["http"].get("sourceIp", ""),
            request_id=request.get("requestId") or context.aws_request_id,
            route=method + key[3:] if key.startswith("ANY ") else key,
            deadline=Deadline.after(min(LONGEST_S, left_s) - MARGIN_S),
            received_ms=request.get("timeEpoch") or 0,
            symbol=(event.get("pathParameters") or {}).get("symbol", ""),
        )

    @property
    def origin(self) -> str:
        """The scheme and host of the API, as far as the event tells the host, else empty."""
        return f"https://{self.host}" if self.host else ""

    @property
    def as_polygon(self) -> bool:
        """Whether the path is one of Polygon's, whose errors have Polygon's shape."""
        return self.path.startswith(POLYGON_PATHS)

    def common_headers(self, admission: Admission | None) -> dict[str, str]:
        """The headers of every answer, errors included: the request's id, that a browser must not guess at its type, and the state
        of the limits where that is known.
        """
        headers = admission.headers() if admission else {}
        headers["X-Request-Id"] = self.request_id
        headers["X-Content-Type-Options"] = "nosniff"
        return headers

    def answer_headers(self) -> dict[str, str]:
        """The headers of every answer that is no error: the common ones, the data's source, and the labels of freshness."""
        context = self.context
        headers = self.common_headers(context.admission if context else None)
        headers |= (
            freshness_headers(context) if context is not None and context.stamp_us else {"Cache-Control": "no-store"}
        )
        if context is not None and context.source is not None:
            headers["X-Data-Source"] = context.source
        headers["Vary"] = "Accept-Encoding"
        return headers

    def with_form_and_tier(self, next_path: str) -> str:
        """A next page's path and query, with the ``format`` and ``tier`` of this request added."""
        return next_path + "".join(f"&{name}={self.query[name]}" for name in ("format", "tier") if name in self.query)

    def add_etag(self, headers: dict[str, str], compared: str | bytes, *, compressed: bool) -> bool:
        """Add the answer's ETag to the headers; return whether the caller of a GET or HEAD says that it has this answer already,
        or accepts any (``If-None-Match: *``).

        ``compared``: the part of the body that tells whether it has changed. The ETag of a body that is sent ``compressed`` differs
        from that of the plain one, as RFC 9110 demands (section 8.8.3.3). A caller who has either has the answer, and is told
        the ETag of the one that it has.
        """
        digest = blake2b(compared.encode() if isinstance(compared, str) else compared, digest_size=12).hexdigest()
        plain, packed = f'"{digest}"', f'"{digest}-gzip"'
        headers["ETag"] = packed if compressed else plain
        known = self.headers.get("if-none-match")
        if not known or self.method not in ("GET", "HEAD"):
            return False
        held = next((tag for tag in (headers["ETag"], plain, packed) if tag in known), None)
        if held is not None:
            headers["ETag"] = held
        return held is not None or known == "*"

    def log_facts(self, status: int, seconds: float) -> dict[str, Any]:
        """The facts of the request's log line, all metrics among them, once it is answered with this status after so many
        seconds.
        """
        facts, context = self.facts, self.context
        facts["request_id"] = self.request_id
        facts["route"] = self.route
        # Text that is no ticker may be anything, a key included.
        if self.symbol and (ticker := Ticker.found(self.symbol)) is not None:
            facts["ticker"] = ticker.text
        facts["status"] = status
        facts["requests"] = 1
        facts["errors"] = int(status >= 500)  # noqa: PLR2004 - a server's error
        facts["duration_ms"] = round(seconds * 1000, 3)
        facts.setdefault("tier", "none")
        if self.principal is not None:
            facts["user"] = self.principal.user_id
        if context is None:
            return facts | _NOTHING_READ
        facts["outcome"] = context.outcome
        facts["hits"] = int(context.outcome is Outcome.HIT and status < 400)  # noqa: PLR2004 - an answer
        facts["stale"] = int(context.outcome is Outcome.STALE)
        facts["age_s"] = context.age_s if context.stamp_us else None
        facts["upstream_calls"] = context.upstream_calls
        facts["upstream_ms"] = round(context.upstream_s * 1000, 3)
        facts["calendar_unknown"] = int(context.now_us > 0 and not sessions.at(context.now_us).known)
        if any(context.flaws):
            facts |= {name: count for name, count in context.flaws._asdict().items() if count}
        return facts

    def diagnosis(self, failures: Sequence[Failure]) -> Diagnosis | None:
        """The causes of the answer, given the failures that it went on without; None where nothing happened that needs any."""
        context = self.context
        if context is None:
            return Diagnosis(self.error, failures=failures) if self.error is not None or failures else None
        if self.error is None and not failures and context.failure is None and not context.attempts:
            return None
        return Diagnosis(self.error, context.failure, context.attempts, failures)
