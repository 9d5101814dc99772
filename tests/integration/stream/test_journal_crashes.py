"""Relays that die at any moment, also between the parts of a tick: the next one finds exactly what was written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

import pytest

from dekr.errors import StoreDown
from dekr.stream.journal import StoreJournal, shard_of
from dekr.stream.ports import Begun, NumberedEvent, Tick
from dekr.stream.registry import Registry
from tests.fakes.cut_store import CutStore
from tests.integration.stream.journals import Relay, by_pair
from tests.integration.stream.registries import NOW_MS
from tests.still_link import StillLink

SYMBOLS = ("AAPL", "MSFT", "TSLA", "F", "GE", "MA", "JPM", "BA")
PAIRS = tuple(f"{channel}.{symbol}" for channel in ("T", "Q", "AM") for symbol in SYMBOLS)
COMMANDS = 11
"""No batch of a relay has more."""


@dataclass
class Model:
    """What must be in the store. ``torn``: the last tick, of which any part may have arrived."""

    events: dict[str, list[tuple[int, NumberedEvent]]] = field(default_factory=dict)
    covered: dict[str, int] = field(default_factory=dict)
    tick: int = 0
    complete: int = 0
    position: int = 0
    behind: Mapping[str, int] = field(default_factory=dict)
    generation: int | None = None
    torn: Tick | None = None

    def write(self, tick: Tick) -> None:
        """All of a tick is written."""
        self.tick = self.complete = tick.tick
        self.position, self.behind = tick.tick - 1, tick.behind
        for shard in {shard_of(pair) for pair in PAIRS}:
            self.write_part(tick, shard)

    def write_part(self, tick: Tick, shard: int) -> None:
        """The part of one shard is written."""
        for event in tick.events:
            if shard_of(event.pair) == shard:
                self.events.setdefault(event.pair, []).append((tick.tick, event))
        for pair in tick.uncovered:
            if shard_of(pair) == shard:
                self.covered.pop(pair, None)
        for pair in tick.covered:
            if shard_of(pair) == shard:
                self.covered[pair] = tick.tick

    def settle(self, begun: Begun, events: Mapping[str, list[tuple[int, NumberedEvent]]]) -> None:
        """Compare what a relay found, and take note of which parts of the torn tick it has."""
        torn, self.torn = self.torn, None
        if torn:
            self._settle(torn, begun, events)
        assert events == self.events
        assert begun.numbers == {pair: len(found) for pair, found in self.events.items()}
        assert begun.covered == self.covered
        assert (begun.position, begun.behind) == (self.position, self.behind)
        assert begun.tick >= max((tick for found in events.values() for tick, _ in found), default=0)
        assert begun.complete == self.complete
        assert self.generation in {None, begun.generation}
        self.generation = begun.generation

    def _settle(self, torn: Tick, begun: Begun, events: Mapping[str, list[tuple[int, NumberedEvent]]]) -> None:
        touched = {shard_of(pair) for pair in (*(event.pair for event in torn.events), *torn.covered, *torn.uncovered)}
        arrived = {shard for shard in touched if self._has(torn, shard, begun, events)}
        for shard in arrived:
            self.write_part(torn, shard)
        if begun.position == torn.tick - 1:
            self.position, self.behind = begun.position, torn.behind
            if arrived == touched:
                # Nothing else can be said where the beat has not arrived.
                self.complete = torn.tick

    def _has(self, torn: Tick, shard: int, begun: Begun, events: Mapping[str, list[tuple[int, NumberedEvent]]]) -> bool:
        here = [event.pair for event in torn.events if shard_of(event.pair) == shard]
        if here:
            return events.get(here[0], [(0, None)])[-1][0] == torn.tick
        covered = [pair for pair in torn.covered if shard_of(pair) == shard]
        if covered:
            return begun.covered.get(covered[0]) == torn.tick
        return all(pair not in begun.covered for pair in torn.uncovered if shard_of(pair) == shard)


def arriving(random: Random) -> list[int]:
    """The commands of a batch that arrive: the first ones, as at a single server, or any, as on a cluster."""
    if random.random() < 0.5:
        return list(range(random.randrange(COMMANDS + 1)))
    return [number for number in range(COMMANDS) if random.random() < 0.7]


def some_tick(relay: Relay, random: Random) -> Tick:
    covered = random.sample(PAIRS, random.choice([0, 0, 1, 3]))
    return relay.made(
        *random.choices(PAIRS, k=random.choice([0, 1, 5, 30])),
        covered=covered,
        uncovered=[pair for pair in random.sample(PAIRS, random.choice([0, 0, 2])) if pair not in covered],
        behind={f"c{i}": relay.tick - 100 for i in range(random.randrange(3))},
    )


@pytest.mark.parametrize("seed", range(20))
def test_a_successor_finds_what_was_written_wherever_the_relay_before_died(store: StillLink, seed: int) -> None:
    random, model = Random(seed), Model()
    for epoch in range(1, 25):
        broken = CutStore(store)
        if epoch > 1 and random.random() < 0.2:
            broken.cuts = [*[None] * random.randrange(2), arriving(random)]
            with pytest.raises(StoreDown):
                StoreJournal(broken, Registry(broken), lambda: NOW_MS).begin(epoch)
            continue
        relay = Relay(broken, epoch)
        model.settle(relay.begun, by_pair(relay.replayed()))
        for _ in range(random.randrange(5)):
            tick = some_tick(relay, random)
            while random.random() < 0.3:
                broken.cuts = [arriving(random)]
                with pytest.raises(StoreDown):
                    relay.send(tick)
            assert not relay.send(tick).fenced
            model.write(tick)
        if random.random() < 0.8:
            model.torn = some_tick(relay, random)
            broken.cuts = [arriving(random)]
            with pytest.raises(StoreDown):
                relay.send(model.torn)
