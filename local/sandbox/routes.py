"""The vendor's routes. Each call passes the injected faults first, then the checks of key, rate limit and plan."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from local.sandbox import (
    aggregates,
    indicators,
    last,
    market_status,
    news,
    noise,
    parameters,
    reference,
    snapshots,
    spoiled,
    ticks,
    wire,
)
from local.sandbox.faults import Fault
from local.sandbox.parameters import Query
from local.sandbox.plans import Data
from local.sandbox.state import Sandbox
from local.sandbox.view import View
from local.sandbox.wire import Refusal

type Responder = Callable[[View, Query, Query], Any]

_AGGS: Final = "/v2/aggs/ticker/{ticker}"
_GROUPED: Final = "/v2/aggs/grouped/locale/us/market/stocks/{date}"
_STOCKS: Final = "/v2/snapshot/locale/us/markets/stocks/tickers"
RESPONDERS: Final[dict[str, tuple[Data | None, Responder]]] = {
    _AGGS + "/range/{multiplier}/{timespan}/{from}/{to}": (Data.BARS, aggregates.range_bars),
    _AGGS + "/prev": (Data.BARS, aggregates.previous),
    _GROUPED: (Data.BARS, aggregates.whole_market),
    "/v2/last/nbbo/{ticker}": (Data.QUOTES, last.nbbo),
    "/v2/last/trade/{ticker}": (Data.QUOTES, last.trade),
    _STOCKS: (Data.SNAPSHOTS, snapshots.several),
    _STOCKS + "/{ticker}": (Data.SNAPSHOTS, snapshots.one),
    "/v3/snapshot": (Data.SNAPSHOTS, snapshots.universal),
    "/v3/quotes/{ticker}": (Data.QUOTES, ticks.quotes),
    "/v3/trades/{ticker}": (Data.QUOTES, ticks.trades),
    "/v1/indicators/sma/{ticker}": (Data.BARS, indicators.sma),
    "/v1/indicators/ema/{ticker}": (Data.BARS, indicators.ema),
    "/v1/indicators/macd/{ticker}": (Data.BARS, indicators.macd),
    "/v1/indicators/rsi/{ticker}": (Data.BARS, indicators.rsi),
    "/v2/reference/news": (None, news.stream),
    "/v3/reference/tickers": (None, reference.all_tickers),
    "/v3/reference/splits": (None, reference.splits),
    "/v1/marketstatus/now": (None, market_status.now),
    "/v1/marketstatus/upcoming": (None, market_status.upcoming),
}
"""By path: the data that a plan must include (None: every plan has it), and the function that makes the answer."""

_SLOW_PREFIXES: Final = ("/v3/quotes/", "/v3/trades/", "/v1/indicators/", "/v2/reference/", "/v3/reference/")
_SLOW_PATHS: Final = frozenset({_GROUPED, _STOCKS, *(path for path in RESPONDERS if path.startswith(_SLOW_PREFIXES))})
"""Paths whose answers cover about ten thousand tickers or as many moments. They are made in a thread, so that shorter
answers do not wait for them.
"""

_SERVER_ERROR: Final = b"<html><head><title>500 Internal Server Error</title></head><body>nginx</body></html>"
_EMPTY_BODY: Final = b" "
_REFUSALS_BY_FAULT: Final = {"401": wire.unknown_key, "403": wire.not_entitled, "429": wire.too_many_requests}


class CutShortError(Exception):
    """Raised to end a connection in the middle of an answer on purpose (the faults "truncated" and "hang")."""


def vendor_routes(sandbox: Sandbox) -> list[Route]:
    """Return all routes of the vendor that the sandbox imitates."""
    return [
        Route(path, _endpoint(sandbox, needs, responder, in_thread=path in _SLOW_PATHS))
        for path, (needs, responder) in RESPONDERS.items()
    ]


def _endpoint(
    sandbox: Sandbox, needs: Data | None, responder: Responder, *, in_thread: bool
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        path = request.url.path
        number = sandbox.count_call(path)
        request_id = noise.key(sandbox.seed, "request", number).hex()
        fault = sandbox.faults.take(path)
        await _delay(sandbox, request, fault)
        if fault is not None and fault.kind == "hang":
            return _Truncated(_EMPTY_BODY)
        if fault is not None and fault.kind == "500_html":
            return Response(_SERVER_ERROR, 500, media_type="text/html")
        try:
            _admit(sandbox, request, needs, fault)
            view = View(
                sandbox.seed,
                sandbox.plan,
                sandbox.clock.now_us(),
                request_id,
                str(request.base_url).rstrip("/"),
                sandbox.closures,
            )
            query: Query = {
                name: value for name, value in request.query_params.items() if value and name.lower() != "apikey"
            }
            query = parameters.resolve_cursor(query)
            if in_thread:
                answer = await asyncio.to_thread(responder, view, request.path_params, query)
            else:
                answer = responder(view, request.path_params, query)
        except Refusal as refusal:
            return _json(refusal.body | {"request_id": request_id}, refusal.status)
        return _corrupted_response(answer, fault, sandbox.clock.now_us())

    return endpoint


def _admit(sandbox: Sandbox, request: Request, needs: Data | None, fault: Fault | None) -> None:
    """Raise a Refusal if a fault orders one, or if the key, the rate limit or the plan forbids the call."""
    if fault is not None and fault.kind in _REFUSALS_BY_FAULT:
        refusal = _REFUSALS_BY_FAULT[fault.kind]()
        raise refusal
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    sent = request.query_params.get("apiKey") or request.query_params.get("apikey")
    if (key if scheme == "Bearer" else sent) != sandbox.key:
        raise wire.unknown_key()
    if not sandbox.meter.allows(sandbox.clock.now_us()):
        raise wire.too_many_requests()
    if needs is not None and needs not in sandbox.plan.includes:
        raise wire.not_entitled()


async def _delay(sandbox: Sandbox, request: Request, fault: Fault | None) -> None:
    """Wait for as long as the sandbox's latency and the fault "slow" or "hang" say."""
    if sandbox.latency_s:
        await _wait(sandbox, sandbox.latency_s)
    if fault is not None and fault.kind == "slow":
        await _wait(sandbox, fault.seconds)
    if fault is not None and fault.kind == "hang":
        waits = [asyncio.create_task(sandbox.stopping.wait()), asyncio.create_task(_disconnected(request))]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


async def _wait(sandbox: Sandbox, seconds: float) -> None:
    try:
        await asyncio.wait_for(sandbox.stopping.wait(), seconds)
    except TimeoutError:
        return


async def _disconnected(request: Request) -> None:
    """Return when the client has closed its connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _corrupted_response(answer: Any, fault: Fault | None, now_us: int) -> Response:
    match fault.kind if fault is not None else None:
        case "wrong_ticker":
            answer = spoiled.wrong_ticker(answer)
        case "future":
            answer = spoiled.future(answer, now_us)
        case "empty":
            answer = spoiled.empty(answer)
        case "broken_item":
            answer = spoiled.broken_item(answer)
        case "doubled_item":
            answer = spoiled.doubled_item(answer)
        case "malformed":
            return Response(spoiled.malformed(_bytes(answer)), media_type="application/json")
        case "truncated":
            return _Truncated(_bytes(answer), media_type="application/json")
    return _json(answer)


class _Truncated(Response):
    """A response that announces the full Content-Length, sends half of the body and then breaks the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        raise CutShortError


def _json(answer: Any, status: int = 200) -> Response:
    return Response(_bytes(answer), status, media_type="application/json")


def _bytes(answer: Any) -> bytes:
    return json.dumps(answer, separators=(",", ":")).encode()
