"""Goes on for connections that the relay before has served: each gets the logged events from where its checkpoint says it is."""

from collections.abc import Awaitable, Iterable, Sequence
from typing import Final, Protocol

from dekr.stream.batches import Batch, event_chunks
from dekr.stream.coverage import Window
from dekr.stream.index import Client, matches
from dekr.stream.ports import Begun, Replay
from dekr.stream.posts import Posts
from dekr.stream.resumes import event_bytes, gap_chunks

SKEW_MS: Final = 2_000
"""The gateway's clock, by which a connection was opened, and that of the ticks may differ by so much."""


class ReadLog(Protocol):
    """Reads the log."""

    def __call__(self, pairs: Sequence[str], after: int, until: int) -> Awaitable[Replay]:
        """See ports.Journal.replay. Raises StoreDown."""
        ...


async def go_on(begun: Begun, clients: Iterable[Client], posts: Posts, read: ReadLog) -> None:
    """Put what each client has not been delivered into its outbox, up to the last tick. Raises StoreDown."""
    at: dict[int, list[Client]] = {}
    for client in clients:
        position = begun.behind.get(client.outbox.connection, begun.position)
        # Whoever connected later has subscribed to what comes, and not to what was.
        if position < begun.tick and client.pairs and client.opened_ms - SKEW_MS <= begun.tick:
            at.setdefault(position, []).append(client)
    for position, behind in at.items():
        pairs = sorted({pair for client in behind for pair in client.pairs})
        replay = await read(pairs, position, begun.tick)
        for client in behind:
            _put(client, replay, position, begun.tick, posts)


def _put(client: Client, replay: Replay, position: int, tick: int, posts: Posts) -> None:
    events = [event for _, event in replay.events if matches(event.pair, client.pairs)]
    chunks = event_chunks((event.pair, event_bytes(event)) for event in events)
    if replay.complete_from > position:
        chunks += gap_chunks(dict.fromkeys(client.pairs, Window(position, replay.complete_from)))
    if chunks:
        posts.add(client.outbox, Batch(tick, chunks, replay=True), position)
