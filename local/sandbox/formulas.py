"""The vendor's indicators from prices in order of time, the oldest first; the nth value belongs to the nth price.

None where there is none yet. Prices are whole numbers (ten-thousandths of a dollar), results are in dollars.
"""

from collections.abc import Sequence
from itertools import pairwise

from local.sandbox.span import DOLLAR

type Values = list[float | None]


def sma(prices: Sequence[int], window: int) -> Values:
    """The average of the last ``window`` prices."""
    found: Values = []
    total = 0
    for place, price in enumerate(prices):
        total += price - (prices[place - window] if place >= window else 0)
        found.append(total / (window * DOLLAR) if place + 1 >= window else None)
    return found


def ema(prices: Sequence[float], window: int) -> Values:
    """The average of the first ``window`` prices, and from there k * price + (1 - k) * EMA with k = 2 / (window + 1)."""
    found: Values = [None] * min(window - 1, len(prices))
    if len(prices) < window:
        return found
    k, value = 2 / (window + 1), sum(prices[:window]) / window
    found.append(value)
    for price in prices[window:]:
        value = k * price + (1 - k) * value
        found.append(value)
    return found


def macd(prices: Sequence[float], short: int, long: int, signal: int) -> list[tuple[float, float, float] | None]:
    """The line (short EMA less long EMA), its EMA over ``signal`` values, and the line less that EMA."""
    both = zip(ema(prices, short), ema(prices, long), strict=True)
    lines = [quick - slow for quick, slow in both if quick is not None and slow is not None]
    signals = ema(lines, signal)
    values = [None if s is None else (line, s, line - s) for line, s in zip(lines, signals, strict=True)]
    return [None] * (len(prices) - len(lines)) + values


def rsi(prices: Sequence[int], window: int) -> Values:
    """Wilder's: 100 * gain / (gain + loss), each the average of the first ``window`` moves, smoothed by 1 / window."""
    moves = [later - earlier for earlier, later in pairwise(prices)]
    found: Values = [None] * min(window, len(prices))
    if len(moves) < window:
        return found
    gain = sum(max(move, 0) for move in moves[:window]) / window
    loss = sum(max(-move, 0) for move in moves[:window]) / window
    found.append(_strength(gain, loss))
    for move in moves[window:]:
        gain = (gain * (window - 1) + max(move, 0)) / window
        loss = (loss * (window - 1) + max(-move, 0)) / window
        found.append(_strength(gain, loss))
    return found


def _strength(gain: float, loss: float) -> float:
    return 100 * gain / (gain + loss) if loss else 100.0
