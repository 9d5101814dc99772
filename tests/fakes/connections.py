"""API Gateway's connections in memory, as ``dekr.stream.aws.Connections`` reaches them."""

import json
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

from dekr.stream.ports import Delivered


@dataclass(eq=False)
class FakeConnections:
    """``frames``: the frames that each connection received. ``closed``: the connections that the service has closed, in order.
    ``next_outcomes``: what the next posts to a connection come to, in place of what its state says; they are not received.
    """

    living: set[str] = field(default_factory=set)
    frames: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    closed: list[str] = field(default_factory=list)
    next_outcomes: dict[str, deque[Delivered]] = field(default_factory=lambda: defaultdict(deque))

    def open(self, connection: str) -> None:
        self.living.add(connection)

    def post(self, connection: str, text: str) -> Delivered:
        if self.next_outcomes[connection]:
            return self.next_outcomes[connection].popleft()
        if connection not in self.living:
            return Delivered.GONE
        self.frames[connection].append(text)
        return Delivered.SENT

    def close(self, connection: str) -> None:
        if connection in self.living:
            self.living.remove(connection)
            self.closed.append(connection)

    def items(self, connection: str) -> list[dict[str, Any]]:
        """The items of all frames that the connection received."""
        return [item for frame in self.frames[connection] for item in json.loads(frame)]

    def statuses(self, connection: str) -> list[str]:
        return [item["status"] for item in self.items(connection)]

    def take(self, connection: str) -> list[dict[str, Any]]:
        """The items of the frames that the connection received since the last call."""
        items = self.items(connection)
        self.frames[connection].clear()
        return items
