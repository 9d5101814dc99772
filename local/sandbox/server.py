"""Serve a sandbox Polygon on real sockets of this machine, REST and the stream, in the main thread or in a background thread."""

import asyncio
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, NamedTuple

import uvicorn

from local.ports import HOST, KEEP_ALIVE_S, listen
from local.sandbox.app import create_app
from local.sandbox.routes import CutShortError
from local.sandbox.state import Sandbox
from local.sandbox.stream.connection import PATH
from local.sandbox.stream.hub import Hub

STEP_S: Final = 0.05
"""How often the stream looks what is due, in seconds of the machine's time."""


class Addresses(NamedTuple):
    """Where a sandbox is served: REST as in ``http://127.0.0.1:8080``, the stream as in ``ws://127.0.0.1:8081/stocks``."""

    url: str
    stream: str


class Server(uvicorn.Server):
    """A uvicorn server for one sandbox, with its stream in the same event loop. When it stops, answers that are being delayed are
    released, so they do not hold it up.
    """

    def __init__(self, sandbox: Sandbox, port: int = 0, stream_port: int = 0) -> None:
        """Start to listen at once (port 0: on a free port); requests are answered after ``run`` is called.

        Raises OSError if a port is taken.
        """
        self.sandbox = sandbox
        self.listener = listen(port)
        try:
            self.stream_listener = listen(stream_port)
        except OSError:
            self.listener.close()
            raise
        self._hub = Hub(sandbox)
        logging.getLogger("uvicorn.error").addFilter(_is_unintended)
        config = uvicorn.Config(
            create_app(sandbox),
            log_config=None,
            log_level="warning",
            access_log=False,
            date_header=False,
            server_header=False,
            lifespan="off",
            timeout_keep_alive=KEEP_ALIVE_S,
        )
        super().__init__(config)

    @property
    def addresses(self) -> Addresses:
        """The addresses that the server listens on."""
        port, stream_port = (each.getsockname()[1] for each in (self.listener, self.stream_listener))
        return Addresses(f"http://{HOST}:{port}", f"ws://{HOST}:{stream_port}{PATH}")

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer requests and to stream."""
        await super().startup(sockets)
        loop = asyncio.get_running_loop()
        self._stream = await loop.create_server(self._hub.connection, sock=self.stream_listener)
        self._pace = asyncio.create_task(self._keep_pace())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Release all delayed answers, then stop the server. Raises what ended the stream, if something did."""
        self.sandbox.stopping.set()
        self._pace.cancel()
        self._stream.close()
        self._hub.close()
        await super().shutdown(sockets)
        with suppress(asyncio.CancelledError):
            await self._pace

    async def _keep_pace(self) -> None:
        try:
            while True:
                self._hub.step()
                await asyncio.sleep(STEP_S)
        finally:
            # A stream that has failed must not look like a quiet one.
            self.should_exit = True


@contextmanager
def serving_both(sandbox: Sandbox) -> Iterator[Addresses]:
    """Serve the sandbox in a background thread while the context lasts, and yield its addresses."""
    server = Server(sandbox)
    addresses = server.addresses
    thread = threading.Thread(target=server.run, kwargs={"sockets": [server.listener]})
    thread.start()
    try:
        yield addresses
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def serving(sandbox: Sandbox) -> Iterator[str]:
    """Serve the sandbox in a background thread while the context lasts, and yield its base address."""
    with serving_both(sandbox) as addresses:
        yield addresses.url


def _is_unintended(record: logging.LogRecord) -> bool:
    """Return False for the log record of an answer that was cut short on purpose, so that the log leaves it out."""
    return not (record.exc_info and isinstance(record.exc_info[1], CutShortError))
