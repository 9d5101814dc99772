"""The relay's memory, in this process: it keeps what the journal in the store keeps, and outlives a relay."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from threading import current_thread

from dekr.errors import StoreDown
from dekr.stream.cursor import StreamCursor
from dekr.stream.ports import (
    Begun,
    Change,
    ChangeKind,
    Listener,
    NumberedEvent,
    Replay,
    Subscriber,
    Tick,
    Written,
)
from dekr.stream.relay.index import matches
from dekr.tiers import Tier

ANNA = Subscriber("anna", Tier.ALGORITHMIC_TRADER, "key")


@dataclass
class Memory:
    """What outlives a relay. ``down``: so many calls fail; ``lost_before``: the ticks up to it are not in the log any more."""

    generation: int = 7
    epoch: int = 0
    tick: int = 0
    numbers: dict[str, int] = field(default_factory=dict)
    covered: dict[str, int] = field(default_factory=dict)
    log: list[tuple[int, NumberedEvent]] = field(default_factory=list)
    ticks: list[Tick] = field(default_factory=list)
    position: int = 0
    behind: dict[str, int] = field(default_factory=dict)
    listeners: dict[str, Listener] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    read: int = 0
    dropped: list[str] = field(default_factory=list)
    running: bool = False
    down: int = 0
    lost_before: int = 0
    threads: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    replay_fails: bool = False
    replay_forbidden: bool = False
    now_ms: Callable[[], int] = lambda: 0
    before_stop: Callable[[], None] | None = None

    def subscribe(
        self,
        connection: str,
        *pairs: str,
        since: StreamCursor | None = None,
        snapshot: bool = False,
        opened_ms: int = 0,
        overtaken: tuple[str, ...] = (),
    ) -> None:
        """A client subscribes."""
        held = self.listeners.get(connection)
        all_pairs = (held.pairs if held else frozenset()) | frozenset(pairs)
        self.listeners[connection] = Listener(connection, ANNA, all_pairs, opened_ms)
        self.changes.append(
            Change(
                connection,
                ChangeKind.ADD,
                pairs,
                overtaken,
                at_ms=self.now_ms(),
                since=since,
                snapshot=snapshot,
                subscriber=ANNA,
                opened_ms=opened_ms,
            )
        )

    def unsubscribe(self, connection: str, *pairs: str, overtaken: tuple[str, ...] = ()) -> None:
        """A client ends subscriptions."""
        held = self.listeners[connection]
        self.listeners[connection] = Listener(connection, ANNA, held.pairs - set(pairs), held.opened_ms)
        self.changes.append(Change(connection, ChangeKind.REMOVE, pairs, overtaken, at_ms=self.now_ms()))

    def leave(self, connection: str) -> None:
        """A connection is closed."""
        if self.listeners.pop(connection, None):
            self.changes.append(Change(connection, ChangeKind.GONE))


class FakeJournal:
    """A journal of one relay on a memory."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self._epoch = 0

    def begin(self, epoch: int) -> Begun | None:
        memory = self.memory
        self._reach()
        if memory.epoch > epoch:
            return None
        memory.epoch = self._epoch = epoch
        memory.running = True
        return Begun(
            memory.generation,
            memory.tick,
            dict(memory.numbers),
            dict(memory.covered),
            memory.position,
            dict(memory.behind),
            list(memory.listeners.values()),
            str(memory.read),
            memory.tick,
        )

    def write(self, tick: Tick, changes_after: str) -> Written:
        memory = self.memory
        self._reach()
        if memory.epoch != self._epoch:
            return Written(fenced=True)
        assert tick.tick > memory.tick
        memory.calls.append("w")
        memory.tick = tick.tick
        memory.position, memory.behind = tick.tick - 1, dict(tick.behind)
        memory.ticks.append(tick)
        for event in tick.events:
            assert event.number == memory.numbers.get(event.pair, 0) + 1
            memory.numbers[event.pair] = event.number
            memory.log.append((tick.tick, event))
        for pair in tick.uncovered:
            memory.covered.pop(pair, None)
        memory.covered |= dict.fromkeys(tick.covered, tick.tick)
        memory.read = int(tick.acknowledged or changes_after)
        return Written(
            fenced=False, changes=tuple(memory.changes[int(changes_after) :]), position=str(len(memory.changes))
        )

    def replay(self, pairs: Collection[str], after: int, until: int) -> Replay:
        self._reach()
        assert not self.memory.replay_forbidden
        self.memory.calls.append("r")
        if self.memory.replay_fails:
            raise StoreDown(fault="down")
        start = max(after, self.memory.lost_before)
        events = [
            (tick, event) for tick, event in self.memory.log if start < tick <= until and matches(event.pair, pairs)
        ]
        return Replay(events, start)

    def drop(self, connection: str) -> None:
        self._reach()
        self.memory.dropped.append(connection)
        self.memory.leave(connection)

    def stop(self, changes_after: str) -> bool:
        self._reach()
        if self.memory.before_stop:
            self.memory.before_stop()
        if int(changes_after) < len(self.memory.changes):
            return False
        self.memory.running = False
        return True

    def _reach(self) -> None:
        self.memory.threads.add(current_thread().name)
        if self.memory.down:
            self.memory.down -= 1
            raise StoreDown(fault="down")
