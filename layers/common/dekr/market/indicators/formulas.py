"""Formulas of technical indicators, over prices in order of time, oldest first.

Each formula returns one value for every price from the first one on for which it is defined, so the last value belongs to the
last price; with ``since``, only the values of ``prices[since:]``, which takes less time. Values are in the unit of the prices
(RSI: 0 to 100). The conventions are the upstream's
(https://massive.com/docs/rest/stocks/technical-indicators): an EMA begins with the SMA of its first window, RSI is Wilder's.

Two figures say how many prices a value depends on, in TA-Lib's terms (https://ta-lib.org/functions). The lookback is how many
prices come before the first one that has a value. The unstable period is how many prices after that a value still depends
on the first one: an EMA and Wilder's average never forget where they began, they only weigh it less. After m more prices
the first value has the weight r**m, where r is 1 - 2 / (n + 1) for an EMA of n prices and 1 - 1 / n for Wilder's average.
Once r**m <= 2**-53, half of the smallest difference from 1 that a double can represent, a value equals that of the full history up
to rounding. That gives m = 53 ln 2 / -ln r: about 18.4 n prices for an EMA and 36.7 n for Wilder's average.
"""

from collections.abc import Sequence
from itertools import accumulate
from math import ceil, fsum, log
from operator import sub
from typing import Any, Final

NEGLIGIBLE_WEIGHT: Final = 2.0**-53
"""A weight so small that a double cannot represent its effect."""


def sma(prices: Sequence[float], window: int, since: int = 0) -> list[float]:
    """Simple moving average: the mean of the last ``window`` prices (https://en.wikipedia.org/wiki/Moving_average).

    The running sum is computed afresh and exactly once in every window, so that rounding errors never add up over more than
    2 * window additions (one part in 10**12 for a window of 1000).
    """
    sums: list[float] = []
    for start in range(0, len(prices) - window + 1, window):
        arriving = prices[start + window : start + 2 * window - 1]
        total = fsum(prices[start : start + window])
        sums += accumulate(map(sub, arriving, prices[start : start + window]), initial=total)
    return [total / window for total in sums[max(since - window + 1, 0) :]]


def ema(prices: Sequence[float], window: int, since: int = 0) -> list[float]:
    """Exponential moving average: k * price + (1 - k) * EMA with k = 2 / (window + 1), from the SMA of the first window on
    (https://en.wikipedia.org/wiki/Exponential_smoothing).
    """
    since = max(since, window - 1)
    if len(prices) <= since:
        return []
    k = 2 / (window + 1)
    kept = 1 - k
    last = _mean(prices, window)
    for price in prices[window : since + 1]:
        last = k * price + kept * last
    return [last] + [last := k * price + kept * last for price in prices[since + 1 :]]


def sma_lookback(window: int) -> int:
    """The number of prices before the first one that has an SMA, or an EMA, of this window."""
    return window - 1


def sma_unstable_period(window: int) -> int:
    """The number of prices after the first value for which an SMA still depends on what it began with: 0 for any window."""
    del window
    return 0


def ema_unstable_period(window: int) -> int:
    """The number of prices after the first value for which an EMA still depends on what it began with."""
    return _unstable_period(1 - 2 / (window + 1))


def macd(
    bars: Sequence[Sequence[Any]], column: int, short: int, long: int, signal: int, since: int = 0
) -> list[tuple[int, float, float, float]]:
    """Moving average convergence/divergence of the prices in one column of the bars, from the first signal on.

    Each result has the bar's start (its first column), the MACD line, its signal and the histogram. The line is the EMA over
    ``short`` prices less the EMA over ``long`` prices, each of which begins with its own first window; the signal is the EMA
    of the line over ``signal`` values; the histogram is the line less the signal (https://en.wikipedia.org/wiki/MACD).
    """
    first = macd_lookback(short, long, signal)
    since = max(since, first)
    if len(bars) <= since:
        return []
    beginning = [bar[column] for bar in bars[: first + 1]]
    quicks, slows = ema(beginning, short, long - 1), ema(beginning, long)
    quick, slow, average = quicks[-1], slows[-1], fsum(map(sub, quicks, slows)) / signal
    k_quick, k_slow, k = 2 / (short + 1), 2 / (long + 1), 2 / (signal + 1)
    kept_quick, kept_slow, kept = 1 - k_quick, 1 - k_slow, 1 - k
    # One loop for all three averages: a list for each of them takes a fifth more time.
    for bar in bars[first + 1 : since + 1]:
        price = bar[column]
        quick = k_quick * price + kept_quick * quick
        slow = k_slow * price + kept_slow * slow
        average = k * (quick - slow) + kept * average
    line = quick - slow
    points = [(bars[since][0], line, average, line - average)]
    for bar in bars[since + 1 :]:
        price = bar[column]
        quick = k_quick * price + kept_quick * quick
        slow = k_slow * price + kept_slow * slow
        line = quick - slow
        average = k * line + kept * average
        points.append((bar[0], line, average, line - average))
    return points


def macd_lookback(short: int, long: int, signal: int) -> int:
    """The number of prices before the first one that has a MACD with its signal."""
    del short
    return long + signal - 2


def macd_unstable_period(short: int, long: int, signal: int) -> int:
    """The number of prices after the first value for which a MACD still depends on what it began with.

    It is the sum of the unstable periods of the longer EMA and of the signal.
    """
    del short
    return ema_unstable_period(long) + ema_unstable_period(signal)


def rsi(prices: Sequence[float], window: int, since: int = 0) -> list[float]:
    """Relative strength index: 100 * gain / (gain + loss), where gain and loss are Wilder's averages of the moves up and down.

    Wilder's average is the mean of the first ``window`` moves, then (average * (window - 1) + move) / window (J. Welles Wilder,
    New Concepts in Technical Trading Systems, 1978; https://en.wikipedia.org/wiki/Relative_strength_index). Where there is no
    loss the index is 100; where there is no move at all, which leaves the formula undefined, it is 0, as TA-Lib has it
    (ta_RSI.c in https://github.com/TA-Lib/ta-lib).
    """
    since = max(since, window)
    if len(prices) <= since:
        return []
    moves = list(map(sub, prices[1:], prices))
    gains = _wilder([move if move > 0 else 0.0 for move in moves], window, since)
    losses = _wilder([-move if move < 0 else 0.0 for move in moves], window, since)
    both = zip(gains, losses, strict=True)
    return [100 * gain / (gain + loss) if loss else 100.0 if gain else 0.0 for gain, loss in both]


def rsi_lookback(window: int) -> int:
    """The number of prices before the first one that has an RSI: its first average needs ``window`` moves."""
    return window


def rsi_unstable_period(window: int) -> int:
    """The number of prices after the first value for which an RSI still depends on what it began with."""
    return _unstable_period(1 - 1 / window)


def _wilder(moves: Sequence[float], window: int, since: int) -> list[float]:
    """Wilder's averages of the moves, from the one before ``moves[since]`` on."""
    rest = window - 1
    last = _mean(moves, window)
    for move in moves[window:since]:
        last = (last * rest + move) / window
    return [last] + [last := (last * rest + move) / window for move in moves[since:]]


def _mean(values: Sequence[float], window: int) -> float:
    return fsum(values[:window]) / window


def _unstable_period(ratio: float) -> int:
    return ceil(log(NEGLIGIBLE_WEIGHT) / log(ratio)) if ratio > 0 else 0
