"""The sandbox Polygon as a Starlette (ASGI) application."""

from email.utils import formatdate

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local.sandbox.clock import Clock
from local.sandbox.control import control_routes
from local.sandbox.routes import vendor_routes
from local.sandbox.state import Sandbox
from local.sandbox.trading_days import SECOND_US


def create_app(sandbox: Sandbox) -> Starlette:
    """Return the ASGI application of one sandbox. It can be served, or called in process through ``httpx.ASGITransport``."""
    app = Starlette(
        routes=[*vendor_routes(sandbox), *control_routes(sandbox)],
        middleware=[Middleware(DateHeader, sandbox.clock)],
        exception_handlers={404: _unrouted},
    )
    app.router.redirect_slashes = False
    return app


class DateHeader:
    """ASGI middleware that adds a ``Date`` header with the sandbox's own time to every answer."""

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add the ``Date`` header to the start of its answer."""

        async def send_with_date(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = formatdate(self._clock.now_us() // SECOND_US, usegmt=True)
                message["headers"] = [*message["headers"], (b"date", date.encode())]
            await send(message)

        await self._app(scope, receive, send_with_date)


async def _unrouted(_: Request, __: Exception) -> Response:
    return PlainTextResponse("404 page not found", 404)
