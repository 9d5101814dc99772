"""The shards of the log: which pair is where, and the events of a tick as one compressed text.

A log for each symbol would cost the store twenty times more: every tick writes at most one entry to each shard.
"""

import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from dekr.stream.pairs import ALL
from dekr.stream.ports import NumberedEvent, Tick

SHARDS: Final = 8
_FASTEST: Final = 1


@lru_cache(maxsize=65_536)
def shard_of(pair: str) -> int:
    """The number of the shard that has a pair: all channels of a symbol are in the same."""
    return zlib.crc32(pair.partition(".")[2].encode()) % SHARDS


@dataclass(slots=True)
class Part:
    """The part of a tick that is written to one shard. ``numbers``: the last number of each pair."""

    events: list[NumberedEvent] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    covered: list[str] = field(default_factory=list)
    uncovered: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, tick: Tick) -> "dict[int, Part]":
        """Split a tick into the parts of the shards that it touches, by number."""
        parts: dict[int, Part] = {}
        for event in tick.events:
            part = parts.setdefault(shard_of(event.pair), cls())
            part.events.append(event)
            part.numbers[event.pair] = event.number
        for pair in tick.covered:
            parts.setdefault(shard_of(pair), cls()).covered.append(pair)
        for pair in tick.uncovered:
            parts.setdefault(shard_of(pair), cls()).uncovered.append(pair)
        return dict(sorted(parts.items()))

    def words(self) -> tuple[bytes, str, str, str]:
        """The events, numbers, covered and uncovered pairs as shard_append.lua reads them.

        Each is one argument: a serverless cache takes no command with more than 3 999.
        """
        numbers = "\n".join(f"{pair} {number}" for pair, number in self.numbers.items())
        return packed(self.events), numbers, " ".join(self.covered), " ".join(self.uncovered)


def packed(events: Iterable[NumberedEvent]) -> bytes:
    """Write events as compressed lines: pair, number and text, with a space between."""
    lines = "\n".join(f"{event.pair} {event.number} {event.raw}" for event in events)
    return zlib.compress(lines.encode(), _FASTEST)


def unpacked(blob: bytes) -> Iterator[NumberedEvent]:
    """Read the events that ``packed`` wrote."""
    text = zlib.decompress(blob).decode()
    # No other character ends a line: a string in an event may hold those that splitlines takes for ends.
    for line in text.split("\n") if text else ():
        pair, number, raw = line.split(" ", 2)
        yield NumberedEvent(pair, int(number), raw)


@dataclass(frozen=True, slots=True)
class PairFilter:
    """The pairs that a replay is about. ``channels``: beginnings of pairs, such as ``A.``, of which all are."""

    pairs: frozenset[str]
    channels: tuple[str, ...]

    @classmethod
    def of(cls, pairs: Collection[str]) -> "PairFilter":
        """Make a filter of texts of pairs; ``A.*`` stands for all pairs of its channel."""
        return cls(frozenset(pairs), tuple(pair.removesuffix(ALL) for pair in pairs if pair.endswith(f".{ALL}")))

    def shards(self) -> set[int]:
        """The numbers of the shards that have these pairs."""
        return set(range(SHARDS)) if self.channels else {shard_of(pair) for pair in self.pairs}

    def has(self, pair: str) -> bool:
        """Whether a pair is among them."""
        return pair in self.pairs or pair.startswith(self.channels)


@dataclass(slots=True)
class ShardReplay:
    """Reads the log of one shard on from a tick, page by page, and follows the chain of ticks: each entry names the one before.

    ``events``: what was found up to ``until``. ``complete_from``: the tick after which nothing is missing. ``at``: the last tick
    that was looked at. ``done``: there is nothing more to read.
    """

    wanted: PairFilter
    until: int
    at: int
    complete_from: int
    events: list[tuple[int, NumberedEvent]] = field(default_factory=list)
    done: bool = False

    def take(self, last: bytes | None, entries: Sequence[tuple[bytes, Sequence[Any]]], page: int) -> None:
        """Take a page: up to ``page`` entries after ``at``. ``last``: the last tick that was written to the shard, if it knows."""
        for entry_id, (_, before, _, blob) in entries:
            tick = int(entry_id.partition(b"-")[0])
            self._follow(int(before))
            if tick > self.until:
                self.done = True
                return
            self.at = tick
            self.events += [(tick, event) for event in unpacked(blob) if self.wanted.has(event.pair)]
        if len(entries) < page:
            # The newest entries may be lost, too: with all of a log that was evicted, or with the memory of the shard.
            self._follow(self.until if last is None else int(last))
            self.done = True

    def _follow(self, before: int) -> None:
        """Note that ``before`` is the tick that should have been seen last."""
        if before > self.at:
            self.complete_from = min(before, self.until)
