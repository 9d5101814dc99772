"""What the memory benchmarks say of entries, and of a Redis that is too small."""

import random
from string import ascii_letters

from bench.eviction import LFU, LRU, fill
from bench.memory import judged
from dekr.cache.entry import Entry, Kind


def entry(text: str) -> bytes:
    return Entry(1_795_186_800_000_000, Kind.VALUE, f'{{"x":"{text}"}}'.encode()).encode()


def test_a_large_entry_that_repeats_itself_is_worth_compressing() -> None:
    found = judged([(b"dekr:{AAPL}:bars:1:minute:adj:2026-11-20", entry("0123456789" * 1_000))])
    assert found.text == 10_008
    assert 10_000 < found.plain < 13_000
    assert found.best <= found.fast < 500
    assert found.pays


def test_a_small_one_is_not() -> None:
    found = judged([(b"dekr:{AAPL}:quote", entry("0123456789" * 60))])
    assert found.fast < found.plain / 2
    assert not found.pays


def test_nor_one_that_hardly_gets_smaller() -> None:
    text = "".join(random.Random(1).choices(ascii_letters, k=10_000))
    found = judged([(b"dekr:{AAPL}:news:0", entry(text))])
    assert found.fast > found.plain / 2
    assert not found.pays


def test_memory_stays_bounded_and_what_is_read_often_stays() -> None:
    found = fill([LFU, LRU], symbols=300, max_mb=3)
    for filled in found.values():
        assert 0.95 < filled.peak < 1.01
        assert filled.others < 0.4
    # The clock of volatile-lru counts seconds, which is too coarse for a run as short as this one.
    assert found[LFU].popular > 2 * found[LFU].others
