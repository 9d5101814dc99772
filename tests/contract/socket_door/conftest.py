"""Fixtures: a door in front of a scripted function, with a clock that the test drives."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from queue import Queue
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from dekr.sigv4 import Credentials, signed_headers
from local.stack.socket_door import Serving, serving
from local.stack.sockets.door import SocketDoor
from local.stack.sockets.faults import Faults
from local.stack.sockets.integrations import InProcess
from local.stack.sockets.limits import Limits
from tests.patience import HANG_S

NOON_S = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()

Handler = Callable[[dict[str, Any]], Any]


class Function:
    """The function behind the door: it keeps its events and answers 200, or does what a test says. ``on``: by eventType."""

    def __init__(self) -> None:
        self.on: dict[str, Handler] = {}
        self._events: dict[str, Queue[dict[str, Any]]] = {
            kind: Queue() for kind in ("CONNECT", "MESSAGE", "DISCONNECT")
        }

    def __call__(self, event: dict[str, Any]) -> Any:
        kind = event["requestContext"]["eventType"]
        self._events[kind].put(event)
        handler = self.on.get(kind)
        return handler(event) if handler else {"statusCode": 200, "body": "never sent"}

    def event(self, kind: str) -> dict[str, Any]:
        """The next event of a kind."""
        return self._events[kind].get(timeout=HANG_S)

    def nothing_more(self) -> bool:
        return all(events.empty() for events in self._events.values())


@dataclass
class Clock:
    now_s: float = NOON_S

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Open:
    """A door that is open."""

    serving: Serving
    function: Function
    clock: Clock
    http: httpx.Client
    faults: Faults = field(init=False)

    def __post_init__(self) -> None:
        self.faults = self.serving.door.faults

    @contextmanager
    def client(self, query: str = "") -> Iterator[tuple[ClientConnection, str]]:
        """A client that has connected, and its connection's id."""
        with connect(self.serving.url + query, open_timeout=HANG_S, close_timeout=HANG_S, ping_interval=None) as client:
            yield client, self.function.event("CONNECT")["requestContext"]["connectionId"]

    def send(self, method: str, connection: str, body: bytes = b"", http: httpx.Client | None = None) -> httpx.Response:
        """A signed request about a connection, by this client or the usual one."""
        url = f"{self.serving.endpoint}/%40connections/{quote(connection, safe='')}"
        at = datetime.fromtimestamp(self.clock.now_s, UTC)
        headers = signed_headers(Credentials("a", "b"), "us-east-1", "execute-api", method, url, body, at, {})
        return (http or self.http).request(method, url, content=body, headers=headers)

    def post(self, connection: str, text: str) -> int:
        return self.send("POST", connection, text.encode()).status_code

    def sweep(self) -> None:
        self.serving.do(self.serving.door.sweep)


@pytest.fixture
def opened() -> Iterator[Callable[..., Open]]:
    """Opens a door with these limits."""
    with ExitStack() as stack:

        def open_door(limits: Limits | None = None) -> Open:
            function, clock = Function(), Clock()
            integration = InProcess(function)
            stack.callback(integration.close)
            running = stack.enter_context(serving(SocketDoor(integration, limits=limits, now_s=clock, api_id="a1b2c3")))
            return Open(running, function, clock, stack.enter_context(httpx.Client(timeout=HANG_S, trust_env=False)))

        yield open_door


@pytest.fixture
def door(opened: Callable[..., Open]) -> Open:
    """A door with AWS's limits."""
    return opened()
