"""The sandbox behind a real socket on this machine: in this process' main thread, or in a thread beside it."""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from local.ports import HOST, listen
from local.sandbox.app import create_app
from local.sandbox.routes import CutShortError
from local.sandbox.state import Sandbox


class Server(uvicorn.Server):
    """Serves one sandbox; when it stops, whatever is held back ends too."""

    def __init__(self, sandbox: Sandbox, port: int = 0) -> None:
        """Listens at once (0: on a free port), and answers when ``run`` is called. Raises OSError."""
        self.sandbox = sandbox
        self.listener = listen(port)
        logging.getLogger("uvicorn.error").addFilter(_unintended)
        config = uvicorn.Config(
            create_app(sandbox),
            log_config=None,
            log_level="warning",
            access_log=False,
            date_header=False,
            server_header=False,
            lifespan="off",
        )
        super().__init__(config)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{HOST}:{self.listener.getsockname()[1]}"

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let go of what is held back, then stop."""
        self.sandbox.stopping.set()
        await super().shutdown(sockets)


@contextmanager
def serving(sandbox: Sandbox) -> Iterator[str]:
    """The address of the sandbox, served in a thread for as long as the context lasts."""
    server = Server(sandbox)
    url = server.url
    thread = threading.Thread(target=server.run, kwargs={"sockets": [server.listener]})
    thread.start()
    try:
        yield url
    finally:
        server.should_exit = True
        thread.join()


def _unintended(record: logging.LogRecord) -> bool:
    """Keeps answers that are cut short on purpose out of the log."""
    return not (record.exc_info and isinstance(record.exc_info[1], CutShortError))
