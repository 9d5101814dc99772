"""A stretch of trading, and how it is made of shorter ones (``tree`` says which).

The market is built from the top: a whole day is drawn first, and then split again and again, each half from the random
numbers of its own place. So any part of any day is reached in a few steps, without what comes before it, and a longer bar
is exactly what its shorter ones add up to: first open, highest high, lowest low, last close, sums of the rest.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from local.sandbox import noise

DOLLAR: Final = 10_000

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


def split(
    whole: Span, share: float, room: tuple[int, int], grain: int, grains: Sequence[int]
) -> tuple[Span | None, Span | None]:
    """A span in two, None where one had no trades.

    ``share``: how much of the trading is expected in the first; ``room``: how many base units each has; ``grain``: the step of
    the prices; ``grains``: twelve random numbers (``noise.grains``).
    """
    o, h, low, c, volume, trades, turnover, all_slots = whole
    slots = int(all_slots * _uneven(share, grains[0] / noise.ONE) + grains[1] / noise.ONE)
    slots = min(max(slots, all_slots - room[1]), room[0], all_slots)
    if slots <= 0:
        return None, whole
    if slots == all_slots:
        return whole, None
    draw = [part / noise.ONE for part in grains]
    spare = trades - TRADES_A_SLOT * all_slots
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
    if high_1 < h and high_2 < h:
        high_1, high_2 = (h, high_2) if draw[10] < share else (high_1, h)
    if low_1 > low and low_2 > low:
        low_1, low_2 = (low, low_2) if draw[11] < share else (low_1, low)
    return (
        Span(o, high_1, low_1, c1, volume_1, trades_1, turnover_1, slots),
        Span(o2, high_2, low_2, c, volume_2, trades - trades_1, turnover_2, all_slots - slots),
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
