"""The relay's loop: every tick it takes what came from upstream, writes it to the journal, and posts it to who listens.

Nothing is posted that is not written, so that a successor knows all that clients may have. One tick:

1. take the upstream's frames; split and number their events;
2. write them with the checkpoint, and read the changes of subscriptions, in one round trip; fenced: stop at once;
3. apply the changes, hand out the events, and let posts begin.
"""

from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import Final

from dekr.passed_over import PassedOver
from dekr.stream.delivery.posts import Posts
from dekr.stream.delivery.stats import Counts, Stats
from dekr.stream.delivery.tasks import Tasks
from dekr.stream.ports import (
    Begun,
    Feed,
    FeedDown,
    FeedRefused,
    FeedUp,
    Journal,
    Sink,
    Tick,
)
from dekr.stream.relay.acknowledgements import Acknowledgements
from dekr.stream.relay.continuation import Continuation
from dekr.stream.relay.coverage import Coverage
from dekr.stream.relay.fanout import Fanout
from dekr.stream.relay.index import Index
from dekr.stream.relay.intake import Intake, Taken
from dekr.stream.relay.journal_thread import JournalThread
from dekr.stream.relay.live import Live, OnLive
from dekr.stream.relay.outages import Outages
from dekr.stream.relay.pace import PACE, Ending, Pace
from dekr.stream.relay.resumes import Resumes
from dekr.stream.relay.rings import Rings
from dekr.stream.relay.subscriptions import Subscriptions
from dekr.stream.relay.upkeep import Upkeep

UPKEEP_MS: Final = 1_000
DRAIN_S: Final = 1.0
"""A relay that is told to stop delivers for so long what it has."""


class Relay:
    """A relay, for one run. ``now_us``, ``monotonic`` (s) and ``sleep`` are the clock. ``passed_over`` collects failures that it
    goes on without.

    ``executor``: the one thread in which the journal is called; made where none is given. ``live_executor``: where ``on_live`` is
    called, with the latest trade and quote of each symbol that has a new one; None: the event loop's own threads. ``served``: the
    connections of the relay before, each with the tick that it had got to, where that relay ran in the same process and was fenced;
    then those of this one, if it is fenced.
    """

    def __init__(
        self,
        journal: Journal,
        feed: Feed,
        sink: Sink,
        *,
        now_us: Callable[[], int],
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        passed_over: PassedOver,
        on_live: OnLive | None = None,
        executor: Executor | None = None,
        live_executor: Executor | None = None,
        served: dict[str, int] | None = None,
        pace: Pace = PACE,
    ) -> None:
        self._journal = JournalThread(journal, executor, monotonic, sleep, passed_over)
        self._feed = feed
        self._now_us = now_us
        self._monotonic = monotonic
        self._sleep = sleep
        self._pace = pace
        self._live = Live(on_live, live_executor) if on_live else None
        self._served = {} if served is None else served
        self._counts = Counts()
        self._index = Index()
        self._rings = Rings(pace.ring_bytes)
        self._coverage = Coverage(pace.linger_ms, pace.settle_ms)
        self._posts = Posts(sink, self, self._counts, now_us=now_us, monotonic=monotonic)
        self._intake = Intake(self._counts)
        self._outages = Outages(self._index, self._coverage, self._posts)
        self._subscriptions = Subscriptions(
            feed,
            self._index,
            self._coverage,
            self._rings,
            self._posts,
            Resumes(self._rings, self._coverage, self._journal.replay, passed_over, pace.replay_bytes),
            self._outages,
            pace.buffer_bytes,
        )
        self._fanout = Fanout(self._index, self._rings, self._posts)
        self._upkeep = Upkeep(self._index, self._posts)
        self._acknowledgements = Acknowledgements()
        self._tasks = Tasks()
        self._continuation: Continuation | None = None
        self._generation = 0
        self._last = 0
        self._changes = "0-0"
        self._looked_ms = 0
        self._listened_ms = 0

    async def run(self, epoch: int, until: Callable[[], bool]) -> Ending:
        """Serve until nobody listens, another relay has begun, or ``until()``, which is asked every tick and after each failure of
        the store. Raises StoreDown where the store cannot be reached before the first tick is over.
        """
        try:
            begun = await self._journal.begin(epoch)
            if begun is None:
                return Ending.FENCED
            try:
                self._begin(begun)
                ending = await self._loop(until)
                if ending is Ending.FENCED:
                    self._served.update(self._positions())
                return ending
            finally:
                self._posts.stop()
                await self._tasks.cancel()
        finally:
            self._journal.close()

    def stats(self) -> Stats:
        """Return the counts since the last call."""
        counts, self._counts = self._counts, Counts()
        self._posts.counts = self._intake.counts = self._counts
        counts.store_failures, self._journal.failures = self._journal.failures, 0
        return counts.stats(len(self._index.clients), len(self._coverage.wanted))

    def sent(self, connection: str) -> None:
        """Take note that a frame was delivered to a connection."""
        if client := self._index.clients.get(connection):
            client.sent_s = self._monotonic()

    def gone(self, connection: str) -> None:
        """Take note that a connection does not exist any more."""
        self._subscriptions.forget(connection, self._now_ms())
        self._journal.gone(connection)

    def _begin(self, begun: Begun) -> None:
        now_ms = self._now_ms()
        self._generation, self._last, self._changes = begun.generation, begun.tick, begun.changes
        self._listened_ms = self._looked_ms = now_ms
        self._posts.begin(begun.generation)
        self._intake.begin(begun.numbers)
        self._rings.begin(begun.tick)
        self._coverage.begin(begun.covered, begun.complete)
        clients = self._subscriptions.admit(begun.listeners, begun.tick, now_ms, self._monotonic())
        # A store that was lost fences, too. Those whom it does not know any more would wait in silence.
        self._subscriptions.part_with(self._served, self._monotonic())
        self._served.clear()
        if now_ms - begun.tick < self._pace.linger_ms:
            self._subscriptions.linger(begun.covered, now_ms)
        self._outages.begin(begun.complete, clients)
        self._continuation = Continuation(begun, clients, self._posts)

    async def _loop(self, until: Callable[[], bool]) -> Ending:
        due_s = self._monotonic()
        while not until():
            if ending := await self._tick(until):
                return ending
            # What took longer than a tick is not made up for.
            due_s = max(due_s + self._pace.tick_s, self._monotonic())
            await self._sleep(due_s - self._monotonic())
        return await self._drain()

    async def _tick(self, until: Callable[[], bool]) -> Ending | None:
        self._tasks.check()
        tick, now_ms = self._next(), self._now_ms()
        taken = self._intake.take(self._feed.take())
        self._hear(taken, tick, now_ms)
        covered, uncovered = self._coverage.changes(self._last, now_ms)
        # An event says that those after it come, not that those before it came: it counts from the next tick on.
        self._coverage.seen(event.pair for event in taken.events[taken.fresh :])
        written = await self._journal.write_surely(
            Tick(
                tick,
                taken.events,
                self._posts.behind(),
                covered,
                uncovered,
                self._acknowledgements.position(self._changes),
            ),
            self._changes,
            until,
        )
        if written is None:
            return Ending.STOPPED
        if written.fenced:
            return Ending.FENCED
        self._posts.written(self._journal.asked_s)
        changes = written.changes
        if self._continuation is not None:
            # Before this, what is acknowledged and what is not is not known; StoreDown ends the run, and another one begins anew.
            changes = self._continuation.unserved(changes)
            await self._continuation.read(changes, self._journal.replay)
            self._continuation = None
        before, self._last, self._changes = self._changes, tick, written.position
        self._subscriptions.apply(
            changes, self._generation, tick, now_ms=now_ms, now_s=self._monotonic(), tasks=self._tasks
        )
        self._acknowledgements.add(before, self._subscriptions.outboxes(changes))
        self._fanout.hand_out(tick, taken.events, taken.first_us)
        if self._live:
            self._live.take(taken.events, taken.last_us, self._tasks)
        if now_ms - self._looked_ms >= UPKEEP_MS:
            self._looked_ms = now_ms
            self._subscriptions.expire(tick, now_ms)
            self._upkeep.look(tick, now_ms, self._monotonic())
        self._posts.flush(self._tasks)
        await self._journal.drop_gone()
        return Ending.IDLE if await self._may_end(now_ms) else None

    def _hear(self, taken: Taken, tick: int, now_ms: int) -> None:
        """Follow what the feed says of itself."""
        for news in taken.news:
            match news:
                case FeedUp():
                    self._subscriptions.forgive()
                    self._outages.up(now_ms, tick)
                case FeedDown(_, heard_us):
                    self._counts.outages += 1
                    self._outages.down(min(self._last, heard_us // 1000), tick)
                case FeedRefused(pairs, message):
                    self._subscriptions.refuse(pairs, message, tick)

    async def _may_end(self, now_ms: int) -> bool:
        """Whether nobody has listened for long enough, and the store knows that no relay runs."""
        if not self._index.idle or self._journal.has_gone:
            self._listened_ms = now_ms
        idle = now_ms - self._listened_ms >= self._pace.linger_ms
        return idle and await self._journal.stop(self._changes)

    async def _drain(self) -> Ending:
        """Await the posts that are under way, and write a last checkpoint. What arrives meanwhile is written, or it would be
        missing in what is covered; the successor delivers it.
        """
        self._posts.stop()
        until_s = self._monotonic() + DRAIN_S
        while self._posts.active and self._monotonic() < until_s:
            await self._sleep(self._pace.tick_s)
            if ending := await self._tick(_at_once):
                return ending
        return await self._tick(_at_once) or Ending.STOPPED

    def _positions(self) -> dict[str, int]:
        outboxes = [client.outbox for client in self._index.clients.values()]
        return {each.connection: self._last if each.empty else each.position for each in outboxes}

    def _next(self) -> int:
        return max(self._last + 1, self._now_ms())

    def _now_ms(self) -> int:
        return self._now_us() // 1000


def _at_once() -> bool:
    """Write no tick again after a failure of the store."""
    return True
