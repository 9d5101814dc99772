"""Accepts clients, hands their events to the function, and serves posts to their connections."""

import asyncio
import socket
import time
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, Final

from websockets.frames import CloseCode
from websockets.http11 import Request as Handshake
from websockets.server import ServerProtocol

from local.stack.sockets.connection import Connection
from local.stack.sockets.events import Caller, Event, Events, failure, new_connection_id
from local.stack.sockets.faults import Faults
from local.stack.sockets.http import MAX_HEAD, BadRequestError, Request, Response, read_request
from local.stack.sockets.integrations import FunctionFailedError, Integration
from local.stack.sockets.limits import Limits, Rate
from local.stack.sockets.management import THROTTLED, Management

STAGE: Final = "stocks"
API: Final = "local"
SWEEP_S: Final = 1.0
SEND_BUFFER: Final = 64 * 1024
"""The system's buffer for each client, in bytes: small, so that a client that does not read is noticed early."""

FAILED: Final = "Internal server error"
TIMED_OUT: Final = "Endpoint request timed out"
FORBIDDEN: Final = Response(403, {"message": "Forbidden"}, "ForbiddenException")
BAD: Final = Response(400, {"message": "Bad Request"})

CUT: Final = "/_control/cut"
"""A POST to this path breaks all connections off, as a network that fails does. AWS has no such thing."""


class SocketDoor:
    """A WebSocket API with one function. ``now_s`` is the clock (seconds since the epoch) of its events, of its rates and of the
    limits on idle and old connections, which ``sweep`` enforces; the function's time limit is measured in real time.
    """

    def __init__(
        self,
        integration: Integration,
        *,
        limits: Limits | None = None,
        faults: Faults | None = None,
        now_s: Callable[[], float] = time.time,
        api_id: str = API,
    ) -> None:
        self.limits = limits or Limits()
        self.faults = faults or Faults()
        self.connections: dict[str, Connection] = {}
        """The connections whose $connect has been answered, by id."""
        self._integration = integration
        self._now_s = now_s
        self._events = Events(api_id, STAGE, lambda: int(now_s() * 1000))
        self._turns = asyncio.Semaphore(self.limits.invocations)
        self._connects = Rate(self.limits.connects, self.limits.connects, now_s)
        requests = Rate(self.limits.requests, self.limits.burst, now_s)
        self._management = Management(STAGE, self.connections, self.limits, self.faults, requests, now_s)
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, listener: socket.socket) -> None:
        """Serve clients on a socket that listens already, until cancelled."""
        server = await asyncio.start_server(self._serve_client, sock=listener, limit=MAX_HEAD)
        try:
            while True:
                await asyncio.sleep(SWEEP_S)
                self.sweep()
        finally:
            server.close()
            server.abort_clients()
            while running := [task for task in self._tasks if not task.done()]:
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)

    def sweep(self) -> None:
        """Close the connections that are idle or old."""
        now_s = self._now_s()
        for connection in list(self.connections.values()):
            age_s = now_s - connection.caller.connected_ms / 1000
            if now_s - connection.active_s >= self.limits.idle_s or age_s >= self.limits.duration_s:
                connection.close(CloseCode.GOING_AWAY, "Going away")

    async def _serve_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._keep(task)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        try:
            await self._serve_requests(reader, writer)
        except BadRequestError:
            writer.write(BAD.encoded())
        finally:
            writer.close()

    async def _serve_requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (request := await read_request(reader)) is not None:
            if request.upgrades:
                await self._serve_socket(request, reader, writer)
                return
            response = self._cut_all() if request.path == CUT else self._management.answer(request)
            if response is None:
                await reader.read()
                return
            writer.write(response.encoded())
            if request.last:
                return

    def _cut_all(self) -> Response:
        for connection in list(self.connections.values()):
            connection.cut()
        return Response(HTTPStatus.NO_CONTENT)

    async def _serve_socket(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        protocol = ServerProtocol(max_size=(self.limits.message, self.limits.frame))
        protocol.receive_data(request.head)
        handshake = next(iter(protocol.events_received()), None)
        if not isinstance(handshake, Handshake):
            raise BadRequestError("no handshake")
        accepted = protocol.accept(handshake)
        if accepted.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            writer.write(accepted.serialize())
            return
        caller = self._caller(request, writer)
        refusal = await self._refusal(request, caller)
        if refusal is not None:
            writer.write(refusal.encoded())
            return
        protocol.send_response(accepted)
        connection = Connection(caller, protocol, writer, self.limits, self._now_s())
        self.connections[caller.connection] = connection
        connection.start()
        try:
            while (messages := await connection.messages(reader)) is not None:
                for message in messages:
                    connection.active_s = self._now_s()
                    self._start(self._tell(connection, message))
        finally:
            del self.connections[caller.connection]
            if not self.faults.lose_disconnects:
                self._start(self._tell_end(connection))

    async def _refusal(self, request: Request, caller: Caller) -> Response | None:
        """The response to a handshake that is not accepted; None where it is."""
        if request.path != f"/{STAGE}":
            return FORBIDDEN
        if not self._connects.take():
            return THROTTLED
        event = self._events.connect(caller)
        try:
            status = await self._invoke(event)
        except FunctionFailedError:
            return _refused(HTTPStatus.BAD_GATEWAY, FAILED, event)
        except TimeoutError:
            return _refused(HTTPStatus.GATEWAY_TIMEOUT, TIMED_OUT, event)
        if HTTPStatus(status).is_success:
            return None
        return _refused(status, HTTPStatus(status).phrase, event)

    async def _tell(self, connection: Connection, message: str) -> None:
        """Hand a message to the function. The client hears of a failure, and of nothing else: there are no route responses."""
        event = self._events.message(connection.caller, message)
        try:
            await self._invoke(event)
        except FunctionFailedError:
            text = FAILED
        except TimeoutError:
            text = TIMED_OUT
        else:
            return
        if connection.open:
            connection.send(failure(text, event).encode())

    async def _tell_end(self, connection: Connection) -> None:
        try:
            await self._invoke(self._events.disconnect(connection.caller, *connection.ended))
        except (FunctionFailedError, TimeoutError):
            # Nobody is there to be told, and it is not tried again.
            return

    async def _invoke(self, event: Event) -> int:
        """Have the function take an event. Return its status. Raises FunctionFailedError and TimeoutError."""
        try:
            async with self._turns:
                answer = await asyncio.wait_for(self._integration(event), self.limits.integration_s)
            return HTTPStatus(answer["statusCode"]).value
        except (TypeError, KeyError, ValueError) as error:
            print(f"{_route(event)} was answered without a statusCode: {error!r}", flush=True)
            raise FunctionFailedError(repr(error)) from error
        except (FunctionFailedError, TimeoutError) as error:
            print(f"{_route(event)} failed: {error!r}", flush=True)
            raise

    def _caller(self, request: Request, writer: asyncio.StreamWriter) -> Caller:
        return Caller(
            new_connection_id(),
            writer.get_extra_info("peername")[0],
            request.header("user-agent"),
            request.header("host"),
            [(name, value) for name, value in request.headers if name.lower() not in {"connection", "upgrade"}],
            request.query,
            int(self._now_s() * 1000),
        )

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._keep(asyncio.get_running_loop().create_task(work))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _route(event: Event) -> str:
    route: str = event["requestContext"]["routeKey"]
    return route


def _refused(status: int, message: str, event: Event) -> Response:
    context = event["requestContext"]
    fields = {"message": message, "connectionId": context["connectionId"], "requestId": context["requestId"]}
    return Response(status, fields, headers={"Connection": "close"})
