"""A trading day of requests, all of it from a seed.

Popularity by rank is p(r) ~ (r + 9.8)^-1.04 x exp(-0.411 r / 1000), fitted to a public brokerage's users-per-ticker. The
day is 04:00 to 20:00 in New York; the regular session has most of it, its first and last hours more than noon (a U).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from local.sandbox.universe import tickers

START_US: Final = int(datetime(2026, 11, 20, 9, tzinfo=UTC).timestamp() * 1_000_000)
"""04:00 in New York on Friday, 20 November 2026."""

MINUTES: Final = 16 * 60
OPEN_MINUTE, CLOSE_MINUTE = 330, 720
TIERS: Final = (0.25, 0.15, 0.15, 0.15, 0.12, 0.10, 0.08)
"""Shares of the requests, from FREEMIUM up."""

BEFORE: Final = 0.25
AFTER: Final = 0.3
DEPTH: Final = 1.2
"""Requests a minute before and after the regular session over those at its noon, and how much higher the ends of the U are."""


class Kind(IntEnum):
    """What is asked for."""

    QUOTE = 0
    BARS = 1
    BATCH = 2
    NEWS = 3


MIXED: Final = (0.60, 0.25, 0.10, 0.05)
SERIES: Final = (("minute", 1), ("minute", 5), ("hour", 1), ("day", 1))
"""What is asked for of bars: timespan and multiplier. Each request wants the newest 100."""

HALF_DAYS: Final = (0.3, 0.1, 0.1, 0.5)
"""Shares of these: days, which the route gives where nothing else is said, are half of them."""

BATCH_TICKERS: Final = (2, 10)


@dataclass(frozen=True)
class Popularity:
    """How requests fall on tickers: p(r) ~ (r + shift)^-power x exp(-fade r / 1000)."""

    shift: float = 9.8
    power: float = 1.04
    fade: float = 0.411

    def shares(self, count: int) -> NDArray[np.float64]:
        """The shares of so many tickers, the most popular first."""
        rank = np.arange(1, count + 1)
        shares = (rank + self.shift) ** -self.power * np.exp(-self.fade * rank / 1000)
        return np.asarray(shares / shares.sum())


@dataclass(frozen=True)
class Trace:
    """Requests in order of time: microseconds since the epoch, rank of the ticker (from 0), tier (from 1), kind, series of bars
    (index in SERIES), and how many tickers a batch has; those beyond the first are ``ranks_along``.
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
    """The day that a seed makes."""
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
    density = np.where(minute < OPEN_MINUTE, BEFORE, AFTER)
    regular = (minute >= OPEN_MINUTE) & (minute < CLOSE_MINUTE)
    place = (minute - OPEN_MINUTE) / (CLOSE_MINUTE - OPEN_MINUTE)
    density = np.where(regular, 1 + DEPTH * (2 * place - 1) ** 2, density)
    return np.asarray(density / density.sum())
