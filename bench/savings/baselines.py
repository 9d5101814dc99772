"""The upstream calls of other caching policies on the same quotes.

Policies are replayed without the service. Each fetch is stamped with the moment it starts. Every function returns
(upstream calls, freshness violations).
"""

from collections.abc import Callable, Iterator
from typing import Final

from bench.savings.checker import Answered, allowed_us
from bench.savings.trace import START_US, Trace

OPTIMUM: Final = "single symbol, reader's max-age"
BOUND: Final = "whole market (bound)"


def tier_in_key(trace: Trace) -> tuple[int, int]:
    """Replay a policy with one entry for each ticker and tier, which expires after that tier's age.

    Return (upstream calls, freshness violations).
    """
    return _replay(trace, lambda rank, tier: (rank, tier))


def ttl_in_key(trace: Trace) -> tuple[int, int]:
    """Replay a policy with one entry for each ticker and maximal age, so that tiers of equal age share it.

    Return (upstream calls, freshness violations).
    """
    return _replay(trace, lambda rank, tier: (rank, _allowed(START_US + 6 * 3600 * 1_000_000, tier)))


def reader_max_age(trace: Trace) -> tuple[int, int]:
    """Replay the optimal policy for single tickers: one entry for each ticker, and its reader decides whether it is
    fresh.

    Return (upstream calls, freshness violations).
    """
    return _replay(trace, lambda rank, _: rank)


def whole_market(trace: Trace) -> tuple[int, int]:
    """Replay a policy with one entry for all tickers: each miss fetches the whole market.

    Return (upstream calls, freshness violations).
    """
    return _replay(trace, lambda _, __: 0)


def writers_ttl(trace: Trace) -> tuple[int, int]:
    """Replay a policy with one entry for each ticker, kept for as long as the tier of the request that fetched it
    allows.

    Return (upstream calls, freshness violations).
    """
    entries: dict[int, tuple[int, int]] = {}
    calls = violations = 0
    for at, rank, tier in _requests(trace):
        stamp, expires_us = entries.get(rank, (0, 0))
        if at >= expires_us:
            entries[rank] = at, at + _allowed(at, tier)
            calls += 1
        elif at - stamp >= _allowed(at, tier):
            violations += 1
    return calls, violations


BASELINES: Final[dict[str, Callable[[Trace], tuple[int, int]]]] = {
    "tier in the key": tier_in_key,
    "TTL in the key": ttl_in_key,
    "writer's TTL shared": writers_ttl,
    OPTIMUM: reader_max_age,
    BOUND: whole_market,
}
"""The policies by name. Each returns (upstream calls, freshness violations)."""


def _replay(trace: Trace, key: Callable[[int, int], object]) -> tuple[int, int]:
    stamps: dict[object, int] = {}
    calls = 0
    for at, rank, tier in _requests(trace):
        name = key(rank, tier)
        if at - stamps.get(name, 0) >= _allowed(at, tier):
            stamps[name] = at
            calls += 1
    return calls, 0


def _requests(trace: Trace) -> Iterator[tuple[int, int, int]]:
    return zip(trace.at_us.tolist(), trace.ranks.tolist(), trace.tiers.tolist(), strict=True)


def _allowed(at_us: int, tier: int) -> int:
    return allowed_us(Answered(at_us, tier, "real_time", 0, stale=False), START_US)
