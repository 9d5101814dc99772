"""Each policy needs the calls, and breaks the limits, that can be counted by hand."""

import numpy as np

from bench.savings.baselines import BASELINES
from bench.savings.trace import START_US, Trace

NOON_S = 8 * 3600


def trace(*requests: tuple[float, int, int]) -> Trace:
    """Return a trace of quotes, each given as (seconds after noon, rank of the ticker, tier)."""
    at_us, ranks, tiers = (np.array(column) for column in zip(*requests, strict=True))
    none = np.zeros(len(requests), dtype=np.int64)
    moments = ((at_us + NOON_S) * 1_000_000).astype(np.int64) + START_US
    return Trace(moments, ranks, tiers, none, none, none, np.zeros((len(requests), 0), dtype=np.int64))


def played(*requests: tuple[float, int, int]) -> list[tuple[int, int]]:
    """Return (calls, violations) of each policy, in the order of BASELINES."""
    return [replay(trace(*requests)) for replay in BASELINES.values()]


def test_tiers_of_one_age_share_an_entry_only_where_the_tier_is_not_in_the_key() -> None:
    assert [calls for calls, _ in played((0, 0, 4), (1, 0, 5))] == [2, 1, 1, 1, 1]


def test_a_patient_reader_takes_what_an_impatient_one_fetched() -> None:
    assert [calls for calls, _ in played((0, 0, 7), (40, 0, 1))] == [2, 2, 2, 1, 1]


def test_an_impatient_reader_does_not_take_what_is_too_old() -> None:
    assert played((0, 0, 1), (31, 0, 7)) == [(2, 0), (2, 0), (1, 1), (2, 0), (2, 0)]


def test_only_the_whole_market_serves_another_ticker() -> None:
    assert [calls for calls, _ in played((0, 0, 7), (1, 1, 7))] == [2, 2, 2, 2, 1]


def test_an_entry_ends_exactly_at_its_age() -> None:
    assert [calls for calls, _ in played((0, 0, 7), (29.999999, 0, 7))] == [1] * 5
    assert [calls for calls, _ in played((0, 0, 7), (30, 0, 7))] == [2] * 5


def test_ages_are_four_times_as_long_before_the_open() -> None:
    at = -NOON_S + 60.0
    assert [calls for calls, _ in played((at, 0, 7), (at + 119, 0, 7))] == [1] * 5
    assert [calls for calls, _ in played((at, 0, 7), (at + 120, 0, 7))] == [2] * 5
