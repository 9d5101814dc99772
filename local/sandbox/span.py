"""A stretch of trading, and how it is made of shorter ones.

The market is built from the top: a whole day is drawn first, and then split again and again, each half from the random
numbers of its own place. So any part of any day is reached in a few steps, without what comes before it, and a longer bar
is exactly what its shorter ones add up to: first open, highest high, lowest low, last close, sums of the rest.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from local.sandbox import noise

TRADES_A_SLOT: Final = 4
"""A slot that trades at all has this many trades at least, so that open, high, low and close can be four of them."""

_BEND: Final = 0.9
_WICK: Final = 0.2
"""How far halves bend from the straight line and reach towards the whole's extremes: with these, a minute's range is to a
day's about as the square root of their lengths."""


class Span(NamedTuple):
    """Trading between two moments. Prices in ten-thousandths of a dollar; ``turnover``: the sum of price times shares;
    ``slots``: in how many of its base units (minutes, or seconds of a minute) there were trades.
    """

    open: int
    high: int
    low: int
    close: int
    volume: int
    trades: int
    turnover: int
    slots: int

    def scaled(self, ratio: int) -> "Span":
        """The same trading in shares of which ``ratio`` are one of these. Exact: ratios divide the price grain."""
        if ratio == 1:
            return self
        return Span(
            self.open // ratio,
            self.high // ratio,
            self.low // ratio,
            self.close // ratio,
            self.volume * ratio,
            self.trades,
            self.turnover,
            self.slots,
        )


def merged(spans: Sequence[Span]) -> Span:
    """The one span over several (at least one), in order of time."""
    if len(spans) == 1:
        return spans[0]
    return Span(
        spans[0].open,
        max(span.high for span in spans),
        min(span.low for span in spans),
        spans[-1].close,
        sum(span.volume for span in spans),
        sum(span.trades for span in spans),
        sum(span.turnover for span in spans),
        sum(span.slots for span in spans),
    )


class Place(NamedTuple):
    """A span and the units that it lies in, counted from the first of its tree."""

    start: int
    end: int
    span: Span


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

    def pieces(self, step: int, until: int) -> Iterator[tuple[int, Span]]:
        """Spans in order that together are all trading before unit ``until``; none crosses a multiple of ``step``."""
        return self._pieces(self.whole, 0, len(self.busy) - 1, step, until - self.first)

    def before(self, unit: int) -> tuple[list[Place], Span | None]:
        """All trading before a unit, in order, as few spans; and the unit's own span, None without trades."""
        unit -= self.first
        place = Place(0, len(self.busy) - 1, self.whole)
        if unit >= place.end:
            return [place], None
        found: list[Place] = []
        span: Span | None = self.whole
        start, end = 0, place.end
        while span is not None and end - start > 1:
            middle = (start + end) // 2
            left, right = self._split(span, start, middle, end)
            if unit < middle:
                span, end = left, middle
            else:
                if left is not None:
                    found.append(Place(start, middle, left))
                span, start = right, middle
        return found, span

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
        draw = noise.units(self.key, start << 16 | end)
        return split(whole, share, (middle - start, end - middle), self.grain, draw)


def split(
    whole: Span, share: float, room: tuple[int, int], grain: int, draw: Sequence[float]
) -> tuple[Span | None, Span | None]:
    """A span in two, None where one had no trades.

    ``share``: how much of the trading is expected in the first; ``room``: how many base units each has; ``draw``: twelve
    numbers in [0, 1).
    """
    slots = int(whole.slots * _uneven(share, draw[0]) + draw[1])
    slots = min(max(slots, whole.slots - room[1]), room[0], whole.slots)
    if slots <= 0:
        return None, whole
    if slots == whole.slots:
        return whole, None
    o, h, low, c, volume, trades, turnover, _ = whole
    spare = trades - TRADES_A_SLOT * whole.slots
    trades_1 = TRADES_A_SLOT * slots + int(spare * _uneven(share, draw[2]))
    volume_1 = trades_1 + int((volume - trades) * _uneven(trades_1 / trades, draw[3]))
    volume_2 = volume - volume_1

    bend = o + (c - o) * share + (h - low) * _BEND * (draw[4] - 0.5)
    c1 = min(h, max(low, round(bend / grain) * grain))
    o2 = min(h, max(low, c1 + grain * (int(draw[5] * 3) - 1)))
    # Both averages must lie between low and high: that bounds the first half's turnover from both sides.
    least, most = max(low * volume_1, turnover - h * volume_2), min(h * volume_1, turnover - low * volume_2)
    turnover_1 = min(most, max(least, (o + c1) * volume_1 // 2))
    turnover_2 = turnover - turnover_1

    high_1, low_1 = _bounds(o, c1, turnover_1, volume_1, grain)
    high_2, low_2 = _bounds(o2, c, turnover_2, volume_2, grain)
    high_1 += int((h - high_1) * _WICK * draw[6] / grain) * grain
    low_1 -= int((low_1 - low) * _WICK * draw[7] / grain) * grain
    high_2 += int((h - high_2) * _WICK * draw[8] / grain) * grain
    low_2 -= int((low_2 - low) * _WICK * draw[9] / grain) * grain
    if max(high_1, high_2) < h:
        high_1, high_2 = (h, high_2) if draw[10] < share else (high_1, h)
    if min(low_1, low_2) > low:
        low_1, low_2 = (low, low_2) if draw[11] < share else (low_1, low)
    return (
        Span(o, high_1, low_1, c1, volume_1, trades_1, turnover_1, slots),
        Span(o2, high_2, low_2, c, volume_2, trades - trades_1, turnover_2, whole.slots - slots),
    )


def _uneven(share: float, draw: float) -> float:
    """A share that is a little larger or smaller, and still between 0 and 1."""
    larger = share * (0.7 + 0.6 * draw)
    return larger / (larger + (1 - share) * (1.3 - 0.6 * draw))


def _bounds(first: int, last: int, turnover: int, volume: int, grain: int) -> tuple[int, int]:
    """The high and low that a span needs at least, for its ends and its average price."""
    high = max(first, last, -(-turnover // (volume * grain)) * grain)
    low = min(first, last, turnover // (volume * grain) * grain)
    return high, low


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
