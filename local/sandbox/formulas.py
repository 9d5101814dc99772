"""The vendor's indicators, computed from prices in order of time, the oldest first. The nth value belongs to the nth
price.

A value is None as long as there are too few prices. Prices are ten-thousandths of a dollar unless a function says
dollars; results are in dollars (RSI: from 0 to 100).
"""

from collections.abc import Sequence
from itertools import pairwise

from local.sandbox.span import DOLLAR

type Values = list[float | None]


def sma(prices: Sequence[int], window: int) -> Values:
    """Return the simple moving average: the mean of the last ``window`` prices, in dollars."""
    values: Values = []
    total = 0
    for place, price in enumerate(prices):
        total += price - (prices[place - window] if place >= window else 0)
        values.append(total / (window * DOLLAR) if place + 1 >= window else None)
    return values


def ema(prices: Sequence[float], window: int) -> Values:
    """Return the exponential moving average of prices in dollars.

    It starts with the mean of the first ``window`` prices and goes on with k * price + (1 - k) * EMA, k = 2 / (window +
    1).
    """
    values: Values = [None] * min(window - 1, len(prices))
    if len(prices) < window:
        return values
    k, value = 2 / (window + 1), sum(prices[:window]) / window
    values.append(value)
    for price in prices[window:]:
        value = k * price + (1 - k) * value
        values.append(value)
    return values


def macd(prices: Sequence[float], short: int, long: int, signal: int) -> list[tuple[float, float, float] | None]:
    """Return (line, signal, histogram) of prices in dollars.

    The line is the short EMA less the long EMA, the signal is the line's EMA over ``signal`` values, and the histogram
    is the line less the signal.
    """
    both = zip(ema(prices, short), ema(prices, long), strict=True)
    lines = [quick - slow for quick, slow in both if quick is not None and slow is not None]
    signals = ema(lines, signal)
    values = [None if s is None else (line, s, line - s) for line, s in zip(lines, signals, strict=True)]
    return [None] * (len(prices) - len(lines)) + values


def rsi(prices: Sequence[int], window: int) -> Values:
    """Return Wilder's relative strength index: 100 * gain / (gain + loss), each the average move smoothed by 1 /
    ``window``.

    The averages start with the mean of the first ``window`` moves. Without any move it is 0, as TA-Lib has it (ta_RSI.c in
    https://github.com/TA-Lib/ta-lib); the vendor does not document this case.
    """
    moves = [later - earlier for earlier, later in pairwise(prices)]
    values: Values = [None] * min(window, len(prices))
    if len(moves) < window:
        return values
    gain = sum(max(move, 0) for move in moves[:window]) / window
    loss = sum(max(-move, 0) for move in moves[:window]) / window
    values.append(_relative_strength(gain, loss))
    for move in moves[window:]:
        gain = (gain * (window - 1) + max(move, 0)) / window
        loss = (loss * (window - 1) + max(-move, 0)) / window
        values.append(_relative_strength(gain, loss))
    return values


def _relative_strength(gain: float, loss: float) -> float:
    return 100 * gain / (gain + loss) if gain or loss else 0.0
