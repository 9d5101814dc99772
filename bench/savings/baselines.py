"""What other ways of caching would cost on the same quotes: re-played without the service, each fetch stamped as it starts."""

from collections.abc import Callable, Iterator
from typing import Final

from bench.savings.checker import Answered, allowed_us
from bench.savings.trace import START_US, Trace

OPTIMUM: Final = "single symbol, reader's max-age"
BOUND: Final = "whole market (bound)"


def tier_in_key(trace: Trace) -> tuple[int, int]:
    """An entry for each tier, each expiring after that tier's age."""
    return _replay(trace, lambda rank, tier: (rank, tier))


def ttl_in_key(trace: Trace) -> tuple[int, int]:
    """An entry for each age: tiers of one age share it."""
    return _replay(trace, lambda rank, tier: (rank, _allowed(START_US + 6 * 3600 * 1_000_000, tier)))


def reader_max_age(trace: Trace) -> tuple[int, int]:
    """One entry for each ticker, the reader decides: the fewest fetches of single symbols there can be."""
    return _replay(trace, lambda rank, _: rank)


def whole_market(trace: Trace) -> tuple[int, int]:
    """One entry for everything: each miss refreshes the whole market."""
    return _replay(trace, lambda _, __: 0)


def writers_ttl(trace: Trace) -> tuple[int, int]:
    """One entry for each ticker, kept for as long as the tier of whoever wrote it allows."""
    kept: dict[int, tuple[int, int]] = {}
    calls = broken = 0
    for at, rank, tier in _requests(trace):
        stamp, until = kept.get(rank, (0, 0))
        if at >= until:
            kept[rank] = at, at + _allowed(at, tier)
            calls += 1
        elif at - stamp >= _allowed(at, tier):
            broken += 1
    return calls, broken


BASELINES: Final[dict[str, Callable[[Trace], tuple[int, int]]]] = {
    "tier in the key": tier_in_key,
    "TTL in the key": ttl_in_key,
    "writer's TTL shared": writers_ttl,
    OPTIMUM: reader_max_age,
    BOUND: whole_market,
}
"""Each gives upstream calls and freshness violations."""


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
