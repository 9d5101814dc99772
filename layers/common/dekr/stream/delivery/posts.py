"""Posts frames to connections: one at a time to each, all connections in parallel, and nothing without a fresh fence."""

from collections.abc import Callable
from typing import Final, Protocol

from dekr.stream.delivery.batches import Batch
from dekr.stream.delivery.outbox import Frame, Outbox
from dekr.stream.delivery.stats import Counts
from dekr.stream.delivery.tasks import Tasks
from dekr.stream.ports import Delivered, Sink

FENCE_S: Final = 1.0
"""The longest time for which the answer of a write says that this relay is the only one."""

FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 3.2


class PostObserver(Protocol):
    """Takes note of the outcomes of posts."""

    def sent(self, connection: str) -> None:
        """A frame was delivered."""
        ...

    def gone(self, connection: str) -> None:
        """The connection does not exist any more."""
        ...


class Pause:
    """A pause that doubles with each failure in a row."""

    def __init__(self) -> None:
        self.until_s = 0.0
        self._next_s = FIRST_PAUSE_S

    def extend(self, now_s: float) -> None:
        """Begin a pause."""
        self.until_s = now_s + self._next_s
        self._next_s = min(2 * self._next_s, LONGEST_PAUSE_S)

    def end(self) -> None:
        """Forget the failures."""
        self._next_s = FIRST_PAUSE_S


class Posts:
    """Posts what is in outboxes through ``sink``. ``now_us`` and ``monotonic`` (s) are clocks."""

    def __init__(
        self,
        sink: Sink,
        observer: PostObserver,
        counts: Counts,
        *,
        now_us: Callable[[], int],
        monotonic: Callable[[], float],
    ) -> None:
        self.counts = counts
        self._sink = sink
        self._observer = observer
        self._now_us = now_us
        self._monotonic = monotonic
        self._generation = 0
        self._fenced_until_s = 0.0
        self._stopped = False
        self._throttle = Pause()
        self._busy: dict[Outbox, Pause] = {}
        self._active: set[Outbox] = set()

    @property
    def active(self) -> bool:
        """Whether a post is under way."""
        return bool(self._active)

    def begin(self, generation: int) -> None:
        """Set the generation that cursors name."""
        self._generation = generation

    def add(self, outbox: Outbox, batch: Batch, before: int) -> None:
        """Append a batch to an outbox; see Outbox.add."""
        if not outbox.gone:
            self._busy.setdefault(outbox, Pause())
            self.counts.dropped += outbox.add(batch, before, self._now_us() // 1000)

    def end(self, outbox: Outbox, item: dict[str, object]) -> None:
        """Send this status in place of all that waits, then close the connection."""
        if not (outbox.gone or outbox.ending):
            self._busy.setdefault(outbox, Pause()).until_s = 0.0
            if outbox not in self._active:
                outbox.flying = None
            outbox.end(item)

    def slow(self, now_ms: int, slow_ms: int) -> list[Outbox]:
        """The outboxes that have been full for so long."""
        return [
            outbox
            for outbox in self._busy
            if outbox.full_since_ms is not None and now_ms - outbox.full_since_ms >= slow_ms
        ]

    def behind(self) -> dict[str, int]:
        """The positions of the connections that have not been delivered all, for a checkpoint that is written now."""
        behind: dict[str, int] = {}
        for outbox in self._busy:
            outbox.note()
            if not (outbox.empty or outbox.gone):
                behind[outbox.connection] = outbox.position
        return behind

    def written(self, began_s: float) -> None:
        """Take note that a checkpoint is written, by a write that began at ``began_s``: this relay was the only one then."""
        self._fenced_until_s = began_s + FENCE_S
        for outbox in self._busy:
            outbox.record()
        for outbox in [outbox for outbox in self._busy if outbox.at_rest or outbox.gone]:
            del self._busy[outbox]

    def flush(self, tasks: Tasks) -> None:
        """Begin to post what may be posted."""
        for outbox, pause in self._busy.items():
            if outbox in self._active or not self._allowed(pause):
                continue
            if (frame := self._next(outbox)) is not None:
                self._active.add(outbox)
                tasks.start(self._post(outbox, pause, frame))

    def stop(self) -> None:
        """Begin no post any more."""
        self._stopped = True

    def _allowed(self, pause: Pause) -> bool:
        now_s = self._monotonic()
        return (
            not self._stopped and now_s < self._fenced_until_s and now_s >= max(pause.until_s, self._throttle.until_s)
        )

    def _next(self, outbox: Outbox) -> Frame | None:
        return None if outbox.gone else outbox.take(self._generation)

    async def _post(self, outbox: Outbox, pause: Pause, frame: Frame | None) -> None:
        try:
            while frame is not None and self._allowed(pause):
                self.counts.posts += 1
                delivered = await self._sink.post(outbox.connection, frame.body)
                if frame.last and delivered is not Delivered.THROTTLED:
                    await self._sink.close(outbox.connection)
                    delivered = Delivered.GONE
                self.counts.repeats += delivered is Delivered.UNKNOWN
                if not self._settle(outbox, pause, frame, delivered):
                    return
                frame = self._next(outbox)
        finally:
            self._active.discard(outbox)

    def _settle(self, outbox: Outbox, pause: Pause, frame: Frame, delivered: Delivered) -> bool:
        """Take note of a post's outcome; returns whether to go on with this connection."""
        match delivered:
            case Delivered.SENT:
                pause.end()
                self._throttle.end()
                outbox.sent()
                self.counts.deliveries += frame.events
                if frame.received_us:
                    self.counts.lag(self._now_us() - frame.received_us)
                self._observer.sent(outbox.connection)
                return True
            case Delivered.GONE:
                outbox.gone = True
                self._observer.gone(outbox.connection)
            case Delivered.SLOW | Delivered.UNKNOWN if outbox.ending:
                outbox.flying = None
                return True
            case Delivered.SLOW | Delivered.UNKNOWN:
                pause.extend(self._monotonic())
            case Delivered.THROTTLED:
                self.counts.throttled += 1
                if self._monotonic() >= self._throttle.until_s:
                    self._throttle.extend(self._monotonic())
        return False
