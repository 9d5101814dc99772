"""The tickers of the simulated market and the properties of each one, derived from the seed alone."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import product
from typing import Final

from local.sandbox import noise

TICKER_COUNT: Final = 10_000
"""The number of listed tickers."""

LISTED_SINCE: Final = date(2016, 1, 4)
"""The first day on which any ticker has bars."""

_WELL_KNOWN: Final = """
AAPL MSFT GOOGL AMZN NVDA TSLA SPY QQQ META AMD GOOG NFLX INTC JPM BAC V MA DIS KO PEP WMT COST XOM CVX PFE JNJ UNH HD BA
GE F GM T VZ CSCO ORCL CRM ADBE PYPL UBER ABNB COIN PLTR SOFI IWM DIA GLD TLT BRK.B BRK.A BACpL
"""
WELL_KNOWN: Final = tuple(_WELL_KNOWN.split())
"""Well-known real tickers, the most traded first."""

SPLITS: Final = {
    "AAPL": (date(2020, 8, 31), 4),
    "TSLA": (date(2020, 8, 31), 5),
    "AMZN": (date(2022, 6, 6), 20),
    "GOOGL": (date(2022, 7, 18), 20),
    "NVDA": (date(2024, 6, 10), 10),
}
"""The splits of well-known tickers, at most one each: the first day after the split, and how many shares one became."""

RATIOS: Final = (2, 4, 5, 10, 20)
"""The possible split ratios. They divide 100, so a price in whole cents stays exact in ten-thousandths of a dollar."""

CENT: Final = 100
"""The usual tick size of one cent, in ten-thousandths of a dollar."""

SUBPENNY: Final = 1
"""The tick size of cheap tickers, in ten-thousandths of a dollar."""

_SUBPENNY_BELOW: Final = 5.0
"""Tickers below this price in dollars trade in ten-thousandths of a dollar."""

_SPLIT_FRACTION: Final = 0.02
_SPLIT_DAYS: Final = 4_000
_CONSONANTS: Final = "BCDFGHJKLMNPQRSTVWXZ"
_VOWELS: Final = "AEIOU"
_STRIDE: Final = 7_919


@dataclass(frozen=True, slots=True)
class Profile:
    """The properties of one ticker.

    ``price``: the level in dollars around which it moves, in today's shares; ``swing``: the size of a day's move, as a
    fraction of the price; ``volume``: shares a day; ``tick_size``: the smallest step of its price, in ten-thousandths
    of a dollar; ``split``: the first day after its split and how many shares one became, or None.
    """

    price: float
    swing: float
    volume: float
    tick_size: int
    split: tuple[date, int] | None

    def ratio(self, day: date, seen_on: date) -> int:
        """Return how many shares, as of the day ``seen_on``, one share of ``day`` has become."""
        return self.split[1] if self.split is not None and day < self.split[0] <= seen_on else 1


@lru_cache(maxsize=1)
def tickers() -> tuple[str, ...]:
    """Return all listed tickers, the most traded first: well-known ones, then made-up names of three consonants and a
    vowel.
    """
    return _all_names()[:TICKER_COUNT]


@lru_cache(maxsize=1)
def delisted() -> frozenset[str]:
    """Return the tickers that are no longer listed. They have names, but no trading."""
    return frozenset(_all_names()[TICKER_COUNT:])


@lru_cache(maxsize=1)
def ranks() -> dict[str, int]:
    """Return the position of each listed ticker in ``tickers()``, from 0 for the most traded."""
    return {ticker: rank for rank, ticker in enumerate(tickers())}


@lru_cache(maxsize=TICKER_COUNT)
def profile(seed: int, ticker: str) -> Profile:
    """Return the properties of a listed ticker. Raises KeyError for one that is not listed."""
    rank = ranks()[ticker]
    draw = noise.fractions(noise.key(seed, ticker))
    price = 40 * 12 ** draw[0] if ticker in WELL_KNOWN else 1.5 * 200 ** draw[0]
    split = SPLITS.get(ticker)
    if ticker not in WELL_KNOWN and price > _SUBPENNY_BELOW and draw[1] < _SPLIT_FRACTION:
        split = LISTED_SINCE + timedelta(days=int(draw[2] * _SPLIT_DAYS)), RATIOS[int(draw[3] * len(RATIOS))]
    return Profile(
        price=price,
        swing=0.008 + 0.02 * draw[4],
        volume=60e6 / (1 + rank) ** 0.9 * (0.7 + 0.6 * draw[5]),
        tick_size=SUBPENNY if price < _SUBPENNY_BELOW else CENT,
        split=split,
    )


def _all_names() -> tuple[str, ...]:
    names = ["".join(letters) for letters in product(_CONSONANTS, _CONSONANTS, _CONSONANTS, _VOWELS)]
    generated = (names[i * _STRIDE % len(names)] for i in range(TICKER_COUNT))
    return tuple(dict.fromkeys((*WELL_KNOWN, *generated)))
