"""Split a span again and again, down to its base units: the minutes of a day, or the seconds of a minute."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from local.sandbox import noise
from local.sandbox.span import Span, merged, split


class PlacedSpan(NamedTuple):
    """A span and the base units that it covers: from ``start`` to ``end`` (exclusive), counted from the first of its tree."""

    start: int
    end: int
    span: Span


class PathNode(NamedTuple):
    """One node on the path from the root down to a unit.

    ``start`` and ``end`` are the units of the half that the unit lies in, ``span`` is its trading (None: no trades),
    and ``passed`` is the earlier half that was left behind, if it has trades and the path went to the later one.
    """

    start: int
    end: int
    span: Span | None
    passed: PlacedSpan | None


@dataclass(frozen=True, slots=True)
class Tree:
    """The base units of one span, found by splitting it.

    ``first``: the number of the first unit; ``cumulative_activity``: the running total of the units' relative activity,
    from 0, one entry longer than there are units; ``tick_size``: the smallest step of the prices.
    """

    key: bytes
    whole: Span
    first: int
    cumulative_activity: Sequence[float]
    tick_size: int
    _path: list[tuple[PathNode, ...]] = field(default_factory=lambda: [()], init=False, repr=False, compare=False)
    """The path to the unit that was read last. The next one is usually close to it, so most of its path is the same."""

    def pieces(self, step: int, until: int) -> Iterator[tuple[int, Span]]:
        """Yield (first unit, span) in order of time, together all trading before unit ``until``.

        No span crosses a multiple of ``step`` units.
        """
        return self._pieces(self.whole, 0, len(self.cumulative_activity) - 1, step, until - self.first)

    def before(self, unit: int) -> tuple[list[PlacedSpan], Span | None]:
        """Return all trading before a unit, in order of time and as few spans, and the unit's own span (None: no trades)."""
        unit -= self.first
        start, end = 0, len(self.cumulative_activity) - 1
        if unit >= end:
            return [PlacedSpan(start, end, self.whole)], None
        path = [node for node in self._path[0] if node.start <= unit < node.end]
        span: Span | None = self.whole
        if path:
            start, end, span, _ = path[-1]
        while span is not None and end - start > 1:
            middle = (start + end) // 2
            left, right = self._split(span, start, middle, end)
            if unit < middle:
                span, end, passed = left, middle, None
            else:
                passed = PlacedSpan(start, middle, left) if left is not None else None
                span, start = right, middle
            path.append(PathNode(start, end, span, passed))
        self._path[0] = tuple(path)
        return [node.passed for node in path if node.passed is not None], span

    def newest(self, placed: PlacedSpan) -> tuple[int, Span]:
        """Return the number and the span of the last unit with trades inside a placed span."""
        start, end, span = placed
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
        cumulative = self.cumulative_activity
        fraction = (cumulative[middle] - cumulative[start]) / (cumulative[end] - cumulative[start])
        random_integers = noise.integers(self.key, start << 16 | end)
        return split(whole, fraction, (middle - start, end - middle), self.tick_size, random_integers)


def running_total(weights: Sequence[float]) -> tuple[float, ...]:
    """Return the running total of weights, from 0; one entry longer than the weights."""
    totals = [0.0]
    for weight in weights:
        totals.append(totals[-1] + weight)
    return tuple(totals)


def grouped(pieces: Iterator[tuple[int, Span]], step: int) -> list[tuple[int, Span]]:
    """Merge pieces, given in order, into one span for each window of ``step`` units.

    Return (the window's first unit, its span) for each window that has trades.
    """
    windows: dict[int, list[Span]] = {}
    for first, span in pieces:
        windows.setdefault(first // step * step, []).append(span)
    return [(start, merged(spans)) for start, spans in windows.items()]
