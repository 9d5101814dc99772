"""API Gateway in front of a conversation: connections in memory, a real store, and a clock that stands still."""

import json
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from dekr.errors import StoreDown
from dekr.store import Command
from dekr.stream.conversation.turn import EventType, Turn
from dekr.stream.registry import Registry
from tests.integration.stream.registries import ADDRESS, NOW_MS
from tests.still_link import StillLink
from tests.world import World

ID: Final = "L0SM9cOFvHcCIhw="


@dataclass(eq=False, repr=False)
class Gateway:
    """``greetings``: events that the function has sent to itself, not handled yet. ``during_sleep`` is called while the
    conversation sleeps, which takes no real time.
    """

    link: StillLink
    greetings: deque[Mapping[str, Any]] = field(default_factory=deque)
    slept_s: float = 0.0
    during_sleep: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        self.link.clock.at_us = NOW_MS * 1_000
        self.world = World(self.link)
        services = self.world.services
        self.registry = Registry(self.link)
        self.tickets = services.tickets
        self.connections = services.connections
        made = services.conversation
        services.conversation = self.conversation = replace(
            made,
            arrival=replace(made.arrival, greet_later=self.greetings.append),
            monotonic=lambda: self.link.clock.at_us / 1_000_000,
            sleep=self._sleep,
        )

    @property
    def wakes(self) -> int:
        """How often a relay was started."""
        return self.world.services.waker.wakes

    @property
    def now_ms(self) -> int:
        return self.link.clock.at_us // 1_000

    def key(self, tier: int = 7, user: str = "ann") -> str:
        return self.world.key(tier, user)

    def later(self, seconds: float) -> None:
        self.link.clock.at_us += int(seconds * 1_000_000)

    def connect(self, connection: str = ID, *, ticket: str | None = None, address: str = ADDRESS) -> Turn:
        """Connect, and have the greeting handled that follows."""
        turn = self.begin(connection, ticket=ticket, address=address)
        if turn.status == 200:
            self.connections.open(connection)
            self.greet()
        return turn

    def begin(self, connection: str = ID, *, ticket: str | None = None, address: str = ADDRESS) -> Turn:
        """The $connect alone, while which nothing can be posted to the connection."""
        event = self.event(EventType.CONNECT, connection, address=address)
        if ticket is not None:
            event["queryStringParameters"] = {"ticket": ticket}
        return self.conversation.handle(event)

    def greet(self) -> Turn:
        """Handle the function's event to itself."""
        return self.conversation.handle(json.loads(json.dumps(self.greetings.popleft())))

    def leave(self, connection: str = ID, at_ms: int | None = None) -> Turn:
        self.connections.living.discard(connection)
        return self.conversation.handle(self.event(EventType.DISCONNECT, connection, at_ms=at_ms))

    def send(
        self, body: str | bytes | None, connection: str = ID, *, at_ms: int | None = None, address: str = ADDRESS
    ) -> Turn:
        """A message as it is; bytes are a binary frame."""
        event = self.event(EventType.MESSAGE, connection, at_ms=at_ms, address=address)
        if isinstance(body, bytes):
            event["body"], event["isBase64Encoded"] = b64encode(body).decode(), True
        elif body is not None:
            event["body"] = body
        return self.conversation.handle(event)

    def say(self, connection: str = ID, /, at_ms: int | None = None, **fields: Any) -> list[dict[str, Any]]:
        """Send an object; returns the status messages that came since the last one."""
        self.send(json.dumps(fields), connection, at_ms=at_ms)
        return self.connections.take(connection)

    def auth(self, credential: str, connection: str = ID) -> None:
        self.send(json.dumps({"action": "auth", "params": credential}), connection)

    def sign_in(self, connection: str = ID, tier: int = 7, user: str = "ann") -> None:
        """Connect and sign in; what is received up to then is forgotten."""
        self.connect(connection)
        items = self.say(connection, action="auth", params=self.key(tier, user))
        assert items[-1]["status"] == "auth_success"

    def event(
        self, kind: EventType, connection: str, *, at_ms: int | None = None, address: str = ADDRESS
    ) -> dict[str, Any]:
        """An event as API Gateway sends it, as far as it is read. Each is a millisecond later than the one before."""
        self.later(0.001)
        return {
            "requestContext": {
                "routeKey": "$default",
                "eventType": kind.value,
                "connectionId": connection,
                "requestTimeEpoch": self.now_ms if at_ms is None else at_ms,
                "identity": {"sourceIp": address},
            },
            "isBase64Encoded": False,
        }

    def _sleep(self, seconds: float) -> None:
        self.slept_s += seconds
        self.later(seconds)
        if self.during_sleep is not None:
            act, self.during_sleep = self.during_sleep, None
            act()


class CutLink(StillLink):
    """A link to a store that goes away: ``down`` from then on."""

    down = False

    def run(self, *commands: Command) -> list[Any]:
        if self.down:
            raise StoreDown(fault="cut")
        return super().run(*commands)
