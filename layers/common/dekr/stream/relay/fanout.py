"""Hands the events of a tick to those who listen: each event is written once, and connections share the bytes."""

from collections.abc import Sequence

from dekr.stream.delivery.batches import Batch, Chunk, event_chunks
from dekr.stream.delivery.conflation import unreplaced
from dekr.stream.delivery.posts import Posts
from dekr.stream.ports import NumberedEvent
from dekr.stream.relay.index import Client, Index
from dekr.stream.relay.resumes import event_bytes
from dekr.stream.relay.rings import Rings


class Fanout:
    """Hands out events."""

    def __init__(self, index: Index, rings: Rings, posts: Posts) -> None:
        self._index = index
        self._rings = rings
        self._posts = posts

    def hand_out(self, tick: int, events: Sequence[NumberedEvent], received_us: int) -> None:
        """Put the events of a tick into the rings and into the outboxes of those who listen."""
        by_pair: dict[str, list[tuple[str, bytes]]] = {}
        for event in events:
            by_pair.setdefault(event.pair, []).append((event.pair, event_bytes(event)))
        chunks_of: dict[Client, list[Chunk]] = {}
        for pair, texts in by_pair.items():
            chunks = event_chunks(texts)
            self._rings.add(pair, tick, chunks)
            for client in self._index.recipients(pair):
                chunks_of.setdefault(client, []).extend(chunks)
        for channel, clients in self._index.of_all():
            # One text for all who listen to the whole channel.
            prefix = f"{channel.value}."
            whole = event_chunks(
                (pair, text)
                for pair, texts in by_pair.items()
                if pair.startswith(prefix)
                for text in unreplaced([text for _, text in texts])
            )
            if whole:
                for client in clients:
                    chunks_of.setdefault(client, []).extend(whole)
        for client, chunks in chunks_of.items():
            self._posts.add(client.outbox, Batch(tick, chunks, received_us=received_us), tick - 1)
