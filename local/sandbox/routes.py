"""The vendor's routes: behind them stand its key check, limits and plans; and before all of these, faults on request."""

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

type Answer = Callable[[View, Query, Query], Any]

_AGGS: Final = "/v2/aggs/ticker/{ticker}"
_GROUPED: Final = "/v2/aggs/grouped/locale/us/market/stocks/{date}"
_STOCKS: Final = "/v2/snapshot/locale/us/markets/stocks/tickers"
ANSWERS: Final[dict[str, tuple[Data | None, Answer]]] = {
    _AGGS + "/range/{multiplier}/{timespan}/{from}/{to}": (Data.BARS, aggregates.of_range),
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
"""Path, what a plan must include, and the answer."""

_OFTEN_LONG: Final = ("/v3/quotes/", "/v3/trades/", "/v1/indicators/", "/v2/reference/", "/v3/reference/")
_LONG: Final = frozenset({_GROUPED, _STOCKS, *(path for path in ANSWERS if path.startswith(_OFTEN_LONG))})
"""Answers about ten thousand tickers, or as many moments: they are made in a thread, so that nobody waits for them who
asked for less.
"""

_SERVER_ERROR: Final = b"<html><head><title>500 Internal Server Error</title></head><body>nginx</body></html>"
_NOTHING: Final = b" "
_FAULTY_REFUSALS: Final = {"401": wire.unknown_key, "403": wire.not_entitled, "429": wire.too_many}


class CutShortError(Exception):
    """Ends a connection in the middle of an answer, on purpose."""


def vendor_routes(sandbox: Sandbox) -> list[Route]:
    """All routes of the vendor that the sandbox has."""
    return [
        Route(path, _endpoint(sandbox, needs, answer, in_thread=path in _LONG))
        for path, (needs, answer) in ANSWERS.items()
    ]


def _endpoint(
    sandbox: Sandbox, needs: Data | None, answer: Answer, *, in_thread: bool
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        path = request.url.path
        number = sandbox.count(path)
        request_id = noise.key(sandbox.seed, "request", number).hex()
        fault = sandbox.faults.take(path)
        await _hold_back(sandbox, request, fault)
        if fault is not None and fault.kind == "hang":
            return _Truncated(_NOTHING)
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
            query: Query = {name: value for name, value in request.query_params.items() if name != "apiKey"}
            query = parameters.of_page(query)
            if in_thread:
                found = await asyncio.to_thread(answer, view, request.path_params, query)
            else:
                found = answer(view, request.path_params, query)
        except Refusal as refusal:
            return _json(refusal.body | {"request_id": request_id}, refusal.status)
        return _spoil(found, fault, sandbox.clock.now_us())

    return endpoint


def _admit(sandbox: Sandbox, request: Request, needs: Data | None, fault: Fault | None) -> None:
    """Raises a Refusal where the key, the limit or the plan forbids the call, or a fault says so."""
    if fault is not None and fault.kind in _FAULTY_REFUSALS:
        refusal = _FAULTY_REFUSALS[fault.kind]()
        raise refusal
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if (key if scheme == "Bearer" else request.query_params.get("apiKey")) != sandbox.key:
        raise wire.unknown_key()
    if not sandbox.meter.allows(sandbox.clock.now_us()):
        raise wire.too_many()
    if needs is not None and needs not in sandbox.plan.includes:
        raise wire.not_entitled()


async def _hold_back(sandbox: Sandbox, request: Request, fault: Fault | None) -> None:
    """Wait as long as latency and faults say."""
    if sandbox.latency_s:
        await _wait(sandbox, sandbox.latency_s)
    if fault is not None and fault.kind == "slow":
        await _wait(sandbox, fault.seconds)
    if fault is not None and fault.kind == "hang":
        ends = [asyncio.create_task(sandbox.stopping.wait()), asyncio.create_task(_gone(request))]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()


async def _wait(sandbox: Sandbox, seconds: float) -> None:
    try:
        await asyncio.wait_for(sandbox.stopping.wait(), seconds)
    except TimeoutError:
        return


async def _gone(request: Request) -> None:
    """Returns when the client has closed its connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _spoil(found: Any, fault: Fault | None, now_us: int) -> Response:
    match fault.kind if fault is not None else None:
        case "wrong_ticker":
            return _json(spoiled.wrong_ticker(found))
        case "future":
            return _json(spoiled.future(found, now_us))
        case "empty":
            return _json(spoiled.empty(found))
        case "malformed":
            return Response(spoiled.malformed(_bytes(found)), media_type="application/json")
        case "truncated":
            return _Truncated(_bytes(found), media_type="application/json")
    return _json(found)


class _Truncated(Response):
    """Half of the body under the whole one's Content-Length, and then the end of the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        raise CutShortError


def _json(found: Any, status: int = 200) -> Response:
    return Response(_bytes(found), status, media_type="application/json")


def _bytes(found: Any) -> bytes:
    return json.dumps(found, separators=(",", ":")).encode()
