"""Steps that tests of the journal share."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dekr.store import Store, plain
from dekr.stream.journal import SHARDS, StoreJournal
from dekr.stream.ports import Begun, Journal, NumberedEvent, Tick, Written
from dekr.stream.registry import Registry
from tests.integration.stream.registries import NOW_MS

ALL_CHANNELS: Final = ("T.*", "Q.*", "A.*", "AM.*", "LULD.*")


@dataclass(eq=False)
class Relay:
    """A relay as the journal sees it: it numbers events and writes ticks, each 100 ms after the one before."""

    store: Store
    epoch: int
    history_ms: int = 180_000
    begun: Begun = field(init=False)
    journal: Journal = field(init=False)
    numbers: dict[str, int] = field(init=False)
    tick: int = field(init=False)
    position: str = field(init=False)

    def __post_init__(self) -> None:
        self.journal = StoreJournal(self.store, Registry(self.store), lambda: NOW_MS, self.history_ms)
        begun = self.journal.begin(self.epoch)
        assert begun is not None
        self.begun, self.numbers, self.position = begun, dict(begun.numbers), begun.changes
        self.tick = max(begun.tick, NOW_MS)

    def made(self, *pairs: str, **more: Any) -> Tick:
        """The next tick, with an event for each of these pairs."""
        self.tick += 100
        return Tick(self.tick, [self.event(pair) for pair in pairs], **more)

    def event(self, pair: str) -> NumberedEvent:
        number = self.numbers[pair] = self.numbers.get(pair, 0) + 1
        channel, _, symbol = pair.partition(".")
        return NumberedEvent(pair, number, json.dumps({"ev": channel, "sym": symbol, "epoch": self.epoch, "n": number}))

    def send(self, tick: Tick) -> Written:
        return self.journal.write(tick, self.position)

    def write(self, *pairs: str, **more: Any) -> Tick:
        """Write the next tick, which the store takes."""
        tick = self.made(*pairs, **more)
        written = self.send(tick)
        assert not written.fenced
        self.position = written.position
        return tick

    def replayed(self, pairs: Collection[str] = ALL_CHANNELS, after: int = 0) -> list[tuple[int, NumberedEvent]]:
        """All that is logged of these pairs, which is complete."""
        replay = self.journal.replay(pairs, after, self.tick)
        assert replay.complete_from == after
        return list(replay.events)


def logged(*ticks: Tick) -> list[tuple[int, NumberedEvent]]:
    """The events of ticks as a replay has them, but for the order between symbols."""
    return [(tick.tick, event) for tick in ticks for event in tick.events]


def by_pair(events: Collection[tuple[int, NumberedEvent]]) -> Mapping[str, list[tuple[int, NumberedEvent]]]:
    found: dict[str, list[tuple[int, NumberedEvent]]] = {}
    for tick, event in events:
        found.setdefault(event.pair, []).append((tick, event))
    return found


def lose(store: Store, *names: str) -> None:
    """Delete keys, as a store that has lost its memory or needs it for something else."""
    for name in names:
        store.run(plain("DEL", f"dekr:{name}"))


def content(store: Store) -> dict[str, Any]:
    """Everything that a relay may write."""
    found: dict[str, Any] = {}
    for number in range(SHARDS):
        found[f"log{number}"], found[f"m{number}"] = store.run(
            plain("XRANGE", f"dekr:{{s{number}}}:log", "-", "+"), plain("HGETALL", f"dekr:{{s{number}}}:m")
        )
    found["relay"], found["pos"] = store.run(plain("HGETALL", "dekr:{stream}:relay"), plain("GET", "dekr:{stream}:pos"))
    return found
