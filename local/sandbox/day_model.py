"""A trading day generated from the seed: its total trading, and how that is distributed over its minutes."""

import math
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from dekr.sessions import TradingDay
from local.sandbox import noise
from local.sandbox.span import DOLLAR, MIN_TRADES_PER_SLOT, Span
from local.sandbox.trading_days import MINUTE_US, first_minute
from local.sandbox.tree import Tree, running_total
from local.sandbox.universe import TICKER_COUNT, profile

_OCTAVES: Final = (2, 7, 29, 113, 509)
"""Lengths in days of the movements whose sum is the price: over any of these lengths it looks like a random walk."""

_EXTENDED: Final = 0.04
"""The activity of a minute outside the regular session, relative to the quietest one inside it."""

_SHARES_PER_TRADE: Final = 90
_TRADES_PER_MINUTE: Final = 6


@lru_cache(maxsize=2 * TICKER_COUNT)
def minute_tree(seed: int, ticker: str, day: TradingDay) -> Tree:
    """Return the tree that splits a trading day into its minutes."""
    tick_size = profile(seed, ticker).tick_size
    return Tree(
        _key(seed, ticker, day),
        full_span(seed, ticker, day),
        first_minute(day),
        _cumulative_activity(*_session_minutes(day)),
        tick_size,
    )


@lru_cache(maxsize=4 * TICKER_COUNT)
def full_span(seed: int, ticker: str, day: TradingDay) -> Span:
    """Return all trading of a trading day, including what is still to come."""
    properties, draw = profile(seed, ticker), noise.fractions(_key(seed, ticker, day))
    ratio = properties.split[1] if properties.split is not None and day.date < properties.split[0] else 1

    def price(dollars: float) -> int:
        return max(1, round(dollars * ratio * DOLLAR / properties.tick_size)) * properties.tick_size

    gap = math.exp(0.4 * properties.swing * (draw[0] - 0.5))
    opening = price(_closing_level(seed, ticker, day.date - timedelta(days=1)) * gap)
    closing = price(_closing_level(seed, ticker, day.date))
    reach = properties.swing / properties.tick_size
    high = max(opening, closing) + int(opening * reach * draw[1]) * properties.tick_size
    low = max(properties.tick_size, min(opening, closing) - int(opening * reach * draw[2]) * properties.tick_size)
    volume = int(properties.volume * math.exp(1.2 * (draw[3] + draw[4] - 1)) / ratio) + 2 * MIN_TRADES_PER_SLOT
    trades = min(volume, max(2 * MIN_TRADES_PER_SLOT, int(volume * ratio / _SHARES_PER_TRADE * (0.8 + 0.4 * draw[5]))))
    slots = min(int(_session_minutes(day)[2] * (0.98 + 0.02 * draw[6])), max(1, trades // _TRADES_PER_MINUTE))
    turnover = (opening + high + low + closing) * volume // 4
    return Span(opening, high, low, closing, volume, trades, turnover, slots)


def _key(seed: int, ticker: str, day: TradingDay) -> bytes:
    return noise.key(seed, ticker, day.date.toordinal())


def _session_minutes(day: TradingDay) -> tuple[int, int, int]:
    """Return the minutes from the start of the pre-market to the open, to the close and to the end of after-hours trading."""
    return (
        (day.open_us - day.pre_open_us) // MINUTE_US,
        (day.close_us - day.pre_open_us) // MINUTE_US,
        (day.post_close_us - day.pre_open_us) // MINUTE_US,
    )


@lru_cache(maxsize=8)
def _cumulative_activity(opens: int, closes: int, ends: int) -> tuple[float, ...]:
    """Return the running total of each minute's relative activity: highest at the open and the close, low outside the
    session.
    """
    middle, half = (opens + closes) / 2, (closes - opens) / 2
    return running_total(
        [
            1 + 2 * abs((minute - middle) / half) ** 3 if opens <= minute < closes else _EXTENDED
            for minute in range(ends)
        ]
    )


@lru_cache(maxsize=20_000)
def _closing_level(seed: int, ticker: str, day: date) -> float:
    """Return the price in dollars at the end of a calendar day, in today's shares."""
    properties, number = profile(seed, ticker), day.toordinal()
    move = 0.0
    for octave in _OCTAVES:
        index, part = divmod(number, octave)
        here, there = _lattice(seed, ticker, octave, index), _lattice(seed, ticker, octave, index + 1)
        move += math.sqrt(octave) * (here + (there - here) * part / octave)
    return properties.price * math.exp(properties.swing * 0.6 * move)


@lru_cache(maxsize=65_536)
def _lattice(seed: int, ticker: str, octave: int, index: int) -> float:
    """Return the random value in [-1, 1) at one lattice point of an octave."""
    return noise.integers(_octave(seed, ticker, octave), index)[0] / noise.INTEGER_LIMIT * 2 - 1


@lru_cache(maxsize=1_024)
def _octave(seed: int, ticker: str, octave: int) -> bytes:
    return noise.key(seed, ticker, octave)
