"""The outbox of one connection: what it is to be sent, in order, and how far it has come.

One frame is in flight at a time, so events gather into the next one. A unit is what is delivered between two checkpoints: a
frame, or the frames of one batch that is larger than a frame. The next unit begins only once a checkpoint says that the one
before was delivered, so a relay that is killed leaves at most one unit that its successor sends again.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from dekr.stream.delivery.batches import NOTICE, Batch, Chunk, status_chunks
from dekr.stream.delivery.conflation import conflate
from dekr.stream.statuses import MAX_FRAME, conflated

BUFFER_BYTES: Final = 256 * 1024
_ROOM: Final = 512
"""Room in a frame for all but its chunks: brackets, the cursor, a first item and the count of what was left out."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame to be posted. ``cursor``: the last tick of which all events are sent with it. ``events``: their number. ``batches``:
    how many batches end with it. ``unit``: whether it is part of a unit, and ``ends_unit`` whether it is the last one.
    ``ends_replay``: whether a replay is complete.
    ``received_us``: when the oldest of its events came; 0: none. ``last``: the connection is closed after it.
    """

    body: bytes
    cursor: int
    events: int
    batches: int
    unit: bool
    ends_unit: bool
    ends_replay: bool
    received_us: int
    last: bool


class Outbox:
    """The outbox of ``connection``. ``position``: the connection has the events of all ticks up to it. ``buffer_bytes``: as much
    may wait before it is conflated.
    """

    def __init__(self, connection: str, position: int, buffer_bytes: int = BUFFER_BYTES) -> None:
        self.connection = connection
        self.position = position
        self.replays = 0
        """Number of replays that are not delivered yet."""
        self.flying: Frame | None = None
        """Posted, or to be posted again, and not known to be delivered."""
        self.full_since_ms: int | None = None
        self.added = self.delivered = 0
        """Number of batches that were added, and of those among them that were delivered or left out."""
        self.gone = False
        self.ending = False
        self._queue: deque[Batch] = deque()
        self._cursor = position
        self._size = 0
        self._buffer_bytes = self._limit = buffer_bytes
        self._dropped = 0
        self._inside = False
        self._begun = self._done = self._noted = self._recorded = 0

    @property
    def empty(self) -> bool:
        """Whether the connection has been delivered all there is."""
        return not self._queue and self.flying is None

    @property
    def at_rest(self) -> bool:
        """Whether it is empty and a checkpoint says so."""
        return self.empty and self._recorded == self._begun

    def add(self, batch: Batch, before: int, now_ms: int) -> int:
        """Append a batch. ``before``: the tick up to which an empty outbox has delivered all. Returns how many waiting events were
        left out for it.
        """
        if self.ending:
            return 0
        if self.empty:
            self.position = self._cursor = before
        self.added += 1
        self.replays += batch.replay
        self._queue.append(batch)
        if batch.alone or batch.replay:
            return 0
        self._size += batch.size
        if self._size <= self._limit:
            return 0
        waiting = [each for each in self._queue if not (each.alone or each.replay or each.taken)]
        dropped = conflate(waiting, self._buffer_bytes // 2)
        waited = len(self._queue)
        self._queue = deque(each for each in self._queue if each.chunks or not each.ready)
        self.delivered += waited - len(self._queue)
        self._size = sum(each.size for each in self._queue if not (each.alone or each.replay))
        self._limit = max(self._buffer_bytes, 2 * self._size)
        if dropped:
            self._dropped += dropped
            self.full_since_ms = self.full_since_ms or now_ms
        return dropped

    def end(self, item: dict[str, Any]) -> None:
        """Forget what waits and end with this status."""
        self._queue.clear()
        self.full_since_ms = None
        self.ending = True
        self._size = 0
        self._queue.append(Batch(self._cursor, status_chunks([item]), alone=True, last=True))

    def note(self) -> None:
        """Note, for a checkpoint that is being written, how many units are delivered."""
        self._noted = self._done

    def record(self) -> None:
        """Take note that the checkpoint is written."""
        self._recorded = self._noted

    def take(self, generation: int) -> Frame | None:
        """Return the next frame and keep it in ``flying``; None where there is nothing to send, or not yet."""
        while self._queue and self._queue[0].ready and not self._queue[0].chunks:
            self._leave_out(self._queue.popleft())
        if self.flying is not None or not self._queue or not self._queue[0].ready:
            return self.flying
        unit = not self._queue[0].alone
        if unit and not self._inside:
            if self._begun != self._recorded:
                return None
            self._begun += 1
        chunks, ended = self._fill(unit=unit)
        self._inside = bool(self._queue) and self._queue[0].taken > 0
        if chunks[0].ours:
            chunks.insert(0, NOTICE)
        if unit and self._dropped:
            chunks += status_chunks([conflated(self._dropped)], ours=True)
            self._dropped = 0
        body = b",".join([chunk.body for chunk in chunks])
        self.flying = Frame(
            body=b'[%b,"_c":"%d-%d"}]' % (body[:-1], generation, self._cursor),
            cursor=self._cursor,
            events=sum(len(chunk.pairs) for chunk in chunks),
            batches=len(ended),
            unit=unit,
            ends_unit=not self._inside,
            ends_replay=any(batch.replay for batch in ended),
            received_us=min((batch.received_us for batch in ended if batch.received_us), default=0),
            last=any(batch.last for batch in ended),
        )
        return self.flying

    def _fill(self, *, unit: bool) -> tuple[list[Chunk], list[Batch]]:
        """Take the chunks of one frame: of whole batches, or a part of one that is larger than a frame. Returns the batches that
        end with it, too.
        """
        chunks: list[Chunk] = []
        ended: list[Batch] = []
        size = _ROOM
        while self._queue and self._queue[0].ready and self._queue[0].alone is not unit:
            batch = self._queue[0]
            if chunks and (batch.alone or batch.replay or size + batch.size > MAX_FRAME):
                break
            while batch.taken < len(batch.chunks):
                chunk = batch.chunks[batch.taken]
                if chunks and size + len(chunk.body) + 1 > MAX_FRAME:
                    return chunks, ended
                chunks.append(chunk)
                size += len(chunk.body) + 1
                batch.taken += 1
            self._queue.popleft()
            self._cursor = batch.tick
            ended.append(batch)
            if batch.alone or batch.replay:
                break
            self._size -= batch.size
        return chunks, ended

    def _leave_out(self, batch: Batch) -> None:
        """Go on past a batch that has turned out to be empty."""
        self._cursor = batch.tick
        self.delivered += 1
        self.replays -= batch.replay

    def sent(self) -> None:
        """Take note that the frame in flight is delivered."""
        frame = self.flying
        if frame is None:
            return
        self.flying = None
        self.position = frame.cursor
        self.delivered += frame.batches
        if frame.unit and frame.ends_unit:
            self._done += 1
        self.replays -= frame.ends_replay
        if self.empty:
            self.full_since_ms, self._limit = None, self._buffer_bytes
