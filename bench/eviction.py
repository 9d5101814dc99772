"""Fill a Redis that is too small for a million symbols-and-ranges: memory stays bounded, no command fails, and the
least useful entries are evicted.

An installed server (its memory is jemalloc's, as ElastiCache's) runs with ``maxmemory`` and a policy that evicts only keys with
an expiry, as ElastiCache Serverless does. The entries are written by the real cache; some popular ones, written first, are read
meanwhile according to their popularity. ``volatile-lru`` is Serverless's own policy; ``volatile-lfu`` gets the same commands for
comparison.
"""

import os
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import batched
from pathlib import Path
from typing import Final

import redis

from bench.connected import patient_link
from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import EntryCache, Write
from dekr.store import Command
from dekr.store.link import Link
from dekr.tiers import Tier
from local.stack.store_server import installed_server
from tests.patience import patient_url
from tests.redis_servers import redis_single
from tests.world import World

LRU, LFU = "volatile-lru", "volatile-lfu"
MAX_MB = 64
SYMBOLS, RANGES = 10_000, 100
"""A million distinct symbols-and-ranges are written."""

RANGES_AT_ONCE = 10
SYMBOLS_AT_ONCE = 20
"""One round trip writes this many symbols with RANGES_AT_ONCE ranges each."""

POPULAR = 2_000
"""The number of popular entries."""

READS = 80
"""The number of popular entries that are read in each round trip."""

MEMORY_SAMPLES = 50
"""The number of times that memory is sampled while it fills."""

KEEP_US: Final = 2 * 3600 * 1_000_000
PAYLOAD: Final = (
    b'{"source":"nbbo","delayed":false,"fields":{"P":227.55,"S":3,"X":11,"p":227.53,"q":83429184,"s":2,'
    b'"t":1795186799650000000,"x":12,"z":3}}'
)


@dataclass(frozen=True)
class Filled:
    """The state of one Redis after it was filled.

    ``peak``: the greatest ``used_memory`` over ``maxmemory``; ``popular`` and ``others``: the fractions of these
    entries that are still there.
    """

    peak: float
    popular: float
    others: float


def run() -> dict[str, tuple[float, str]]:
    """Measure ``memory_peak_ratio``, ``memory_hot_kept`` and ``memory_cold_kept``, and the last two for the other
    policy.

    Return each figure's value and meaning.
    """
    figures = fill((LRU, LFU))
    lru, lfu = figures[LRU], figures[LFU]
    written = f"{SYMBOLS * RANGES:,} symbols-and-ranges"
    return {
        "memory_peak_ratio": (
            max(lru.peak, lfu.peak),
            f"most memory in use over the {MAX_MB} MB allowed while {written} were written (about 1)",
        ),
        "memory_hot_kept": (lru.popular, f"share of {POPULAR:,} popular entries that {LRU} kept meanwhile (near 1)"),
        "memory_cold_kept": (lru.others, f"share of all other entries that {LRU} kept"),
        "memory_hot_kept_lfu": (lfu.popular, f"share of the popular entries that {LFU} kept"),
        "memory_cold_kept_lfu": (lfu.others, f"share of all other entries that {LFU} kept"),
    }


def fill(policies: Sequence[str], symbols: int = SYMBOLS, max_mb: int = MAX_MB) -> dict[str, Filled]:
    """Write far more than fits into a Redis of each policy, the same entries into all of them by turns.

    Raises StoreDown if a command is refused, and AssertionError if a key without expiry was lost or the service no
    longer answers.
    """
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(stack.enter_context(Path(os.devnull).open("w"))))
        fillings = [stack.enter_context(_filling(policy, max_mb)) for policy in policies]
        steps = symbols * RANGES // RANGES_AT_ONCE // SYMBOLS_AT_ONCE
        for step, commands in enumerate(_commands(symbols)):
            for filling in fillings:
                filling.world.store.run(*commands)
                if step % (steps // MEMORY_SAMPLES) == 0:
                    filling.sample_memory()
        return {filling.policy: filling.result(symbols) for filling in fillings}


@dataclass
class _Filling:
    """A Redis that is being filled, and the service connected to it."""

    policy: str
    client: redis.Redis
    world: World
    lasting: dict[bytes, bytes]
    peak: float = 0.0

    def sample_memory(self) -> None:
        memory = self.client.info("memory")
        self.peak = max(self.peak, memory["used_memory"] / memory["maxmemory"])

    def result(self, symbols: int) -> Filled:
        self.sample_memory()
        assert _without_expiry(self.client) == self.lasting, "something without an expiry was lost"
        assert _answers(self.world), "the service does not answer any more"
        popular = self.client.exists(*_popular())
        others = self.client.dbsize() - popular
        return Filled(self.peak, popular / POPULAR, others / (symbols * RANGES))


@contextmanager
def _filling(policy: str, max_mb: int) -> Iterator[_Filling]:
    options = ("--maxmemory", f"{max_mb}mb", "--maxmemory-policy", policy)
    with (
        redis_single(*options, program=installed_server()) as server,
        redis.Redis.from_url(patient_url(server.url)) as client,
        patient_link(server.url) as link,
    ):
        world = World(link)
        assert _answers(world), "the service does not answer"
        lasting = _without_expiry(client)
        assert lasting, "nothing is kept without an expiry"
        yield _Filling(policy, client, world, lasting)


def _answers(world: World) -> bool:
    return world.get("/quote/AAPL", world.key(Tier.INSTITUTIONAL_ELITE)).status == 200  # noqa: PLR2004 - OK


def _without_expiry(client: redis.Redis) -> dict[bytes, bytes]:
    """Return the keys that must never be evicted, with their content: the log of upstream calls."""
    return {key: client.dump(key) or b"" for key in client.scan_iter("dekr:{upstream}:*") if client.ttl(key) == -1}


def _popular() -> list[str]:
    return [f"dekr:{{H{rank:04d}}}:quote" for rank in range(POPULAR)]


def _commands(symbols: int) -> Iterator[list[Command]]:
    """Yield the commands of each round trip: the popular entries are written, then all others with reads of popular
    ones between.
    """
    chance = random.Random(1)  # noqa: S311 - a trace
    cache = EntryCache(Link.open("redis://127.0.0.1:1"))  # makes commands only
    entry = Entry(time.time_ns() // 1000, Kind.VALUE, PAYLOAD)
    popular = _popular()
    yield list(cache.put([Write(key, entry, KEEP_US) for key in popular], copy=False))
    reads = [cache.get(key) for key in popular]
    weights = [1 / (rank + 10) for rank in range(POPULAR)]
    for ranges in batched(range(RANGES), RANGES_AT_ONCE, strict=True):
        data = [f"bars:1:minute:adj:{date(2026, 1, 1) + timedelta(days=number)}" for number in ranges]
        for names in batched(range(symbols), SYMBOLS_AT_ONCE, strict=True):
            keys = [cache.key(f"T{name:05d}", datum) for name in names for datum in data]
            puts = cache.put([Write(key, entry, KEEP_US) for key in keys], copy=False)
            yield [*puts, *chance.choices(reads, weights, k=READS)]
