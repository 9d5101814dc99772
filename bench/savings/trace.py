"""A trading day of requests, derived from a seed.

Popularity by rank is p(r) ~ (r + 9.8)^-1.04 x exp(-0.411 r / 1000), fitted to a public brokerage's users-per-ticker.
The day lasts from 04:00 to 20:00 in New York; most requests come in the regular session, more in its first and last
hours than at noon (a U shape).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from local.sandbox.universe import tickers

START_US: Final = int(datetime(2026, 11, 20, 9, tzinfo=UTC).timestamp() * 1_000_000)
"""04:00 in New York on Friday, 20 November 2026, in microseconds since the epoch."""

MINUTES: Final = 16 * 60
OPEN_MINUTE, CLOSE_MINUTE = 330, 720
"""The regular session, in minutes after 04:00."""

TIERS: Final = (0.25, 0.15, 0.15, 0.15, 0.12, 0.10, 0.08)
"""The fractions of the requests by tier, from FREEMIUM up."""

PRE_MARKET_RATE: Final = 0.25
AFTER_HOURS_RATE: Final = 0.3
U_DEPTH: Final = 1.2
"""Requests a minute before and after the regular session relative to its noon, and how much higher the ends of the U are."""


class Kind(IntEnum):
    """The kind of data that a request is for."""

    QUOTE = 0
    BARS = 1
    BATCH = 2
    NEWS = 3


MIXED: Final = (0.60, 0.25, 0.10, 0.05)
"""The fractions of the kinds on a mixed day, in the order of Kind."""

SERIES: Final = (("minute", 1), ("minute", 5), ("hour", 1), ("day", 1))
"""The series of bars that are requested: timespan and multiplier. Each request wants the newest 100."""

HALF_DAYS: Final = (0.3, 0.1, 0.1, 0.5)
"""The fractions of SERIES. Half are day bars, which the route returns by default."""

BATCH_TICKERS: Final = (2, 10)
"""The least and the greatest number of tickers in a batch."""


@dataclass(frozen=True)
class Popularity:
    """The distribution of requests over tickers: p(r) ~ (r + shift)^-power x exp(-fade r / 1000), with the rank r from 1."""

    shift: float = 9.8
    power: float = 1.04
    fade: float = 0.411

    def shares(self, count: int) -> NDArray[np.float64]:
        """Return the fractions of ``count`` tickers, the most popular first. They add up to 1."""
        rank = np.arange(1, count + 1)
        shares = (rank + self.shift) ** -self.power * np.exp(-self.fade * rank / 1000)
        return np.asarray(shares / shares.sum())


@dataclass(frozen=True)
class Trace:
    """Requests in order of time, one column each.

    ``at_us``: microseconds since the epoch; ``ranks``: the ticker's rank, from 0; ``tiers``: from 1; ``kinds``: see
    Kind; ``series``: index in SERIES; ``sizes``: the number of tickers in a batch, of which those beyond the first are
    ``ranks_along``.
    """

    at_us: NDArray[np.int64]
    ranks: NDArray[np.int64]
    tiers: NDArray[np.int64]
    kinds: NDArray[np.int64]
    series: NDArray[np.int64]
    sizes: NDArray[np.int64]
    ranks_along: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.at_us)


def day(
    seed: int,
    requests: int,
    *,
    mixed: bool = False,
    tiers: tuple[float, ...] = TIERS,
    popularity: Popularity = Popularity(),
    bars: tuple[float, ...] = HALF_DAYS,
    start_us: int = START_US,
) -> Trace:
    """Return the day of requests that a seed makes.

    ``mixed``: all kinds instead of quotes only; ``tiers``, ``popularity`` and ``bars``: the distributions;
    ``start_us``: its 04:00 in New York.
    """
    draw = np.random.default_rng(seed)
    minute = draw.choice(MINUTES, requests, p=_density())
    at_us = np.sort((minute * 60_000_000 + draw.random(requests) * 60_000_000).astype(np.int64)) + start_us
    shares = popularity.shares(len(tickers()))
    kinds = draw.choice(len(MIXED), requests, p=MIXED) if mixed else np.zeros(requests, dtype=np.int64)
    return Trace(
        at_us,
        draw.choice(len(shares), requests, p=shares),
        draw.choice(len(tiers), requests, p=tiers) + 1,
        kinds,
        draw.choice(len(SERIES), requests, p=bars),
        draw.integers(BATCH_TICKERS[0], BATCH_TICKERS[1] + 1, requests),
        draw.choice(len(shares), (requests, BATCH_TICKERS[1]), p=shares)
        if mixed
        else np.zeros((requests, 0), dtype=np.int64),
    )


def _density() -> NDArray[np.float64]:
    minute = np.arange(MINUTES)
    density = np.where(minute < OPEN_MINUTE, PRE_MARKET_RATE, AFTER_HOURS_RATE)
    regular = (minute >= OPEN_MINUTE) & (minute < CLOSE_MINUTE)
    place = (minute - OPEN_MINUTE) / (CLOSE_MINUTE - OPEN_MINUTE)
    density = np.where(regular, 1 + U_DEPTH * (2 * place - 1) ** 2, density)
    return np.asarray(density / density.sum())
