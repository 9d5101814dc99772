"""How a span is split again and again, down to its base units: minutes of a day, or seconds of a minute."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from local.sandbox import noise
from local.sandbox.span import Span, merged, split


class Place(NamedTuple):
    """A span and the units that it lies in, counted from the first of its tree."""

    start: int
    end: int
    span: Span


class Step(NamedTuple):
    """One step on the way down to a unit: the half that the unit lies in (None: without trades), and what was left behind."""

    start: int
    end: int
    span: Span | None
    passed: Place | None


@dataclass(frozen=True, slots=True)
class Tree:
    """The base units of one span, found by splitting it.

    ``first``: the number of the first unit; ``busy``: running total of how busy the units are, from 0, one longer than
    there are units; ``grain``: the step of the prices.
    """

    key: bytes
    whole: Span
    first: int
    busy: Sequence[float]
    grain: int
    _way: list[tuple[Step, ...]] = field(default_factory=lambda: [()], init=False, repr=False, compare=False)
    """The way to the unit that was asked for last: the next one is usually close to it, so most of its way is the same."""

    def pieces(self, step: int, until: int) -> Iterator[tuple[int, Span]]:
        """Spans in order that together are all trading before unit ``until``; none crosses a multiple of ``step``."""
        return self._pieces(self.whole, 0, len(self.busy) - 1, step, until - self.first)

    def before(self, unit: int) -> tuple[list[Place], Span | None]:
        """All trading before a unit, in order, as few spans; and the unit's own span, None without trades."""
        unit -= self.first
        start, end = 0, len(self.busy) - 1
        if unit >= end:
            return [Place(start, end, self.whole)], None
        way = [step for step in self._way[0] if step.start <= unit < step.end]
        span: Span | None = self.whole
        if way:
            start, end, span, _ = way[-1]
        while span is not None and end - start > 1:
            middle = (start + end) // 2
            left, right = self._split(span, start, middle, end)
            if unit < middle:
                span, end, passed = left, middle, None
            else:
                passed = Place(start, middle, left) if left is not None else None
                span, start = right, middle
            way.append(Step(start, end, span, passed))
        self._way[0] = tuple(way)
        return [step.passed for step in way if step.passed is not None], span

    def newest(self, place: Place) -> tuple[int, Span]:
        """The last unit with trades of a place, and its number."""
        start, end, span = place
        while end - start > 1:
            middle = (start + end) // 2
            left, right = self._split(span, start, middle, end)
            if right is not None:
                span, start = right, middle
            elif left is not None:
                span, end = left, middle
        return self.first + start, span

    def _pieces(self, span: Span, start: int, end: int, step: int, until: int) -> Iterator[tuple[int, Span]]:
        first = self.first + start
        if end <= until and first // step == (self.first + end - 1) // step:
            yield first, span
            return
        middle = (start + end) // 2
        left, right = self._split(span, start, middle, end)
        if left is not None and start < until:
            yield from self._pieces(left, start, middle, step, until)
        if right is not None and middle < until:
            yield from self._pieces(right, middle, end, step, until)

    def _split(self, whole: Span, start: int, middle: int, end: int) -> tuple[Span | None, Span | None]:
        busy = self.busy
        share = (busy[middle] - busy[start]) / (busy[end] - busy[start])
        grains = noise.grains(self.key, start << 16 | end)
        return split(whole, share, (middle - start, end - middle), self.grain, grains)


def running_total(weights: Sequence[float]) -> tuple[float, ...]:
    """The running total of weights, from 0."""
    totals = [0.0]
    for weight in weights:
        totals.append(totals[-1] + weight)
    return tuple(totals)


def grouped(pieces: Iterator[tuple[int, Span]], step: int) -> list[tuple[int, Span]]:
    """Pieces in order as one span for each window of ``step`` units, with the number of the window's first unit."""
    windows: dict[int, list[Span]] = {}
    for first, span in pieces:
        windows.setdefault(first // step * step, []).append(span)
    return [(start, merged(spans)) for start, spans in windows.items()]
