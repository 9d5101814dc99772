"""The memory of an entry in Redis by class, and what compressing it saves and costs.

The entries are those that the service wrote from the sandbox Polygon. Each class is then stored alone in a Redis of its
own: as the service stores it, as plain text, and compressed. The growth of ``used_memory`` is the true size of an
entry, with its key, its expiry and what the allocator rounds up: jemalloc, which an installed server has, as ElastiCache does.
"""

import os
import re
import statistics
import time
import zlib
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import redis

from bench.connected import connected
from bench.stampede import sandbox_polygon
from dekr.cache.entry import HEADER_BYTES, Entry
from dekr.tiers import Tier
from local.sandbox.universe import tickers
from local.stack.store_server import installed_server
from tests.patience import patient_url
from tests.redis_servers import redis_single

OPEN = "2026-11-20T15:00:00Z"
TICKERS = tickers()[:200:10]
"""Every tenth of the most traded tickers: rarely traded ones have fewer bars."""

PATHS = (
    "/snapshot/{}",
    "/quote/{}",
    "/trade/{}",
    "/market-data/{}?timespan=minute&from=2026-11-18&to=2026-11-19",
    "/market-data/{}?from=2023-01-01&to=2026-10-30",
    "/news?symbol={}",
)
CLASSES = {
    "quote": r"\}:quote$",
    "trade": r"\}:trade$",
    "snapshot": r"\}:snapshot$",
    "minute_bars": r"\}:bars:1:minute:adj:",
    "day_bars": r"\}:bars:1:day:adj:(2023|2024|2025)-",
    "news": r"\}:news:\w+$",
}
"""The keys of each class, as regular expressions. Of day bars only whole years count."""

COPIES = 2_000
"""The number of copies that are stored of a class: the server's own memory changes by less than one of them."""

KEEP_MS = 3_600_000
ROUNDS = 10
MIN_SAVED_BYTES, MIN_SAVED_FRACTION = 1_024, 0.5
"""Compressing pays if it saves this many bytes and this fraction: less is not worth one more step on each read."""


@dataclass(frozen=True)
class ClassFigures:
    """The figures of one class, as means over its entries.

    ``text``: bytes of JSON. ``kept``, ``plain``, ``fast`` and ``best``: bytes in Redis as the service stores it, as
    plain text, and compressed by zlib's levels 1 and 6. ``pack_us``, ``best_us`` and ``unpack_us``: microseconds to
    compress one by level 1, to compress it by level 6, and to decompress it.
    """

    entries: int
    text: float
    kept: float
    plain: float
    fast: float
    best: float
    pack_us: float
    best_us: float
    unpack_us: float

    @property
    def pays(self) -> bool:
        """Whether compressing saves enough to be worth its time."""
        return self.plain - self.fast >= MIN_SAVED_BYTES and self.fast <= self.plain * (1 - MIN_SAVED_FRACTION)


def run() -> dict[str, tuple[float, str]]:
    """Measure ``memory_<class>_bytes`` and ``memory_<class>_plain_bytes``, and print the table.

    Return each figure's value and meaning.
    """
    by_class = {name: measured(entries) for name, entries in written_entries().items()}
    print(_table(by_class))
    results: dict[str, tuple[float, str]] = {}
    for name, each in by_class.items():
        label = name.replace("_", " ")
        results[f"memory_{name}_bytes"] = (each.kept, f"Redis memory of an entry as it is kept: {label}")
        results[f"memory_{name}_plain_bytes"] = (
            each.plain,
            f"Redis memory of an entry as plain text: {label}; compressing it {'pays' if each.pays else 'does not pay'}",
        )
    return results


def written_entries() -> dict[str, list[tuple[bytes, bytes]]]:
    """Return the keys and entries of each class, written by the service itself."""
    with (
        redis_single(program=installed_server()) as server,
        sandbox_polygon(0) as upstream,
        connected(server.url, upstream) as world,
    ):
        world.to(OPEN)
        key = world.key(Tier.INSTITUTIONAL_ELITE)
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
            for ticker in TICKERS:
                for path in PATHS:
                    answer = world.get(path.format(ticker), key)
                    assert answer.status == 200, answer.text  # noqa: PLR2004 - OK
        with redis.Redis.from_url(patient_url(server.url)) as client:
            keys = list(client.scan_iter(count=1_000))
            by_class = {
                name: [each for each in keys if re.search(pattern, each.decode())] for name, pattern in CLASSES.items()
            }
            return {
                name: [(each, client.get(each) or b"") for each in entries_of_class]
                for name, entries_of_class in by_class.items()
            }


def measured(entries: Sequence[tuple[bytes, bytes]]) -> ClassFigures:
    """Measure what the entries of one class occupy, and what compressing saves and costs."""
    keys = [key for key, _ in entries]
    heads = [entry[:HEADER_BYTES] for _, entry in entries]
    texts = [_text(entry) for _, entry in entries]
    fast = [zlib.compress(text, 1) for text in texts]

    def in_redis(payloads: Sequence[bytes]) -> float:
        return _bytes_each([(key, head + text) for key, head, text in zip(keys, heads, payloads, strict=True)])

    return ClassFigures(
        entries=len(entries),
        text=statistics.fmean(map(len, texts)),
        kept=_bytes_each(entries),
        plain=in_redis(texts),
        fast=in_redis(fast),
        best=in_redis([zlib.compress(text, 6) for text in texts]),
        pack_us=_us_each(lambda: [zlib.compress(text, 1) for text in texts], len(texts)),
        best_us=_us_each(lambda: [zlib.compress(text, 6) for text in texts], len(texts)),
        unpack_us=_us_each(lambda: [zlib.decompress(text) for text in fast], len(texts)),
    )


def _text(raw: bytes) -> bytes:
    entry = Entry.decode(raw)
    assert entry
    return entry.payload


def _bytes_each(entries: Sequence[tuple[bytes, bytes]]) -> float:
    """Return the growth of ``used_memory`` by one entry, including its key and its expiry."""
    with (
        redis_single("--activedefrag", "no", program=installed_server()) as server,
        redis.Redis.from_url(patient_url(server.url)) as client,
    ):
        before = client.info("memory")["used_memory"]
        with client.pipeline(transaction=False) as pipeline:
            for number in range(COPIES):
                key, entry = entries[number % len(entries)]
                # Another ticker of the same length makes it another key of the same size.
                pipeline.set(re.sub(rb"\{.*?\}", b"{%04d}" % number, key), entry, px=KEEP_MS)
                if number % 50 == 0:
                    pipeline.execute()
            pipeline.execute()
        return float(client.info("memory")["used_memory"] - before) / COPIES


def _us_each(work: Callable[[], object], count: int) -> float:
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times) / count * 1e6


def _table(by_class: dict[str, ClassFigures]) -> str:
    names = ("entry", "JSON", "as kept", "as text", "zlib 1", "zlib 6", "saved", "compress 1, 6", "read", "pays")
    widths = (12, 8, 9, 9, 9, 9, 7, 15, 8, 6)
    rows: list[Sequence[str]] = [names]
    for name, each in by_class.items():
        sizes = [f"{size:,.0f}" for size in (each.text, each.kept, each.plain, each.fast, each.best)]
        times = f"{each.pack_us:.0f}, {each.best_us:.0f} us", f"{each.unpack_us:.0f} us"
        rows.append([name, *sizes, f"{1 - each.fast / each.plain:.0%}", *times, "yes" if each.pays else "no"])
    return "\n".join("".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows)
