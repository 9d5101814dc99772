"""The memory benchmarks tell which entries are worth compressing, and fill a Redis beyond its limit."""

import random
from string import ascii_letters

from bench.eviction import LFU, LRU, fill
from bench.memory import measured
from dekr.cache.entry import Entry, Kind


def entry(text: str) -> bytes:
    return Entry(1_795_186_800_000_000, Kind.VALUE, f'{{"x":"{text}"}}'.encode()).encode()


def test_a_large_entry_that_repeats_itself_is_worth_compressing() -> None:
    figures = measured([(b"dekr:{AAPL}:bars:1:minute:adj:2026-11-20", entry("0123456789" * 1_000))])
    assert figures.text == 10_008
    assert 10_000 < figures.plain < 13_000
    assert figures.best <= figures.fast < 500
    assert figures.pays


def test_a_small_entry_is_not_worth_compressing() -> None:
    figures = measured([(b"dekr:{AAPL}:quote", entry("0123456789" * 60))])
    assert figures.fast < figures.plain / 2
    assert not figures.pays


def test_an_entry_that_hardly_gets_smaller_is_not_worth_compressing() -> None:
    text = "".join(random.Random(1).choices(ascii_letters, k=10_000))
    figures = measured([(b"dekr:{AAPL}:news:0", entry(text))])
    assert figures.fast > figures.plain / 2
    assert not figures.pays


def test_memory_stays_bounded_and_what_is_read_often_stays() -> None:
    filled_by_policy = fill([LFU, LRU], symbols=300, max_mb=3)
    for filled in filled_by_policy.values():
        assert 0.95 < filled.peak < 1.01
        assert filled.others < 0.4
    # The clock of volatile-lru counts seconds, which is too coarse for a run as short as this one.
    assert filled_by_policy[LFU].popular > 2 * filled_by_policy[LFU].others
