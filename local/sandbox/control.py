"""The control routes: what was asked, which faults stand, what time it is, whether the market is closed out of turn.

They need no key and are not counted.
"""

import json
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.sandbox.clock import Clock, read_moment
from local.sandbox.closures import Closures
from local.sandbox.faults import parse
from local.sandbox.state import Sandbox


def control_routes(sandbox: Sandbox) -> list[Route]:
    """``/_control/calls``, ``/_control/faults``, ``/_control/clock`` and ``/_control/market``."""

    async def calls(request: Request) -> Response:
        if request.method == "DELETE":
            sandbox.calls.clear()
        return JSONResponse({"total": sandbox.calls.total(), "by_path": dict(sandbox.calls)})

    async def faults(request: Request) -> Response:
        if request.method == "DELETE":
            sandbox.faults.standing.clear()
        if request.method == "POST":
            sandbox.faults.standing.append(parse(await _body(request)))
        return JSONResponse({"faults": [fault.wire() for fault in sandbox.faults.standing]})

    async def clock(request: Request) -> Response:
        if request.method == "POST":
            _drive(sandbox.clock, await _body(request))
        return JSONResponse({"now": sandbox.clock.text()})

    return [
        Route("/_control/calls", _checked(calls), methods=["GET", "DELETE"]),
        Route("/_control/faults", _checked(faults), methods=["GET", "POST", "DELETE"]),
        Route("/_control/clock", _checked(clock), methods=["GET", "POST"]),
        Route("/_control/market", _checked(_market(sandbox.closures)), methods=["GET", "POST", "DELETE"]),
    ]


def _market(closures: Closures) -> Callable[[Request], Awaitable[Response]]:
    async def market(request: Request) -> Response:
        if request.method == "DELETE":
            closures.lift()
        if request.method == "POST":
            closures.order(await _body(request))
        return JSONResponse(closures.wire())

    return market


def _checked(handle: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """A route that answers 400 with the sentence of a ValueError."""

    async def endpoint(request: Request) -> Response:
        try:
            return await handle(request)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)

    return endpoint


async def _body(request: Request) -> object:
    try:
        found: object = json.loads(await request.body())
    except ValueError:
        raise ValueError("the body must be JSON") from None
    return found


def _drive(clock: Clock, order: object) -> None:
    match order:
        case {"now": str(text), **rest} if not rest:
            clock.set(read_moment(text))
        case {"advance_s": int() | float() as seconds, **rest} if not rest and not isinstance(seconds, bool):
            clock.advance(seconds)
        case _:
            raise ValueError('send {"now": "2026-11-20T15:00:00Z"} or {"advance_s": 60}')
