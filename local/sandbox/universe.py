"""The tickers of the simulated market and what each one is like, from the seed alone."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import product
from typing import Final

from local.sandbox import noise

LISTED: Final = 10_000
LISTED_SINCE: Final = date(2016, 1, 4)
"""The first day with bars, for every ticker."""

_KNOWN: Final = """
AAPL MSFT GOOGL AMZN NVDA TSLA SPY QQQ META AMD GOOG NFLX INTC JPM BAC V MA DIS KO PEP WMT COST XOM CVX PFE JNJ UNH HD BA
GE F GM T VZ CSCO ORCL CRM ADBE PYPL UBER ABNB COIN PLTR SOFI IWM DIA GLD TLT BRK.B BRK.A BACpL
"""
KNOWN: Final = tuple(_KNOWN.split())
"""Well-known tickers, the most traded first."""

SPLITS: Final = {
    "AAPL": (date(2020, 8, 31), 4),
    "TSLA": (date(2020, 8, 31), 5),
    "AMZN": (date(2022, 6, 6), 20),
    "GOOGL": (date(2022, 7, 18), 20),
    "NVDA": (date(2024, 6, 10), 10),
}
"""Splits of well-known tickers (at most one each): the first day after it, and how many shares one became."""

RATIOS: Final = (2, 4, 5, 10, 20)
"""They divide 100, so a price in whole cents stays exact in ten-thousandths of a dollar."""

GRAIN: Final = 100
"""A price moves in cents, counted in ten-thousandths of a dollar."""

SUBPENNY: Final = 1
_CHEAP: Final = 5.0
_SPLIT_SHARE: Final = 0.02
_SPLIT_DAYS: Final = 4_000
_CONSONANTS: Final = "BCDFGHJKLMNPQRSTVWXZ"
_VOWELS: Final = "AEIOU"
_STRIDE: Final = 7_919


@dataclass(frozen=True, slots=True)
class Profile:
    """What a ticker is like.

    ``price``: the level in dollars around which it moves (in today's shares); ``swing``: the size of a day's move, as a
    share of the price; ``volume``: shares a day; ``grain``: the smallest step of its price, in ten-thousandths of a
    dollar; ``split``: the first day after its split and how many shares one became.
    """

    price: float
    swing: float
    volume: float
    grain: int
    split: tuple[date, int] | None

    def ratio(self, day: date, seen_on: date) -> int:
        """How many shares of the day ``seen_on`` one share of ``day`` has become."""
        return self.split[1] if self.split is not None and day < self.split[0] <= seen_on else 1


@lru_cache(maxsize=1)
def tickers() -> tuple[str, ...]:
    """All listed tickers, the most traded first: well-known ones, then names of three consonants and a vowel."""
    return _named()[:LISTED]


@lru_cache(maxsize=1)
def delisted() -> frozenset[str]:
    """Tickers that are listed no more: nothing but their names is known."""
    return frozenset(_named()[LISTED:])


@lru_cache(maxsize=1)
def ranks() -> dict[str, int]:
    """The place of each listed ticker, from 0."""
    return {ticker: rank for rank, ticker in enumerate(tickers())}


@lru_cache(maxsize=LISTED)
def profile(seed: int, ticker: str) -> Profile:
    """What a listed ticker is like. Raises KeyError for one that is not listed."""
    rank = ranks()[ticker]
    draw = noise.units(noise.key(seed, ticker))
    price = 40 * 12 ** draw[0] if ticker in KNOWN else 1.5 * 200 ** draw[0]
    split = SPLITS.get(ticker)
    if ticker not in KNOWN and price > _CHEAP and draw[1] < _SPLIT_SHARE:
        split = LISTED_SINCE + timedelta(days=int(draw[2] * _SPLIT_DAYS)), RATIOS[int(draw[3] * len(RATIOS))]
    return Profile(
        price=price,
        swing=0.008 + 0.02 * draw[4],
        volume=60e6 / (1 + rank) ** 0.9 * (0.7 + 0.6 * draw[5]),
        grain=SUBPENNY if price < _CHEAP else GRAIN,
        split=split,
    )


def _named() -> tuple[str, ...]:
    names = ["".join(letters) for letters in product(_CONSONANTS, _CONSONANTS, _CONSONANTS, _VOWELS)]
    made = (names[i * _STRIDE % len(names)] for i in range(LISTED))
    return tuple(dict.fromkeys((*KNOWN, *made)))
