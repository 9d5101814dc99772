"""A stretch of trading, and how it is split into shorter ones (``tree`` decides where).

The market is built from the top: a whole day is generated first, and then split again and again, each half with random
numbers of its own. So any part of any day is reached in a few steps, without computing what comes before it, and a
longer bar is exactly the aggregate of its shorter ones: first open, highest high, lowest low, last close, sums of the
rest.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from local.sandbox import noise

DOLLAR: Final = 10_000
"""One dollar in the unit of all prices here, a ten-thousandth of a dollar."""


MIN_TRADES_PER_SLOT: Final = 4
"""A slot with any trades has at least this many, so that open, high, low and close can be four of them."""

_DEVIATION: Final = 0.9
_WICK: Final = 0.2
"""The deviation of the halves from the straight line, and their reach towards the extremes of the whole. With these
values the range of a minute relates to the range of a day about as the square roots of their lengths do.
"""


class Span(NamedTuple):
    """Trading between two moments.

    Prices are in ten-thousandths of a dollar. ``volume`` is in shares; ``turnover`` is the sum of price times shares;
    ``slots`` is the number of base units (minutes, or seconds of a minute) that had trades.
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
        """Return the same trading in shares of which ``ratio`` make one of these. Exact, because ratios divide every
        tick size.
        """
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
    """Return the one span that covers several spans (at least one), given in order of time."""
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
    whole: Span, fraction: float, room: tuple[int, int], tick_size: int, random_integers: Sequence[int]
) -> tuple[Span | None, Span | None]:
    """Split a span in two. A half is None if it has no trades.

    ``fraction``: the part of the trading expected in the first half; ``room``: the number of base units in each half;
    ``tick_size``: the smallest step of the prices; ``random_integers``: twelve random integers (``noise.integers``).
    """
    o, h, low, c, volume, trades, turnover, all_slots = whole
    slots = int(
        all_slots * _perturbed(fraction, random_integers[0] / noise.INTEGER_LIMIT)
        + random_integers[1] / noise.INTEGER_LIMIT
    )
    slots = min(max(slots, all_slots - room[1]), room[0], all_slots)
    if slots <= 0:
        return None, whole
    if slots == all_slots:
        return whole, None
    draw = [integer / noise.INTEGER_LIMIT for integer in random_integers]
    extra_trades = trades - MIN_TRADES_PER_SLOT * all_slots
    trades_1 = MIN_TRADES_PER_SLOT * slots + int(extra_trades * _perturbed(fraction, draw[2]))
    volume_1 = trades_1 + int((volume - trades) * _perturbed(trades_1 / trades, draw[3]))
    volume_2 = volume - volume_1

    middle = o + (c - o) * fraction + (h - low) * _DEVIATION * (draw[4] - 0.5)
    c1 = min(h, max(low, round(middle / tick_size) * tick_size))
    o2 = min(h, max(low, c1 + tick_size * (int(draw[5] * 3) - 1)))
    # Both averages must lie between low and high: that bounds the first half's turnover from both sides.
    min_turnover, max_turnover = (
        max(low * volume_1, turnover - h * volume_2),
        min(h * volume_1, turnover - low * volume_2),
    )
    turnover_1 = min(max_turnover, max(min_turnover, (o + c1) * volume_1 // 2))
    turnover_2 = turnover - turnover_1

    high_1, low_1 = _least_range(o, c1, turnover_1, volume_1, tick_size)
    high_2, low_2 = _least_range(o2, c, turnover_2, volume_2, tick_size)
    high_1 += int((h - high_1) * _WICK * draw[6] / tick_size) * tick_size
    low_1 -= int((low_1 - low) * _WICK * draw[7] / tick_size) * tick_size
    high_2 += int((h - high_2) * _WICK * draw[8] / tick_size) * tick_size
    low_2 -= int((low_2 - low) * _WICK * draw[9] / tick_size) * tick_size
    if high_1 < h and high_2 < h:
        high_1, high_2 = (h, high_2) if draw[10] < fraction else (high_1, h)
    if low_1 > low and low_2 > low:
        low_1, low_2 = (low, low_2) if draw[11] < fraction else (low_1, low)
    return (
        Span(o, high_1, low_1, c1, volume_1, trades_1, turnover_1, slots),
        Span(o2, high_2, low_2, c, volume_2, trades - trades_1, turnover_2, all_slots - slots),
    )


def _perturbed(fraction: float, draw: float) -> float:
    """Return a fraction that is randomly a little larger or smaller, and still between 0 and 1. ``draw`` lies in [0, 1)."""
    larger = fraction * (0.7 + 0.6 * draw)
    return larger / (larger + (1 - fraction) * (1.3 - 0.6 * draw))


def _least_range(first: int, last: int, turnover: int, volume: int, tick_size: int) -> tuple[int, int]:
    """Return the lowest possible high and the highest possible low of a span with these ends and this average price."""
    high = max(first, last, -(-turnover // (volume * tick_size)) * tick_size)
    low = min(first, last, turnover // (volume * tick_size) * tick_size)
    return high, low
