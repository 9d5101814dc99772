"""The clock of a run: this machine's clock plus an offset that is driven.

The service's clock jumps: either time passes (the market's clock jumps with it), or the service's clock alone is
stepped. The moment of a change is only known to lie between two others, so every question is answered with the earliest
and the latest time that is possible. All times are microseconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

type Kind = Literal["start", "time passed", "clock forward", "clock back"]

FOREVER_US: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class ClockChange:
    """A change of the offset at some moment between ``from_us`` and ``until_us`` of this machine's clock."""

    from_us: int
    until_us: int
    offset_us: int
    kind: Kind = "time passed"


@dataclass(frozen=True, slots=True)
class Timeline:
    """The changes of the clock in a run, the oldest first. Before the first one the offset was the same as after it."""

    changes: Sequence[ClockChange]

    def shown_between(self, first_us: int, last_us: int) -> tuple[int, int]:
        """Return the earliest and the latest time that the service's clock can have shown between two moments of this
        machine's clock.
        """
        shown: list[int] = []
        for i, change in enumerate(self.changes):
            start_us = change.from_us if i else -FOREVER_US
            end_us = self.changes[i + 1].until_us if i + 1 < len(self.changes) else FOREVER_US
            low, high = max(first_us, start_us), min(last_us, end_us)
            if low <= high:
                shown += [low + change.offset_us, high + change.offset_us]
        return min(shown), max(shown)

    def earliest(self, first_us: int, last_us: int) -> int:
        """Return the earliest time that the service's clock can have shown between two moments of this machine's clock."""
        return self.shown_between(first_us, last_us)[0]

    def latest(self, first_us: int, last_us: int) -> int:
        """Return the latest time that the service's clock can have shown between two moments of this machine's clock."""
        return self.shown_between(first_us, last_us)[1]

    def machine_time(self, shown_us: int, first_us: int, last_us: int) -> tuple[int, int]:
        """Return the first and the last moment of this machine's clock, between two others, at which the service's
        clock can have shown a time; both limits if it cannot have shown it.
        """
        moments: list[int] = []
        for i, change in enumerate(self.changes):
            start_us = change.from_us if i else -FOREVER_US
            end_us = self.changes[i + 1].until_us if i + 1 < len(self.changes) else FOREVER_US
            at_us = shown_us - change.offset_us
            if max(first_us, start_us) <= at_us <= min(last_us, end_us):
                moments.append(at_us)
        return (min(moments), max(moments)) if moments else (first_us, last_us)

    def stepped_back(self, first_us: int, last_us: int) -> bool:
        """Return whether the service's clock was set back between two moments of this machine's clock."""
        return any(m.kind == "clock back" and m.until_us >= first_us and m.from_us <= last_us for m in self.changes)

    def without_steps_back(self) -> "Timeline":
        """Return this timeline as if the clock had never been set back. Windows of time are counted on it."""
        changes: list[ClockChange] = []
        forward_offset_us = self.changes[0].offset_us
        for i, change in enumerate(self.changes):
            if i:
                forward_offset_us += max(0, change.offset_us - self.changes[i - 1].offset_us)
            changes.append(ClockChange(change.from_us, change.until_us, forward_offset_us, change.kind))
        return Timeline(changes)
