"""One client's connection, as the conversation speaks to it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from dekr.stream.ports import Delivered
from dekr.stream.statuses import frames

GREETED_WITHIN_S: Final = 2.0
"""For so long a connection may be unknown to API Gateway because its ``$connect`` is still being answered."""

UNKNOWN_AGAIN_S: Final = 0.05
FULL_AGAIN_S: Final = 0.2
MAX_FULL: Final = 5
"""A connection whose buffer is full is tried again after FULL_AGAIN_S, so many times; then the frame is left out."""


class Connections(Protocol):
    """API Gateway's connections (``dekr.stream.aws.Connections``)."""

    def post(self, connection: str, text: str) -> Delivered:
        """Send one frame. Never raises for what the other end does."""
        ...

    def close(self, connection: str) -> None:
        """Close the connection; nothing where there is none."""
        ...


@dataclass(slots=True, eq=False)
class Client:
    """Speaks to one connection. ``gone``: API Gateway does not know it, or not any more. ``outcomes``: those of the posts."""

    connection: str
    connections: Connections
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    gone: bool = False
    closed: bool = False
    posts: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    """Number of frames that could not be delivered although the connection is there, by the outcome of the last attempt."""

    def tell(self, *items: dict[str, Any]) -> None:
        """Send status messages, in as few frames as they fit into; nothing where there are none or the connection is gone."""
        for frame in frames(items):
            if self.gone:
                return
            self._settle(self._post(frame))

    def greet(self, *items: dict[str, Any]) -> None:
        """Send the first frame of a connection whose ``$connect`` may still be being answered."""
        for _ in self.attempts():
            self.tell(*items)

    def attempts(self) -> Iterator[None]:
        """Yield for each attempt to send the first frame of such a connection: until it is there, or for GREETED_WITHIN_S."""
        until_s = self.monotonic() + GREETED_WITHIN_S
        yield
        while self.gone and self.monotonic() < until_s:
            self.sleep(UNKNOWN_AGAIN_S)
            self.gone = False
            yield

    def dismiss(self, item: dict[str, Any]) -> None:
        """Send a last status message, and close the connection."""
        self.tell(item)
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self.closed = True
        self.connections.close(self.connection)

    def other(self, connection: str) -> "Client":
        """The client of another connection; frames that it loses are counted with those of this one."""
        return Client(connection, self.connections, self.monotonic, self.sleep, lost=self.lost)

    def _settle(self, outcome: Delivered) -> None:
        self.gone = outcome is Delivered.GONE
        if outcome not in {Delivered.SENT, Delivered.GONE}:
            self.lost[outcome.value] = self.lost.get(outcome.value, 0) + 1

    def _post(self, frame: str) -> Delivered:
        for _ in range(MAX_FULL):
            outcome = self.connections.post(self.connection, frame)
            self.posts += 1
            if outcome not in {Delivered.SLOW, Delivered.THROTTLED}:
                break
            self.sleep(FULL_AGAIN_S)
        return outcome
