"""The batches that a connection is sent, before they are put into frames: chunks of events that connections share, and statuses.

An event is written once for each tick and pair, however many connections get it; what a frame has of its own is its cursor.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dekr.stream.statuses import Status, status, text_of

CHUNK_BYTES: Final = 4 * 1024
"""Larger chunks would leave more of a frame empty."""

LARGEST_EVENT: Final = 16 * 1024
"""No event of the upstream comes near this size; a larger one would not fit into a frame with what is added to it."""


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Items that stay together: ``body`` is their text with commas between them. ``pairs`` has the pair of each event; it is empty
    for statuses. ``ours``: statuses that the upstream does not know, which may not come first in a frame.
    """

    body: bytes
    texts: tuple[bytes, ...]
    pairs: tuple[str, ...] = ()
    ours: bool = False


@dataclass(slots=True, eq=False)
class Batch:
    """Chunks that a connection gets in this order.

    ``tick``: the connection's cursor once all of it is sent. ``alone``: in frames of its own. ``replay``: old events, never left
    out. ``ready``: False while its chunks are awaited. ``received_us``: when its events came from upstream; 0 for others. ``last``:
    the connection is closed after it.
    """

    tick: int
    chunks: list[Chunk] = field(default_factory=list)
    alone: bool = False
    replay: bool = False
    ready: bool = True
    received_us: int = 0
    last: bool = False
    taken: int = 0
    """So many of its chunks are in frames."""

    @property
    def size(self) -> int:
        """The bytes that its chunks take in a frame."""
        return sum(len(chunk.body) + 1 for chunk in self.chunks)


def event_chunks(events: Iterable[tuple[str, bytes]]) -> list[Chunk]:
    """Put events, each with its pair, into chunks of at most CHUNK_BYTES (or one event that is larger)."""
    chunks: list[Chunk] = []
    pairs: list[str] = []
    texts: list[bytes] = []
    size = 0
    for pair, text in events:
        if texts and size + len(text) > CHUNK_BYTES:
            chunks.append(Chunk(b",".join(texts), tuple(texts), tuple(pairs)))
            pairs, texts, size = [], [], 0
        pairs.append(pair)
        texts.append(text)
        size += len(text) + 1
    if texts:
        chunks.append(Chunk(b",".join(texts), tuple(texts), tuple(pairs)))
    return chunks


def status_chunks(items: Sequence[dict[str, Any]], *, ours: bool = False) -> list[Chunk]:
    """Put status messages into chunks."""
    chunks = event_chunks(("", text_of(item).encode()) for item in items)
    return [Chunk(chunk.body, chunk.texts, (), ours) for chunk in chunks]


NOTICE: Final = status_chunks([status(Status.SUCCESS, "notice")])[0]
"""Stands before statuses that the upstream does not know: some clients read the first item of a frame alone."""
