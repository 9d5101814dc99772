"""A trading day as it is drawn from the seed: all its trading, and how it lies in its minutes."""

import math
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from dekr.sessions import TradingDay
from local.sandbox import noise
from local.sandbox.span import DOLLAR, TRADES_A_SLOT, Span
from local.sandbox.trading_days import MINUTE_US, first_minute
from local.sandbox.tree import Tree, running_total
from local.sandbox.universe import LISTED, profile

_OCTAVES: Final = (2, 7, 29, 113, 509)
"""Lengths in days of the movements that a price is the sum of: over any of them it looks like a random walk."""

_EXTENDED: Final = 0.04
_SHARES_A_TRADE: Final = 90
_TRADES_A_MINUTE: Final = 6


@lru_cache(maxsize=2 * LISTED)
def tree(seed: int, ticker: str, day: TradingDay) -> Tree:
    """The minutes of a trading day."""
    grain = profile(seed, ticker).grain
    return Tree(_key(seed, ticker, day), whole(seed, ticker, day), first_minute(day), _busy(*_lengths(day)), grain)


@lru_cache(maxsize=4 * LISTED)
def whole(seed: int, ticker: str, day: TradingDay) -> Span:
    """All trading of a trading day, also what is still to come."""
    about, draw = profile(seed, ticker), noise.units(_key(seed, ticker, day))
    ratio = about.split[1] if about.split is not None and day.date < about.split[0] else 1

    def price(dollars: float) -> int:
        return max(1, round(dollars * ratio * DOLLAR / about.grain)) * about.grain

    gap = math.exp(0.4 * about.swing * (draw[0] - 0.5))
    opening = price(_level(seed, ticker, day.date - timedelta(days=1)) * gap)
    closing = price(_level(seed, ticker, day.date))
    reach = about.swing / about.grain
    high = max(opening, closing) + int(opening * reach * draw[1]) * about.grain
    low = max(about.grain, min(opening, closing) - int(opening * reach * draw[2]) * about.grain)
    volume = int(about.volume * math.exp(1.2 * (draw[3] + draw[4] - 1)) / ratio) + 2 * TRADES_A_SLOT
    trades = min(volume, max(2 * TRADES_A_SLOT, int(volume * ratio / _SHARES_A_TRADE * (0.8 + 0.4 * draw[5]))))
    slots = min(int(_lengths(day)[2] * (0.98 + 0.02 * draw[6])), max(1, trades // _TRADES_A_MINUTE))
    turnover = (opening + high + low + closing) * volume // 4
    return Span(opening, high, low, closing, volume, trades, turnover, slots)


def _key(seed: int, ticker: str, day: TradingDay) -> bytes:
    return noise.key(seed, ticker, day.date.toordinal())


def _lengths(day: TradingDay) -> tuple[int, int, int]:
    """The minutes from the first of a day's sessions to its open, its close and its end."""
    return (
        (day.open_us - day.pre_open_us) // MINUTE_US,
        (day.close_us - day.pre_open_us) // MINUTE_US,
        (day.post_close_us - day.pre_open_us) // MINUTE_US,
    )


@lru_cache(maxsize=8)
def _busy(opens: int, closes: int, ends: int) -> tuple[float, ...]:
    """How busy the minutes of a day are: most at the open and the close, little before and after."""
    middle, half = (opens + closes) / 2, (closes - opens) / 2
    return running_total(
        [
            1 + 2 * abs((minute - middle) / half) ** 3 if opens <= minute < closes else _EXTENDED
            for minute in range(ends)
        ]
    )


@lru_cache(maxsize=20_000)
def _level(seed: int, ticker: str, day: date) -> float:
    """The price in dollars at the end of a calendar day, in today's shares."""
    about, number = profile(seed, ticker), day.toordinal()
    move = 0.0
    for octave in _OCTAVES:
        place, part = divmod(number, octave)
        here, there = _lattice(seed, ticker, octave, place), _lattice(seed, ticker, octave, place + 1)
        move += math.sqrt(octave) * (here + (there - here) * part / octave)
    return about.price * math.exp(about.swing * 0.6 * move)


@lru_cache(maxsize=65_536)
def _lattice(seed: int, ticker: str, octave: int, place: int) -> float:
    return noise.grains(_octave(seed, ticker, octave), place)[0] / noise.ONE * 2 - 1


@lru_cache(maxsize=1_024)
def _octave(seed: int, ticker: str, octave: int) -> bytes:
    return noise.key(seed, ticker, octave)
