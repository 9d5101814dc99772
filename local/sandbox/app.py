"""The sandbox as a web application."""

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
    """The application of one sandbox; it can be served, or called in the process itself (``httpx.ASGITransport``)."""
    app = Starlette(
        routes=[*vendor_routes(sandbox), *control_routes(sandbox)],
        middleware=[Middleware(DateHeader, sandbox.clock)],
        exception_handlers={404: _unrouted},
    )
    app.router.redirect_slashes = False
    return app


class DateHeader:
    """Stamps every answer with the sandbox's own time."""

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = formatdate(self._clock.now_us() // SECOND_US, usegmt=True)
                message["headers"] = [*message["headers"], (b"date", date.encode())]
            await send(message)

        await self._app(scope, receive, stamped)


async def _unrouted(_: Request, __: Exception) -> Response:
    return PlainTextResponse("404 page not found", 404)
