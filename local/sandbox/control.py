"""The control routes: the calls received, the active faults, the clock, unscheduled closures of the market, and the stream.

They need no key and are not counted as calls.
"""

import json
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.sandbox.clock import Clock, parse_moment
from local.sandbox.closures import Closures
from local.sandbox.faults import parse_fault
from local.sandbox.state import Sandbox
from local.sandbox.stream.faults import StreamControl


def control_routes(sandbox: Sandbox) -> list[Route]:
    """Return the routes ``/_control/calls``, ``/_control/faults``, ``/_control/clock``, ``/_control/market`` and
    ``/_control/stream``.
    """

    async def calls(request: Request) -> Response:
        if request.method == "DELETE":
            sandbox.calls.clear()
        return JSONResponse({"total": sandbox.calls.total(), "by_path": dict(sandbox.calls)})

    async def faults(request: Request) -> Response:
        if request.method == "DELETE":
            sandbox.faults.standing.clear()
        if request.method == "POST":
            sandbox.faults.standing.append(parse_fault(await _body(request)))
        return JSONResponse({"faults": [fault.as_json() for fault in sandbox.faults.standing]})

    async def clock(request: Request) -> Response:
        if request.method == "POST":
            _move(sandbox.clock, await _body(request))
        return JSONResponse({"now": sandbox.clock.text()})

    return [
        Route("/_control/calls", _checked(calls), methods=["GET", "DELETE"]),
        Route("/_control/faults", _checked(faults), methods=["GET", "POST", "DELETE"]),
        Route("/_control/clock", _checked(clock), methods=["GET", "POST"]),
        Route("/_control/market", _checked(_market(sandbox.closures)), methods=["GET", "POST", "DELETE"]),
        Route("/_control/stream", _checked(_stream(sandbox.stream)), methods=["GET", "POST", "DELETE"]),
    ]


def _stream(control: StreamControl) -> Callable[[Request], Awaitable[Response]]:
    async def stream(request: Request) -> Response:
        if request.method == "DELETE":
            control.lift()
        if request.method == "POST":
            control.order(await _body(request))
        return JSONResponse(control.as_json())

    return stream


def _market(closures: Closures) -> Callable[[Request], Awaitable[Response]]:
    async def market(request: Request) -> Response:
        if request.method == "DELETE":
            closures.lift()
        if request.method == "POST":
            closures.declare(await _body(request))
        return JSONResponse(closures.as_json())

    return market


def _checked(handle: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Wrap a route so that a ValueError becomes a 400 answer with its message."""

    async def endpoint(request: Request) -> Response:
        try:
            return await handle(request)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)

    return endpoint


async def _body(request: Request) -> object:
    try:
        body: object = json.loads(await request.body())
    except ValueError:
        raise ValueError("the body must be JSON") from None
    return body


def _move(clock: Clock, order: object) -> None:
    match order:
        case {"now": str(text), **rest} if not rest:
            clock.set(parse_moment(text))
        case {"advance_s": int() | float() as seconds, **rest} if not rest and not isinstance(seconds, bool):
            clock.advance(seconds)
        case _:
            raise ValueError('send {"now": "2026-11-20T15:00:00Z"} or {"advance_s": 60}')
