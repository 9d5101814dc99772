"""Technical indicators over prices in order of time, the oldest first.

Every formula gives one value for each price from the first on for which it is defined, so that the last value belongs to
the last price; where ``since`` is given, only the values of ``prices[since:]``, which takes less time. Values are in the unit
of the prices (RSI: 0 to 100). The conventions are the upstream's
(https://massive.com/docs/rest/stocks/technical-indicators): an EMA begins with the SMA of its first window, RSI is Wilder's.

Memory. An EMA and Wilder's average never forget what they began with, they count it less: after m more prices the
beginning has the weight r**m, where r is 1 - 2 / (n + 1) for an EMA of n and 1 - 1 / n for Wilder's. From the m on for
which r**m <= 2**-53, half of what a double can tell from 1, a value computed from there is that of the full history, up
to rounding. That is m = 53 ln 2 / -ln r: about 18.4 n prices for an EMA and 36.7 n for Wilder's.
"""

from collections.abc import Sequence
from itertools import accumulate
from math import ceil, fsum, log
from operator import sub
from typing import Any, Final

NOTHING: Final = 2.0**-53
"""A weight that a double cannot tell from none."""


def sma(prices: Sequence[float], window: int, since: int = 0) -> list[float]:
    """Simple moving average: the mean of the last ``window`` prices (https://en.wikipedia.org/wiki/Moving_average).

    The sum runs from price to price and is taken anew, exactly, once in every window: rounding never adds up over more than
    2 * window additions (a part in 10**12 for a window of 1000).
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


def ema_memory(window: int) -> int:
    """How many prices after its first value an EMA remembers its beginning."""
    return _memory(1 - 2 / (window + 1))


def macd(
    bars: Sequence[Sequence[Any]], place: int, short: int, long: int, signal: int, since: int = 0
) -> list[tuple[int, float, float, float]]:
    """Moving average convergence/divergence of the prices at ``place`` of the bars: the bar's start (its first field), the line,
    its signal and the histogram, from the first signal on.

    The line is the EMA of ``short`` less the EMA of ``long``, each begun with its own first window; the signal is the EMA of
    the line over ``signal`` values; the histogram is the line less the signal (https://en.wikipedia.org/wiki/MACD).
    """
    first = long + signal - 2
    since = max(since, first)
    if len(bars) <= since:
        return []
    beginning = [bar[place] for bar in bars[: first + 1]]
    quicks, slows = ema(beginning, short, long - 1), ema(beginning, long)
    quick, slow, average = quicks[-1], slows[-1], fsum(map(sub, quicks, slows)) / signal
    k_quick, k_slow, k = 2 / (short + 1), 2 / (long + 1), 2 / (signal + 1)
    kept_quick, kept_slow, kept = 1 - k_quick, 1 - k_slow, 1 - k
    # The averages go on side by side, and from bar to point: a list for each of them would take a fifth more time.
    for bar in bars[first + 1 : since + 1]:
        price = bar[place]
        quick = k_quick * price + kept_quick * quick
        slow = k_slow * price + kept_slow * slow
        average = k * (quick - slow) + kept * average
    line = quick - slow
    points = [(bars[since][0], line, average, line - average)]
    for bar in bars[since + 1 :]:
        price = bar[place]
        quick = k_quick * price + kept_quick * quick
        slow = k_slow * price + kept_slow * slow
        line = quick - slow
        average = k * line + kept * average
        points.append((bar[0], line, average, line - average))
    return points


def macd_memory(short: int, long: int, signal: int) -> int:
    """How many prices after its first value a MACD remembers its beginning: the longer EMA's, then its signal's."""
    del short
    return ema_memory(long) + ema_memory(signal)


def rsi(prices: Sequence[float], window: int, since: int = 0) -> list[float]:
    """Relative strength index: 100 * gain / (gain + loss), where gain and loss are the averages of the moves up and down.

    Wilder's averages: the mean of the first ``window`` moves, then (average * (window - 1) + move) / window (J. Welles Wilder,
    New Concepts in Technical Trading Systems, 1978; https://en.wikipedia.org/wiki/Relative_strength_index). Without any loss it
    is 100.
    """
    since = max(since, window)
    if len(prices) <= since:
        return []
    moves = list(map(sub, prices[1:], prices))
    gains = _wilder([move if move > 0 else 0.0 for move in moves], window, since)
    losses = _wilder([-move if move < 0 else 0.0 for move in moves], window, since)
    return [100 * gain / (gain + loss) if loss else 100.0 for gain, loss in zip(gains, losses, strict=True)]


def rsi_memory(window: int) -> int:
    """How many prices after its first value an RSI remembers its beginning."""
    return _memory(1 - 1 / window)


def _wilder(moves: Sequence[float], window: int, since: int) -> list[float]:
    """The averages from the one before ``moves[since]`` on."""
    rest = window - 1
    last = _mean(moves, window)
    for move in moves[window:since]:
        last = (last * rest + move) / window
    return [last] + [last := (last * rest + move) / window for move in moves[since:]]


def _mean(values: Sequence[float], window: int) -> float:
    return fsum(values[:window]) / window


def _memory(ratio: float) -> int:
    return ceil(log(NOTHING) / log(ratio)) if ratio > 0 else 0
