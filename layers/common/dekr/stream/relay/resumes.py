"""Resume: what a client missed since its cursor is sent before anything newer, and what cannot be sent is named."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Final, Protocol

from dekr.errors import StoreDown
from dekr.passed_over import PassedOver
from dekr.stream.cursor import StreamCursor
from dekr.stream.delivery.batches import Batch, Chunk, event_chunks, status_chunks
from dekr.stream.delivery.outbox import Outbox
from dekr.stream.delivery.tasks import Tasks
from dekr.stream.ports import HISTORY_MS, NumberedEvent, Replay
from dekr.stream.relay.coverage import Coverage, Window
from dekr.stream.relay.index import matches
from dekr.stream.relay.rings import Rings
from dekr.stream.relay.split import numbered
from dekr.stream.statuses import gap, resumed

REPLAY_BYTES: Final = 4 * 1024 * 1024
"""More than this is not replayed to one connection at once; the newest part is."""

SLICE_MS: Final = 5_000
"""So many ticks (ms) are read from the log at once: the writes of ticks go through the same thread, and shall not wait for long."""

MAX_REPLAYS: Final = 4
"""So many replays from the log may wait for one connection."""

PAIRS_IN_A_GAP: Final = 100
"""One status names at most so many pairs with the same gap: it must fit into a frame."""


class ReadReplay(Protocol):
    """Reads the log in the thread of the journal."""

    def __call__(self, pairs: Sequence[str], after: int, until: int) -> Awaitable[Replay]:
        """Read the logged events of these pairs in the ticks after ``after`` up to ``until``. Raises StoreDown."""
        ...


def event_bytes(event: NumberedEvent) -> bytes:
    """The event as it is sent."""
    return numbered(event.raw, event.number).encode()


def gap_chunks(windows: Mapping[str, Window]) -> list[Chunk]:
    """Name what is missing of each pair; pairs with the same window together."""
    by_window: dict[Window, list[str]] = {}
    for pair, window in windows.items():
        by_window.setdefault(window, []).append(pair)
    return status_chunks(
        [
            gap(pairs[at : at + PAIRS_IN_A_GAP], window.start, window.end)
            for window, pairs in by_window.items()
            for at in range(0, len(pairs), PAIRS_IN_A_GAP)
        ],
        ours=True,
    )


class Resumes:
    """Makes the batches of those who come back, and snapshots. ``read`` is awaited in a task of its own; meanwhile newer batches
    wait behind. ``passed_over`` collects failures of it. ``replay_bytes``: no more is replayed to one connection at once.
    """

    def __init__(
        self, rings: Rings, coverage: Coverage, read: ReadReplay, passed_over: PassedOver, replay_bytes: int
    ) -> None:
        self._rings = rings
        self._coverage = coverage
        self._read = read
        self._passed_over = passed_over
        self._replay_bytes = replay_bytes
        self._reading = asyncio.Lock()
        """One slice at a time, or those of many resumes would stand before the next tick together."""

    def resume(
        self,
        outbox: Outbox,
        pairs: Sequence[str],
        since: int,
        *,
        until: int,
        now_ms: int,
        tasks: Tasks,
    ) -> Batch:
        """Make the batch of a resume of these pairs from the tick ``since`` to the tick ``until``, which is the last one. It may be
        filled later.
        """
        windows = {pair: window for pair in pairs if (window := self._coverage.missing(pair, since, now_ms))}
        batch = Batch(until, replay=True)
        if all(self._rings.holds(pair, since) for pair in pairs):
            self._fill(batch, pairs, windows, since, self._rings.since(pairs, since))
        elif outbox.replays < MAX_REPLAYS:
            batch.ready = False
            tasks.start(self._replay(batch, pairs, windows, since, until))
        else:
            self._fill(batch, pairs, dict.fromkeys(pairs, Window(since, until)), since, ())
        return batch

    def snapshot(self, outbox: Outbox, pairs: Sequence[str], *, until: int, tasks: Tasks) -> Batch:
        """Make the batch of the latest event of each of these pairs at the tick ``until``, which is the last one. It may be filled
        later: of a pair that is silent since the relay before, the log has it.
        """
        batch = Batch(until, replay=True, chunks=event_chunks(self._rings.latest(pairs)))
        unseen = [pair for pair in self._rings.unseen(pairs) if self._coverage.was_covered(pair)]
        if unseen and until - self._rings.began < HISTORY_MS and outbox.replays < MAX_REPLAYS:
            batch.ready = False
            tasks.start(self._look_back(batch, unseen, until - HISTORY_MS))
        return batch

    async def _look_back(self, batch: Batch, pairs: Sequence[str], oldest: int) -> None:
        """Add the latest event of each of these pairs to a batch, from the log up to where the rings begin."""
        found: dict[str, bytes] = {}
        try:
            for until in range(self._rings.began, oldest, -SLICE_MS):
                left = [pair for pair in pairs if pair not in found]
                if not left:
                    break
                async with self._reading:
                    replay = await self._read(left, max(until - SLICE_MS, oldest), until)
                for _, event in reversed(replay.events):
                    found.setdefault(event.pair, event_bytes(event))
        except StoreDown as error:
            self._passed_over.note(error, "snapshot")
        batch.chunks += event_chunks(found.items())
        batch.ready = True

    async def _replay(
        self, batch: Batch, pairs: Sequence[str], windows: dict[str, Window], since: int, until: int
    ) -> None:
        try:
            events, complete_from = await self._sliced(pairs, since, until)
        except StoreDown as error:
            self._passed_over.note(error, "replay")
            self._fill(batch, pairs, dict.fromkeys(pairs, Window(since, until)), since, ())
            return
        chunks = event_chunks((event.pair, event_bytes(event)) for event in events)
        if complete_from > since:
            windows = widened(pairs, windows, Window(since, complete_from))
        self._fill(batch, pairs, windows, since, chunks)

    async def _sliced(self, pairs: Sequence[str], since: int, until: int) -> tuple[list[NumberedEvent], int]:
        """Read the log; returns the events, and after which tick nothing is missing. Raises StoreDown."""
        events: list[NumberedEvent] = []
        start = complete_from = max(since, until - HISTORY_MS)
        for after in range(start, until, SLICE_MS):
            async with self._reading:
                replay = await self._read(pairs, after, min(after + SLICE_MS, until))
            events += [event for _, event in replay.events]
            if replay.complete_from > after:
                complete_from = replay.complete_from
        return events, complete_from

    def _fill(
        self,
        batch: Batch,
        pairs: Sequence[str],
        windows: dict[str, Window],
        since: int,
        chunks: Sequence[Chunk],
    ) -> None:
        kept, size = list[Chunk](), 0
        for chunk in reversed(chunks):
            size += len(chunk.body)
            if size > self._replay_bytes:
                break
            kept.append(chunk)
        kept.reverse()
        if len(kept) < len(chunks):
            lost = {pair for chunk in chunks[: len(chunks) - len(kept)] for pair in chunk.pairs}
            cut = [pair for pair in pairs if pair in lost or any(matches(each, (pair,)) for each in lost)]
            windows = widened(cut, windows, Window(since, batch.tick))
        whole = [resumed(pair) for pair in pairs if pair not in windows]
        batch.chunks = [*kept, *status_chunks(whole, ours=True), *gap_chunks(windows)]
        batch.ready = True


def since_of(cursor: StreamCursor, generation: int, last: int) -> int | None:
    """The tick from which a cursor goes on, ``last`` at the latest; None for one of another generation."""
    return min(cursor.tick, last) if cursor.generation == generation else None


def foreign_windows(pairs: Iterable[str], cursor: StreamCursor, now_ms: int) -> dict[str, Window]:
    """The windows after a cursor of another generation, whose events are all missing."""
    return dict.fromkeys(pairs, Window(min(cursor.tick, now_ms), now_ms))


def widened(pairs: Iterable[str], windows: Mapping[str, Window], more: Window) -> dict[str, Window]:
    """Add a window to those of these pairs."""
    widened = dict(windows)
    for pair in pairs:
        old = windows.get(pair, more)
        widened[pair] = Window(min(old.start, more.start), max(old.end, more.end))
    return widened
