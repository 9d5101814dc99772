"""Tells connections as time passes: that they are alive, that their two hours are nearly over, or that they are too slow."""

from dataclasses import dataclass
from typing import Final

from dekr.stream.delivery.batches import Batch, status_chunks
from dekr.stream.delivery.posts import Posts
from dekr.stream.gateway import LIFE_OF_A_CONNECTION_MS
from dekr.stream.relay.index import Index
from dekr.stream.statuses import Status, ends_soon, status

HEARTBEAT_S: Final = 480.0
"""API Gateway closes a connection on which nothing was sent for ten minutes."""

HINT_MS: Final = 300_000
"""A client is told of the end of its connection so long before it."""

SLOW_MS: Final = 10_000
"""A connection whose buffer is full for so long is closed."""

HEARTBEAT: Final = status_chunks([status(Status.SUCCESS, "heartbeat")])
SLOW: Final = status(Status.SLOW_CONSUMER, "this connection takes less than it is subscribed to")


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Sends heartbeats and hints, and ends slow connections."""

    index: Index
    posts: Posts

    def look(self, last: int, now_ms: int, now_s: float) -> None:
        """Look after all connections. ``last``: the last tick."""
        for outbox in self.posts.slow(now_ms, SLOW_MS):
            self.posts.counts.slow_closed += 1
            self.posts.end(outbox, SLOW)
        for client in self.index.clients.values():
            chunks = []
            if (
                client.opened_ms
                and not client.hinted
                and now_ms >= client.opened_ms + LIFE_OF_A_CONNECTION_MS - HINT_MS
            ):
                client.hinted = True
                chunks = status_chunks([ends_soon(client.opened_ms + LIFE_OF_A_CONNECTION_MS)])
            elif client.outbox.empty and now_s - client.sent_s >= HEARTBEAT_S:
                chunks = HEARTBEAT
            if chunks:
                self.posts.add(client.outbox, Batch(last, [*chunks], alone=True), last)
