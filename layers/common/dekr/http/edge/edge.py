"""The edge: one object per function that turns events into answers.

In order: the rules of the raw query, the route, the rules of the body, the caller's credential, the route's own validation
(Powertools), the service, the headers.
Every request ends in one line of log, whatever happened. Importing a function only registers routes; the services are made on the
first request.
"""

import gzip
import json
import math
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Route
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError

from dekr.access.credentials import QUERY_NAME, find_credential
from dekr.access.limits import Refused
from dekr.access.principal import Principal
from dekr.errors import (
    DekrError,
    InvalidInput,
    MethodNotAllowed,
    NotFound,
    NotServed,
    RateLimited,
    StoreDown,
    UnknownSymbol,
)
from dekr.http.edge import body, query
from dekr.http.edge.addresses import moved
from dekr.http.edge.csv import MEDIA_TYPE as CSV
from dekr.http.edge.diagnosis import SERVER_ERROR, Diagnosis
from dekr.http.edge.headers import accepts_gzip, as_event, compress, is_compressed
from dekr.http.edge.log import Level, RequestLine
from dekr.http.edge.problems import invalid, polygon_problem, problem
from dekr.http.edge.request import LambdaContext, RequestState
from dekr.http.edge.resolver import Resolver
from dekr.market.read.context import ReadContext
from dekr.symbols import RULE as TICKER_RULE
from dekr.wiring import Services, services

LONGEST_SENT: Final = 4_500_000
"""The longest body that Lambda sends, in bytes as it travels: a compressed one as base64."""

FIRST_REFUSAL: Final = 400
"""The first HTTP status of a refused request."""

TOO_LONG: Final = "must take gzip, or request less: the answer is too long to be sent"


class Edge:
    """The edge of one function, whose name in the log is ``service``.

    ``open_paths``: paths that need no key. ``wire`` makes the services on first use. Errors under one of POLYGON_PATHS
    (dekr.http.edge.request) have Polygon's shape.
    """

    def __init__(
        self,
        service: str,
        wire: Callable[[], Services] = services,
        *,
        open_paths: frozenset[str] = frozenset(),
    ) -> None:
        self.app = Resolver(self._admit)
        self._wire = wire
        self.open_paths = open_paths
        self._line = RequestLine(service)
        self._logger = Logger(service=service)
        self._parameters: dict[str, frozenset[str]] = {}
        self._request: RequestState
        self._wired: Services | None = None
        self.app.exception_handler(DekrError)(self._problem)
        self.app.exception_handler(RequestValidationError)(lambda error: self._problem(invalid(error)))
        self.app.exception_handler(Exception)(self._unexpected)

    def get[**P, R](
        self, path: str, *, responses: dict[int, Any], summary: str | None = None
    ) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Register a GET route. ``responses`` describes its answers (dekr.http.edge.openapi); ``summary`` takes the place of its
        docstring in the documentation.
        """
        return self.app.get(path, responses=responses, description=summary)

    def post[**P, R](self, path: str, *, responses: dict[int, Any]) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Register a POST route, whose body is JSON; ``responses`` describes its answers (dekr.http.edge.openapi)."""
        return self.app.post(path, responses=responses)

    def delete[**P, R](self, path: str, *, responses: dict[int, Any]) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Register a DELETE route; ``responses`` describes its answers (dekr.http.edge.openapi)."""
        return self.app.delete(path, responses=responses)

    @property
    def services(self) -> Services:
        """The services of this sandbox, made on first use."""
        self._wired = wired = self._wire()
        return wired

    @property
    def principal(self) -> Principal:
        """The caller, on a route that needs a key."""
        principal = self._request.principal
        assert principal is not None, "an open route has no caller"
        return principal

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters of the query as they were sent, by name."""
        return self._request.query

    @property
    def accepted(self) -> str:
        """The Accept header, empty where there is none."""
        return self._request.headers.get("accept", "")

    @property
    def room(self) -> float:
        """Bytes of text that an answer to this caller can hold; no bound where the caller takes gzip, with which the longest page
        is far shorter than what Lambda sends.
        """
        return math.inf if accepts_gzip(self._request.headers) else LONGEST_SENT

    @property
    def origin(self) -> str:
        """The service's own scheme and host, such as ``https://api.example.com``: the configured ones, else those by which API
        Gateway was called. No header of the caller's has a part in it.
        """
        return self.services.public_url or self._request.origin

    @property
    def now_ms(self) -> int:
        """The time in milliseconds since the epoch."""
        return self.services.now_us() // 1000

    @property
    def received_ms(self) -> int:
        """When API Gateway received the request, in milliseconds since the epoch; the present moment where it does not say."""
        return self._request.received_ms or self.now_ms

    def read_context(self, tier: int | None, kind: str, cost: int = 1, data: int = 1) -> ReadContext:
        """The request as the services see it: at the requested tier (None: the caller's own), a request of this ``kind`` that
        costs as much as ``cost`` requests and is for so many ``data``.

        Raises TierNotEntitled for a tier above the caller's. The limits are always those of the caller's own tier.
        """
        self.check_parameters()
        request = self._request
        effective = self.principal.effective_tier(tier)
        charge = self.services.limiter.rate_charge(self.principal, kind, cost, data)
        request.context = ReadContext(charge, effective.policy, request.deadline)
        request.facts["tier"] = str(int(effective))
        return request.context

    def charge(self, kind: str) -> None:
        """Charge the caller for a request of this ``kind`` that reads no data, in a round trip of its own.

        Raises Refused (a RateLimited), StoreDown, and InvalidInput for a parameter that the route does not have.
        """
        context = self.read_context(None, kind, data=0)
        (reply,) = self.services.store.run(context.charge.command)
        context.admission = context.charge.resolve(reply)

    def answer(
        self,
        body: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        csv: bool | None = None,
        next_path: str | None = None,
        compared: str | None = None,
    ) -> Response[str]:
        """The response with this body: with its ETag and the labels of freshness, and 304 where the caller has the body already.

        ``compared``: the part of the body that tells whether it has changed; None: all of it. ``csv``: whether the body is CSV;
        None on a route that has no such form. ``next_path``: path and query of the next page.
        """
        if self._request.context is None:
            self.check_parameters()
        sent = self._request.answer_headers()
        if headers is not None:
            sent.update(headers)
        if csv is not None:
            sent["Vary"] = "Accept, Accept-Encoding"
        if next_path is not None:
            sent["Link"] = f'<{self._request.with_form_and_tier(next_path)}>; rel="next"'
        if status == 200 and self._request.context is not None and self._is_known(sent, body, compared or body):  # noqa: PLR2004 - OK
            return Response(304, None, "", sent)
        return Response(status, CSV if csv else "application/json", body, sent)

    def polygon(self, fields: Mapping[str, Any], next_path: str | None = None) -> Response[str]:
        """The response of a Polygon-compatible route: Polygon's envelope around ``fields``, with the headers of every answer.
        ``next_path``: path and query of the next page at the service's own host.
        """
        request = self._request
        context = request.context
        status = "DELAYED" if context is not None and context.delayed else "OK"
        envelope = {"status": status, **fields}
        if next_path is not None:
            envelope["next_url"] = self.origin + next_path
        text = json.dumps(envelope, separators=(",", ":"))
        body = f'{{"request_id":{json.dumps(request.request_id)},{text[1:]}'
        sent = request.answer_headers()
        # The id of the request is no part of what is compared.
        if self._is_known(sent, body, text):
            return Response(304, None, "", sent)
        return Response(200, "application/json", body, sent)

    def _is_known(self, sent: dict[str, str], body: str, compared: str) -> bool:
        """Add the body's ETag to the headers; return whether the caller has the body already (RequestState.add_etag)."""
        request = self._request
        return request.add_etag(sent, compared, compressed=is_compressed(body, request.headers))

    def gzipped(self, answer: bytes, *, field: str, rule: str) -> Response[str]:
        """The response with a body of JSON that is compressed already. Raises InvalidInput with this field and rule where it would
        be too long for a caller who does not accept gzip.
        """
        sent = self._request.answer_headers()
        compressed = accepts_gzip(self._request.headers)
        if self._request.add_etag(sent, answer, compressed=compressed):
            return Response(304, None, "", sent)
        if compressed:
            # The resolver checks bodies as text: the handler puts this one in.
            self._request.gzipped_body = answer
            return Response(200, "application/json", "", {**sent, "Content-Encoding": "gzip"})
        text = gzip.decompress(answer).decode()
        if len(text) > LONGEST_SENT:
            raise InvalidInput(field, rule, code="answer_too_long")
        return Response(200, "application/json", text, sent)

    def handler(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        """The Lambda handler: answers an HTTP API event (payload 2.0) and writes the request's log line."""
        started = time.perf_counter()
        request = self._request = RequestState.from_event(event, context)
        try:
            request.query = query.parse(event.get("rawQueryString") or "", as_polygon=request.as_polygon)
            # The resolver shall see path and query as they were read here; without a raw query it takes these values as they are.
            as_read = {
                **event,
                "rawPath": request.path,
                "rawQueryString": "",
                "queryStringParameters": request.query,
            }
            query.refuse_unprintable(request.path)
            answer = self.app.resolve(as_read, context)  # type: ignore[arg-type] # the part of the context that is used
        except NotFoundError:
            answer = as_event(self._without_route(event))
        except MethodNotAllowed as error:
            answer = as_event(self._other_method(error))
        except DekrError as error:
            answer = as_event(self._problem(error))
        except Exception as error:  # noqa: BLE001 - the outermost edge: what fails before the resolver, or in the wiring
            answer = as_event(self._unexpected(error))
        if request.gzipped_body is not None:
            answer["body"], answer["isBase64Encoded"] = b64encode(request.gzipped_body).decode(), True
        compress(answer, request.headers)
        if len(answer["body"]) > LONGEST_SENT // 4 and len(answer["body"].encode()) > LONGEST_SENT:
            answer = as_event(self._problem(InvalidInput("Accept-Encoding", TOO_LONG, code="answer_too_long")))
        if request.method == "HEAD":
            answer["body"], answer["isBase64Encoded"] = "", False
        self._log(request, answer["statusCode"], time.perf_counter() - started)
        return answer

    def _log(self, request: RequestState, status: int, seconds: float) -> None:
        facts = request.log_facts(status, seconds)
        # Where the wiring failed there is nothing that could be passed over.
        diagnosis = request.diagnosis(self._wired.passed_over.take() if self._wired else ())
        if diagnosis is not None:
            facts |= diagnosis.facts()
        elif status >= SERVER_ERROR:
            diagnosis = Diagnosis()
        self._line.emit(facts, Level.INFO if diagnosis is None else diagnosis.level(status))

    def _admit(self, route: Route) -> None:
        """Check the body of a request for this route, and find its caller where the route needs a key."""
        body.check(self.app.current_event.raw_event)
        if route.openapi_path not in self.open_paths:
            self._request.principal = self._caller(self._request)

    def _caller(self, request: RequestState) -> Principal:
        principals = self.services.principals
        principal = principals.resolve(find_credential(request.headers, request.query), request.address)
        return principals.acting_for(principal, request.headers.get("x-dekr-user"), request.address)

    def _charged(self, error: DekrError) -> DekrError:
        """Charge the caller for a request that is refused (4xx) before it was charged, and once more for a ticker that the upstream
        was asked for and does not know. Returns the error to answer with: that of the limits where these refuse the request.
        """
        request, context = self._request, self._request.context
        if request.principal is None or request.error is not None or isinstance(error, RateLimited):
            return error
        admitted = context is not None and context.admission is not None
        asked = context is not None and isinstance(error, UnknownSymbol) and context.upstream_calls > 0
        if not FIRST_REFUSAL <= error.status < SERVER_ERROR or (admitted and not asked):
            return error
        try:
            request.refusal = self.services.limiter.charge_refused(request.principal)
        except StoreDown as down:
            self.services.passed_over.note(down)
        except Refused as over:
            return error if asked else over
        return error

    def check_parameters(self) -> None:
        """Raise InvalidInput for a query parameter that the matched route does not have.

        It is no middleware of the resolver, because Powertools reads the type hints of each middleware anew on every request, which
        takes as long as all the rest of the handler.
        """
        route = self.app.context["_route"]
        names = self._parameters.get(route.path)
        if names is None:
            names = frozenset(name for field in route.dependant.query_params for name in query.names_of(field))
            names = names | {QUERY_NAME} if self._request.principal else names
            self._parameters[route.path] = names
        query.refuse_unknown(self._request.query, names)

    def _problem(self, error: DekrError) -> Response[str]:
        error = self._charged(error)
        request = self._request
        request.error = error
        known = request.context.admission if request.context else None
        admission = error.admission if isinstance(error, Refused) else request.refusal or known
        shape = polygon_problem if request.as_polygon else problem
        return shape(error, request.request_id, request.common_headers(admission))

    def _without_route(self, event: Mapping[str, Any]) -> Response[str]:
        """The response to a request for an address that this function has no route for."""
        request = self._request
        if "{symbol}" in request.route:
            # API Gateway took the path for this route, so what the resolver does not take can only be a symbol that is none.
            return self._problem(InvalidInput("symbol", TICKER_RULE, code="invalid_symbol"))
        location = moved(event["rawPath"], event.get("rawQueryString") or "")
        if location is not None:
            headers = {**request.common_headers(None), "Cache-Control": "no-store", "Location": location}
            return Response(308, None, "", headers)
        if request.as_polygon:
            return self._problem(
                NotServed("Not served: this service does not have this route. GET /docs shows those that it has.")
            )
        return self._problem(NotFound(f"There is nothing at this address for {request.method}."))

    def _other_method(self, error: MethodNotAllowed) -> Response[str]:
        """The response to a method that an address does not have. OPTIONS lists those that it has: API Gateway hands a browser's
        preflight to a route of any method, and adds what AllowedOrigins says to this answer.
        """
        request = self._request
        if request.method != "OPTIONS":
            return self._problem(error)
        headers = {**request.common_headers(None), "Cache-Control": "no-store", "Allow": ", ".join(error.allowed)}
        return Response(204, None, "", headers)

    def _unexpected(self, error: Exception) -> Response[str]:
        self._logger.error("unexpected", exc_info=error, request_id=self._request.request_id)
        shown = DekrError("Something went wrong on our side; it has been logged.")
        # Not raised, so its cause is set by hand: the request's line names the kinds of errors behind it.
        shown.__cause__ = error
        return self._problem(shown)
