"""The clock of the run: this machine's, plus an offset that is driven.

The service's clock jumps: time passes (the market's clock jumps with it), or the clock alone is stepped. An offset is set
at a moment that is only known to lie between two others, so every question is answered with the earliest and the latest
that can be true. All times are microseconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

type Kind = Literal["start", "time passed", "clock forward", "clock back"]

FOREVER_US: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class Move:
    """From some moment in [``from_us``, ``until_us``] of this machine's clock on, the service's clock is so far ahead."""

    from_us: int
    until_us: int
    offset_us: int
    kind: Kind = "time passed"


@dataclass(frozen=True, slots=True)
class Timeline:
    """The moves of a run, the oldest first. Before the first one the offset was the same."""

    moves: Sequence[Move]

    def span(self, first_us: int, last_us: int) -> tuple[int, int]:
        """The earliest and the latest that the service's clock can have shown between two moments of this machine's."""
        shown: list[int] = []
        for i, move in enumerate(self.moves):
            begins = move.from_us if i else -FOREVER_US
            ends = self.moves[i + 1].until_us if i + 1 < len(self.moves) else FOREVER_US
            low, high = max(first_us, begins), min(last_us, ends)
            if low <= high:
                shown += [low + move.offset_us, high + move.offset_us]
        return min(shown), max(shown)

    def earliest(self, first_us: int, last_us: int) -> int:
        """The least that the clock can have shown."""
        return self.span(first_us, last_us)[0]

    def latest(self, first_us: int, last_us: int) -> int:
        """The most that it can have shown."""
        return self.span(first_us, last_us)[1]

    def machine(self, shown_us: int, first_us: int, last_us: int) -> tuple[int, int]:
        """When, between two moments of this machine's clock, the service's can have shown that; both moments if never."""
        found: list[int] = []
        for i, move in enumerate(self.moves):
            begins = move.from_us if i else -FOREVER_US
            ends = self.moves[i + 1].until_us if i + 1 < len(self.moves) else FOREVER_US
            at = shown_us - move.offset_us
            if max(first_us, begins) <= at <= min(last_us, ends):
                found.append(at)
        return (min(found), max(found)) if found else (first_us, last_us)

    def stepped_back(self, first_us: int, last_us: int) -> bool:
        """Whether the clock was set back between two moments."""
        return any(m.kind == "clock back" and m.until_us >= first_us and m.from_us <= last_us for m in self.moves)

    def without_steps_back(self) -> "Timeline":
        """The same clock, had it never been set back: what has passed for whoever counts in windows."""
        made: list[Move] = []
        debt_us = self.moves[0].offset_us
        for i, move in enumerate(self.moves):
            if i:
                debt_us += max(0, move.offset_us - self.moves[i - 1].offset_us)
            made.append(Move(move.from_us, move.until_us, debt_us, move.kind))
        return Timeline(made)
