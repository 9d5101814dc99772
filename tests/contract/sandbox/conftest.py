"""The sandbox Polygon as a real server, in a thread of the test's process, and the vendor's official client of it."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime

import httpx
import pytest
import uvicorn
from massive import RESTClient

from local.sandbox.app import Sandbox
from local.sandbox.plans import PLANS

KEY = "sandbox-key-not-real"
NOW = datetime.fromisoformat("2026-11-20T15:00:00+00:00")


@dataclass(frozen=True)
class Served:
    """A sandbox that is served at ``url``."""

    sandbox: Sandbox
    url: str

    @property
    def client(self) -> RESTClient:
        """The vendor's client, pointed here."""
        return RESTClient(KEY, base=self.url, retries=0)

    def get(self, path: str, key: str = KEY) -> httpx.Response:
        """A plain GET."""
        return httpx.get(self.url + path, headers={"Authorization": f"Bearer {key}"}, timeout=20)


@contextmanager
def serve(plan: str) -> Iterator[Served]:
    sandbox = Sandbox(PLANS[plan], KEY)
    sandbox.clock.set(NOW)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(sandbox.app(), log_level="error", access_log=False, date_header=False, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield Served(sandbox, f"http://127.0.0.1:{listener.getsockname()[1]}")
    finally:
        sandbox.stopping.set()
        server.should_exit = True
        thread.join()


@pytest.fixture
def served() -> Iterator[Callable[[str], Served]]:
    """Serves sandboxes by plan."""
    with ExitStack() as stack:
        yield lambda plan: stack.enter_context(serve(plan))


@pytest.fixture
def advanced(served: Callable[[str], Served]) -> Served:
    """The plan with everything, on a Friday at 10:00 in New York."""
    return served("advanced")
