"""The newest events of each pair, kept in memory: for a resume after a short absence, and for the latest event.

What all rings hold is bounded together, and the oldest events go first, so a quiet pair's history is as long as a busy one's.
"""

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from dekr.stream.delivery.batches import Chunk
from dekr.stream.delivery.conflation import start_of
from dekr.stream.pairs import Channel
from dekr.stream.relay.index import all_of, matches

_AGGREGATES: Final = (f"{Channel.SECONDS}.", f"{Channel.MINUTES}.")
RING_BYTES: Final = 64 * 1024 * 1024


@dataclass(slots=True, eq=False)
class _Ring:
    entries: deque[tuple[int, Chunk]] = field(default_factory=deque)
    latest: tuple[str, bytes] = ("", b"")
    start: int = 0
    """That of ``latest``, where it is an aggregate."""
    dead: bool = False


class Rings:
    """The rings of all pairs; ``at_most`` bytes of events in all."""

    def __init__(self, at_most: int = RING_BYTES) -> None:
        self._at_most = at_most
        self._rings: dict[str, _Ring] = {}
        self._order: deque[tuple[str, _Ring]] = deque()
        self._bytes = 0
        self._lost: dict[str, int] = {}
        self.began = 0
        """Events up to this tick are not here."""

    def begin(self, tick: int) -> None:
        """Say that the events up to this tick are not here."""
        self.began = tick

    def add(self, pair: str, tick: int, chunks: Sequence[Chunk]) -> None:
        """Keep the events of a pair in a tick."""
        ring = self._rings.setdefault(pair, _Ring())
        is_aggregate = pair.startswith(_AGGREGATES)
        for chunk in chunks:
            ring.entries.append((tick, chunk))
            self._order.append((pair, ring))
            self._bytes += len(chunk.body)
            for text in chunk.texts if is_aggregate else chunk.texts[-1:]:
                start = start_of(text) if is_aggregate else 0
                if start >= ring.start:
                    ring.latest, ring.start = (pair, text), start
        while self._bytes > self._at_most:
            oldest_pair, oldest = self._order.popleft()
            if not oldest.dead:
                lost_tick, chunk = oldest.entries.popleft()
                self._bytes -= len(chunk.body)
                self._lost[oldest_pair] = lost_tick

    def drop(self, pair: str, tick: int, wanted: Collection[str]) -> None:
        """Forget a pair (``A.*``: all pairs of the channel) whose events are not received any more, unless as one of those that
        are still wanted. ``tick`` was the last one.
        """
        for each in [each for each in self._rings if matches(each, (pair,)) and not matches(each, wanted)]:
            ring = self._rings.pop(each)
            ring.dead = True
            self._bytes -= sum(len(chunk.body) for _, chunk in ring.entries)
            self._lost[each] = tick

    def latest(self, pairs: Collection[str]) -> list[tuple[str, bytes]]:
        """The latest event of each of these pairs, where there is one."""
        return [ring.latest for ring in self._of(pairs)]

    def unseen(self, pairs: Collection[str]) -> list[str]:
        """Those of these pairs of which nothing was received."""
        return [pair for pair in pairs if pair not in self._rings and pair != all_of(pair)]

    def holds(self, pair: str, after: int) -> bool:
        """Whether all events of a pair since the tick ``after`` that were received are here."""
        if after < self.began:
            return False
        if pair == all_of(pair):
            return all(lost <= after for each, lost in self._lost.items() if matches(each, (pair,)))
        return self._lost.get(pair, 0) <= after

    def since(self, pairs: Collection[str], after: int) -> list[Chunk]:
        """The events of these pairs in the ticks after ``after``, oldest first."""
        found = [entry for ring in self._of(pairs) for entry in ring.entries if entry[0] > after]
        found.sort(key=lambda entry: entry[0])
        return [chunk for _, chunk in found]

    def _of(self, pairs: Collection[str]) -> list[_Ring]:
        whole = {pair for pair in pairs if pair == all_of(pair)}
        if whole:
            return [ring for pair, ring in self._rings.items() if matches(pair, pairs)]
        return [self._rings[pair] for pair in pairs if pair in self._rings]
