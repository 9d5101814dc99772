"""A sink in memory."""

import json
from typing import Any

from dekr.stream.ports import Delivered


class FakeSink:
    """Keeps what was posted, and what was closed. ``outcomes``: what becomes of a connection's posts, SENT where nothing is set."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, Any]] = []
        self.closed: list[str] = []
        self.outcomes: dict[str, Delivered] = {}

    async def post(self, connection: str, frame: bytes) -> Delivered:
        self.posted.append((connection, json.loads(frame)))
        return self.outcomes.get(connection, Delivered.SENT)

    async def close(self, connection: str) -> None:
        self.closed.append(connection)
