"""A sandbox whose clock stands still until a test moves it, and a plain client of its stream."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from local.sandbox.clock import Clock
from local.sandbox.plans import ADVANCED, Plan
from local.sandbox.server import serving_both
from local.sandbox.state import KEY, Sandbox
from tests.contract.sandbox.conftest import FRIDAY
from tests.patience import HANG_S


@dataclass
class Streaming:
    """A sandbox that is served. ``stream``: the address of its stream; ``http`` sends its key with every request."""

    sandbox: Sandbox
    stream: str
    http: httpx.Client

    @property
    def feed(self) -> str:
        """The host and port of the stream, as the vendor's client takes them."""
        return self.stream.split("/")[2]

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.sandbox.clock.advance(seconds)

    def get(self, path: str, **parameters: Any) -> Any:
        """Return the JSON body of an answer that must have status 200."""
        response = self.http.get(path, params=parameters)
        assert response.status_code == 200, response.text
        return response.json()

    def order(self, kind: str, **fields: Any) -> None:
        """Order a fault through the control routes."""
        self.http.post("/_control/stream", json={"kind": kind, **fields}).raise_for_status()

    def shown(self) -> Any:
        """What the control routes show of the stream."""
        return self.http.get("/_control/stream").json()


class Client:
    """A plain client. Whatever it waits for comes, or the test ends as a hang."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def say(self, action: str, params: str) -> None:
        self.connection.send(json.dumps({"action": action, "params": params}))

    def text(self) -> str:
        text = self.connection.recv(HANG_S)
        assert isinstance(text, str)
        return text

    def frame(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.text())
        return found

    def status(self) -> tuple[str, str]:
        """Return the word and the message of the next frame, which must be one status."""
        (only,) = self.frame()
        assert only["ev"] == "status"
        return only["status"], only["message"]

    def events(self, until: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """Return all events up to the first one of which ``until`` holds, with the rest of its frame."""
        found: list[dict[str, Any]] = []
        while not found or not any(map(until, found[-256:])):
            found += self.frame()
        return found

    def sign_in(self, key: str = KEY) -> tuple[str, str]:
        assert self.status() == ("connected", "Connected Successfully")
        self.say("auth", key)
        return self.status()

    def subscribe(self, params: str) -> list[str]:
        """Subscribe, and return the message of each acknowledgement or refusal."""
        self.say("subscribe", params)
        return [each["message"] for each in self.frame()]

    def closed(self) -> tuple[int | None, list[Any]]:
        """Wait for the end. Return the close code (None: there was no closing handshake) and the frames before it."""
        frames = []
        while True:
            try:
                frames.append(json.loads(self.connection.recv(HANG_S)))
            except ConnectionClosed as error:
                return (error.rcvd.code if error.rcvd is not None else None), frames


@contextmanager
def streaming(plan: Plan = ADVANCED, at: str = FRIDAY) -> Iterator[Streaming]:
    """Serve a sandbox whose clock stands still at a moment."""
    sandbox = Sandbox(plan, clock=Clock(lambda: 0))
    sandbox.clock.set(datetime.fromisoformat(at))
    headers = {"Authorization": f"Bearer {KEY}"}
    with (
        serving_both(sandbox) as addresses,
        httpx.Client(base_url=addresses.url, headers=headers, timeout=HANG_S) as http,
    ):
        yield Streaming(sandbox, addresses.stream, http)


@contextmanager
def client(stream: str, max_queue: int | None = None) -> Iterator[Client]:
    """Connect to a stream. With ``max_queue`` the client stops reading once so many frames wait to be taken."""
    with connect(
        stream, max_queue=max_queue, open_timeout=HANG_S, close_timeout=HANG_S, ping_interval=None
    ) as connection:
        yield Client(connection)


@contextmanager
def signed_in(market: Streaming) -> Iterator[Client]:
    """Connect to a stream and sign in."""
    with client(market.stream) as made:
        assert made.sign_in() == ("auth_success", "authenticated")
        yield made
