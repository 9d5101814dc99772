"""The news of the simulated market: an article in each five minutes, from the seed and its number alone.

An article leads with one ticker: each listed one has its turn, in an order in which the turns of any are found at once. Some
name the ticker of the next rank too, and some a well-known one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from dekr import sessions
from local.sandbox import noise
from local.sandbox.trading_days import MINUTE_US, SECOND_US
from local.sandbox.universe import KNOWN, LISTED, LISTED_SINCE, ranks, tickers

_SLOT_US: Final = 5 * MINUTE_US
_FIRST: Final = sessions.eastern_midnight_us(LISTED_SINCE) // _SLOT_US
_STEP: Final = 3_001
_BACK: Final = pow(_STEP, -1, LISTED)
"""From one turn to the next it is _STEP ranks, and from one rank to the next _BACK turns."""

_ON_THE_BOUND: Final = 20
_NEXT_TOO: Final = 0.35
_KNOWN_TOO: Final = 0.5
_WITHOUT_INSIGHTS: Final = 1 / 3
_INSIGHTS_OF_ALL: Final = 0.6
_SENTIMENTS: Final = ("positive", "neutral", "negative")


@dataclass(frozen=True, slots=True)
class Article:
    """``number``: its own, and larger the later it was published; two articles may have the same time.

    ``sentiments``: by ticker, None where the article has none, else those of some of its tickers or of all; ``draw``: four
    numbers in [0, 1) for what is written about it.
    """

    number: int
    published_us: int
    tickers: tuple[str, ...]
    sentiments: dict[str, str] | None
    draw: Sequence[float]


def articles(
    seed: int, ticker: str | None, first_us: int, last_us: int, *, after: int | None, newest_first: bool
) -> Iterator[Article]:
    """The articles of a stretch of time, its ends in it, that name a ticker (None: all of them).

    ``after``: the number of the article, in the order asked for, behind which they begin; None: with the first.
    """
    first, last = max(_FIRST, first_us // _SLOT_US - 1), last_us // _SLOT_US
    if after is not None:
        first, last = (first, min(last, after - 1)) if newest_first else (max(first, after + 1), last)
    for number in _numbers(ticker, first, last, newest_first=newest_first):
        found = _article(seed, number)
        if first_us <= found.published_us <= last_us and (ticker is None or ticker in found.tickers):
            yield found


def _numbers(ticker: str | None, first: int, last: int, *, newest_first: bool) -> Iterator[int]:
    """The numbers of the articles that may name a ticker."""
    if ticker is None or ticker in KNOWN:
        yield from range(first, last + 1)[:: -1 if newest_first else 1]
        return
    rank = ranks().get(ticker)
    if rank is None:
        return
    turns = sorted({rank * _BACK % LISTED, (rank - 1) * _BACK % LISTED}, reverse=newest_first)
    for rounds in range(first // LISTED, last // LISTED + 1)[:: -1 if newest_first else 1]:
        yield from (number for turn in turns if first <= (number := rounds * LISTED + turn) <= last)


@lru_cache(maxsize=16_384)
def _article(seed: int, number: int) -> Article:
    draw = noise.units(noise.key(seed, "news"), number)
    # Some lie exactly on the bounds of their five minutes, as those do that are published on the hour.
    slot_s = _SLOT_US // SECOND_US
    offset_s = min(slot_s, max(0, int(draw[0] * (slot_s + 2 * _ON_THE_BOUND)) - _ON_THE_BOUND))
    rank = number * _STEP % LISTED
    named = [tickers()[rank]]
    if draw[1] < _NEXT_TOO:
        named.append(tickers()[(rank + 1) % LISTED])
    if draw[2] < _KNOWN_TOO:
        named.append(KNOWN[int(draw[3] * draw[3] * len(KNOWN))])
    named = list(dict.fromkeys(named))
    sentiments = None
    if draw[4] >= _WITHOUT_INSIGHTS:
        about = named if draw[5] < _INSIGHTS_OF_ALL else named[:1]
        sentiments = {ticker: _SENTIMENTS[int(draw[6 + place] * 2.999)] for place, ticker in enumerate(about)}
    return Article(number, number * _SLOT_US + offset_s * SECOND_US, tuple(named), sentiments, draw[8:])
