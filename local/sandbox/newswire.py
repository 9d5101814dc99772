"""The news of the simulated market: an article in each five minutes, derived from the seed and its number alone.

The lead tickers of consecutive articles follow a fixed cycle over all listed ones, so the articles of any ticker can be
computed directly. Some articles also name the ticker of the next rank, and some a well-known one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from dekr import sessions
from local.sandbox import noise
from local.sandbox.trading_days import MINUTE_US, SECOND_US
from local.sandbox.universe import LISTED_SINCE, TICKER_COUNT, WELL_KNOWN, ranks, tickers

_SLOT_US: Final = 5 * MINUTE_US
_FIRST_NUMBER: Final = sessions.eastern_midnight_us(LISTED_SINCE) // _SLOT_US
_STRIDE: Final = 3_001
_INVERSE_STRIDE: Final = pow(_STRIDE, -1, TICKER_COUNT)
"""Consecutive articles lead with ranks _STRIDE apart; the inverse gives the position in the cycle for a rank."""

_SECONDS_CLAMPED: Final = 20
"""A time is drawn from up to this many seconds before or after the five minutes, and clamped to them."""

_NEXT_RANK_CHANCE: Final = 0.35
_WELL_KNOWN_CHANCE: Final = 0.5
_NO_INSIGHTS_CHANCE: Final = 1 / 3
_FULL_INSIGHTS_CHANCE: Final = 0.6
_SENTIMENTS: Final = ("positive", "neutral", "negative")


@dataclass(frozen=True, slots=True)
class Article:
    """One article.

    ``number``: its position in the stream, larger the later it was published; two articles may have the same time.
    ``sentiments``: by ticker, for all or some of its tickers, or None if it has none; ``draw``: four numbers in [0, 1)
    from which its text is made.
    """

    number: int
    published_us: int
    tickers: tuple[str, ...]
    sentiments: dict[str, str] | None
    draw: Sequence[float]


def articles(
    seed: int, ticker: str | None, first_us: int, last_us: int, *, after: int | None, newest_first: bool
) -> Iterator[Article]:
    """Yield the articles from ``first_us`` to ``last_us`` (inclusive) that name a ticker (None: all articles).

    ``after``: the number of the article, in the requested order, behind which they begin; None: from the first.
    """
    first, last = max(_FIRST_NUMBER, first_us // _SLOT_US - 1), last_us // _SLOT_US
    if after is not None:
        first, last = (first, min(last, after - 1)) if newest_first else (max(first, after + 1), last)
    for number in _numbers(ticker, first, last, newest_first=newest_first):
        article = _article(seed, number)
        if first_us <= article.published_us <= last_us and (ticker is None or ticker in article.tickers):
            yield article


def _numbers(ticker: str | None, first: int, last: int, *, newest_first: bool) -> Iterator[int]:
    """Yield the numbers of the articles that may name a ticker."""
    if ticker is None or ticker in WELL_KNOWN:
        yield from range(first, last + 1)[:: -1 if newest_first else 1]
        return
    rank = ranks().get(ticker)
    if rank is None:
        return
    positions = sorted(
        {rank * _INVERSE_STRIDE % TICKER_COUNT, (rank - 1) * _INVERSE_STRIDE % TICKER_COUNT}, reverse=newest_first
    )
    for cycle in range(first // TICKER_COUNT, last // TICKER_COUNT + 1)[:: -1 if newest_first else 1]:
        yield from (number for position in positions if first <= (number := cycle * TICKER_COUNT + position) <= last)


@lru_cache(maxsize=16_384)
def _article(seed: int, number: int) -> Article:
    draw = noise.fractions(noise.key(seed, "news"), number)
    # Some lie exactly on the bounds of their five minutes, like real articles that are published on the hour.
    slot_s = _SLOT_US // SECOND_US
    offset_s = min(slot_s, max(0, int(draw[0] * (slot_s + 2 * _SECONDS_CLAMPED)) - _SECONDS_CLAMPED))
    rank = number * _STRIDE % TICKER_COUNT
    named = [tickers()[rank]]
    if draw[1] < _NEXT_RANK_CHANCE:
        named.append(tickers()[(rank + 1) % TICKER_COUNT])
    if draw[2] < _WELL_KNOWN_CHANCE:
        named.append(WELL_KNOWN[int(draw[3] * draw[3] * len(WELL_KNOWN))])
    named = list(dict.fromkeys(named))
    sentiments = None
    if draw[4] >= _NO_INSIGHTS_CHANCE:
        rated = named if draw[5] < _FULL_INSIGHTS_CHANCE else named[:1]
        sentiments = {ticker: _SENTIMENTS[int(draw[6 + place] * 2.999)] for place, ticker in enumerate(rated)}
    return Article(number, number * _SLOT_US + offset_s * SECOND_US, tuple(named), sentiments, draw[8:])
