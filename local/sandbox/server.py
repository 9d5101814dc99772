"""Serve a sandbox Polygon on a real socket of this machine, in the main thread or in a background thread."""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from local.ports import HOST, KEEP_ALIVE_S, listen
from local.sandbox.app import create_app
from local.sandbox.routes import CutShortError
from local.sandbox.state import Sandbox


class Server(uvicorn.Server):
    """A uvicorn server for one sandbox. When it stops, answers that are being delayed are released, so they do not hold
    it up.
    """

    def __init__(self, sandbox: Sandbox, port: int = 0) -> None:
        """Start to listen at once (port 0: on a free port); requests are answered after ``run`` is called.

        Raises OSError if the port is taken.
        """
        self.sandbox = sandbox
        self.listener = listen(port)
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
    def url(self) -> str:
        """The base address that the server listens on, such as ``http://127.0.0.1:8080``."""
        return f"http://{HOST}:{self.listener.getsockname()[1]}"

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Release all delayed answers, then stop the server."""
        self.sandbox.stopping.set()
        await super().shutdown(sockets)


@contextmanager
def serving(sandbox: Sandbox) -> Iterator[str]:
    """Serve the sandbox in a background thread while the context lasts, and yield its base address."""
    server = Server(sandbox)
    url = server.url
    thread = threading.Thread(target=server.run, kwargs={"sockets": [server.listener]})
    thread.start()
    try:
        yield url
    finally:
        server.should_exit = True
        thread.join()


def _is_unintended(record: logging.LogRecord) -> bool:
    """Return False for the log record of an answer that was cut short on purpose, so that the log leaves it out."""
    return not (record.exc_info and isinstance(record.exc_info[1], CutShortError))
