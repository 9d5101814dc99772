"""The edge: one object per function that turns events into answers.

In order: the raw query's rules, who is asking, the route's own validation (Powertools), the service, the headers. Every
request ends in one line of log, whatever happened. Nothing is done at import but registering routes; the services are
made on the first request.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final, Protocol

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError

from dekr import sessions
from dekr.access.credentials import QUERY_NAME, find_credential
from dekr.access.limits import Admission, Refused
from dekr.access.principal import Principal
from dekr.deadline import Deadline
from dekr.errors import DekrError, InvalidInput, NotFound
from dekr.http import query
from dekr.http.problems import invalid, problem
from dekr.http.record import RequestLine
from dekr.http.response import as_event, compress, freshness_headers
from dekr.market.ask import Ask, Outcome
from dekr.symbols import RULE as TICKER_RULE
from dekr.wiring import Services, services

LONGEST_S: Final = 29.0
MARGIN_S: Final = 0.3
"""API Gateway waits 30 s for HTTP APIs; a function keeps this much of its own time to answer."""


class Context(Protocol):
    """What is used of Lambda's context."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""
        ...


@dataclass(slots=True)
class Exchange:
    """One request while it is answered."""

    headers: Mapping[str, str]
    query: dict[str, str]
    address: str
    request_id: str
    route: str
    deadline: Deadline
    principal: Principal | None = None
    ask: Ask | None = None
    facts: dict[str, Any] = field(default_factory=dict)


class Edge:
    """The edge of one function.

    ``open_to_all``: its routes need no key. ``symbol_under``: the path under which a symbol follows. ``wire`` makes the
    services on first use.
    """

    def __init__(
        self,
        service: str,
        wire: Callable[[], Services] = services,
        *,
        open_to_all: bool = False,
        symbol_under: str = "",
    ) -> None:
        self.app = APIGatewayHttpResolver(enable_validation=True)
        self._wire = wire
        self._open = open_to_all
        self._symbol_under = symbol_under
        self._line = RequestLine(service)
        self._logger = Logger(service=service)
        self._parameters: dict[str, frozenset[str]] = {}
        self._exchange: Exchange
        self.app.exception_handler(DekrError)(self._problem)
        self.app.exception_handler(RequestValidationError)(lambda error: self._problem(invalid(error)))
        self.app.exception_handler(NotFoundError)(self._nothing_there)
        self.app.exception_handler(Exception)(self._unexpected)

    def get[**P, R](self, path: str, *, responses: dict[int, Any]) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Register a GET route; ``responses`` describes its answers (dekr.http.documents)."""
        return self.app.get(path, responses=responses)

    @property
    def services(self) -> Services:
        """What the wiring made, once for the sandbox."""
        return self._wire()

    def ask(self, tier: int | None, kind: str, cost: int = 1) -> Ask:
        """The request as the services see it: at the tier asked for, ``cost`` requests of the ``kind``.

        Raises TierNotEntitled for a tier above the caller's. The limits are always those of the caller's own tier.
        """
        self._check_parameters()
        exchange = self._exchange
        principal = exchange.principal
        assert principal is not None, "a route that asks for data needs a key"
        effective = principal.effective_tier(tier)
        toll = self.services.limiter.toll(principal, kind, cost)
        exchange.ask = Ask(toll, effective.policy, exchange.deadline)
        exchange.facts["tier"] = str(int(effective))
        return exchange.ask

    def answer(self, body: str, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response[str]:
        """The response with this body: validators, freshness headers, 304 where the caller has it already."""
        exchange = self._exchange
        if exchange.ask is None:
            self._check_parameters()
        sent = {**self._headers(), **(headers or {})}
        if status == 200 and exchange.ask is not None:  # noqa: PLR2004 - OK
            etag = sent["ETag"] = f'"{blake2b(body.encode(), digest_size=12).hexdigest()}"'
            if etag in exchange.headers.get("if-none-match", ""):
                return Response(304, None, "", sent)
        return Response(status, "application/json", body, sent)

    def handler(self, event: dict[str, Any], context: Context) -> dict[str, Any]:
        """The Lambda handler: an HTTP API event (payload 2.0) to its response."""
        started = time.perf_counter()
        exchange = self._exchange = _exchange_of(event, context)
        try:
            exchange.query = query.parse(event.get("rawQueryString") or "")
            query.printable(event["rawPath"])
            if not self._open:
                exchange.principal = self._caller(exchange)
            answer = self.app.resolve(event, context)  # type: ignore[arg-type] # the part of the context that is used
        except DekrError as error:
            answer = as_event(self._problem(error))
        except Exception as error:  # noqa: BLE001 - the outermost edge: what fails before the resolver, or in the wiring
            answer = as_event(self._unexpected(error))
        compress(answer, exchange.headers.get("accept-encoding", ""))
        self._record(answer, time.perf_counter() - started)
        return answer

    def _caller(self, exchange: Exchange) -> Principal:
        credential = find_credential(exchange.headers, exchange.query)
        principal = self.services.principals.resolve(credential, exchange.address)
        return self.services.principals.acting_for(principal, exchange.headers.get("x-dekr-user"), exchange.address)

    def _check_parameters(self) -> None:
        """Refuse query parameters that the matched route does not have.

        Not a middleware of the resolver: it reads the type hints of each one anew on every request, which takes as long
        as all the rest of the handler.
        """
        route = self.app.context["_route"]
        names = self._parameters.get(route.path)
        if names is None:
            names = frozenset(field.alias for field in route.dependant.query_params)
            names = names if self._open else names | {QUERY_NAME}
            self._parameters[route.path] = names
        query.only(self._exchange.query, names)

    def _headers(self) -> dict[str, str]:
        ask = self._exchange.ask
        if ask is None:
            return {**self._always(None), "Cache-Control": "no-store"}
        freshness = freshness_headers(ask) if ask.stamp_us else {}
        return {**self._always(ask.admission), **freshness}

    def _always(self, admission: Admission | None) -> dict[str, str]:
        """The headers of every answer, errors included: which request it was, and the limits where they are known."""
        limits = admission.headers() if admission else {}
        return {"X-Request-Id": self._exchange.request_id, **limits}

    def _problem(self, error: DekrError) -> Response[str]:
        exchange = self._exchange
        exchange.facts["error"] = error.code
        known = exchange.ask.admission if exchange.ask else None
        admission = error.admission if isinstance(error, Refused) else known
        return problem(error, exchange.request_id, self._always(admission))

    def _nothing_there(self, _: NotFoundError) -> Response[str]:
        path = self.app.current_event.path
        if self._symbol_under and path.startswith(self._symbol_under):
            # A path segment that no route matches can only be a symbol that is none.
            return self._problem(InvalidInput("symbol", TICKER_RULE, code="invalid_symbol"))
        return self._problem(NotFound("There is nothing at this address."))

    def _unexpected(self, error: Exception) -> Response[str]:
        self._logger.error("unexpected", exc_info=error, request_id=self._exchange.request_id)
        return self._problem(DekrError("Something went wrong on our side; it has been logged."))

    def _record(self, answer: dict[str, Any], seconds: float) -> None:
        exchange = self._exchange
        facts, ask, principal, status = exchange.facts, exchange.ask, exchange.principal, answer["statusCode"]
        facts["request_id"] = exchange.request_id
        facts["route"] = exchange.route
        facts["status"] = status
        facts["requests"] = 1
        facts["errors"] = int(status >= 500)  # noqa: PLR2004 - a server's error
        facts["duration_ms"] = round(seconds * 1000, 3)
        if principal is not None:
            facts["user"] = principal.user_id
        facts.setdefault("tier", "none")
        if ask is not None:
            if ask.now_us and not sessions.at(ask.now_us).known:
                facts["calendar_unknown"] = 1
            facts["outcome"] = ask.outcome
            facts["hits"] = int(ask.outcome is Outcome.HIT and status < 400)  # noqa: PLR2004 - an answer
            facts["stale"] = int(ask.outcome is Outcome.STALE)
            facts["age_s"] = ask.age_s if ask.stamp_us else None
            facts["upstream_calls"] = ask.upstream_calls
            facts["upstream_ms"] = round(ask.upstream_s * 1000, 3)
        self._line.emit(facts)


def _exchange_of(event: Mapping[str, Any], context: Context) -> Exchange:
    request = event["requestContext"]
    left_s = context.get_remaining_time_in_millis() / 1000
    return Exchange(
        headers=event.get("headers") or {},
        query={},
        address=request.get("http", {}).get("sourceIp", ""),
        request_id=request.get("requestId") or context.aws_request_id,
        route=event.get("routeKey", ""),
        deadline=Deadline.after(min(LONGEST_S, left_s) - MARGIN_S),
    )
