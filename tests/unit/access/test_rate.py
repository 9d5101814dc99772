"""The rate limit in memory, against the slow model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dekr.access.rate import MAX_BUCKETS, Buckets, Rate
from tests.unit.access.token_bucket import TokenBucket

STEPS = st.lists(st.tuples(st.integers(0, 5_000_000), st.integers(1, 12)), max_size=60)


@given(st.sampled_from([(30, 10), (60, 1), (600, 5), (6_000, 100)]), STEPS)
def test_it_grants_what_the_model_grants(figures: tuple[int, int], steps: list[tuple[int, int]]) -> None:
    rate, buckets = Rate.of(*figures), Buckets()
    model = TokenBucket(rate.emission_interval_us, rate.burst)
    now_us = 1_700_000_000_000_000
    for pause_us, cost in steps:
        now_us += pause_us
        expected = model.take(now_us, cost)
        granted, debt_us = buckets.take("demo", rate, cost, now_us)
        assert granted == (expected == "granted")
        assert rate.left(debt_us) == model.left()
        if not granted:
            assert rate.wait_us(debt_us, cost) == model.wait_us(cost)


@given(st.integers(0, 30_000_000))
def test_one_more_request_is_left_after_the_retry_time_and_not_before(debt_us: int) -> None:
    rate = Rate.of(30, 10)
    wait_us = rate.next_us(debt_us)
    if debt_us == 0:
        assert wait_us == 0
    else:
        assert rate.left(debt_us - wait_us) == rate.left(debt_us) + 1
        assert rate.left(debt_us - wait_us + 1) == rate.left(debt_us)


@pytest.mark.parametrize("back_us", [2_000_000, 36_000_000, 3_600_000_000])
def test_a_clock_that_stepped_back_throttles_nobody(back_us: int) -> None:
    rate, buckets, now_us = Rate.of(30, 10), Buckets(), 1_700_000_000_000_000
    for _ in range(10):
        assert buckets.take("demo", rate, 1, now_us)[0]
    for _ in range(10):
        assert buckets.take("demo", rate, 1, now_us - back_us)[0]
    assert not buckets.take("demo", rate, 1, now_us - back_us)[0]


def test_callers_do_not_share_a_bucket_and_the_memory_is_bounded() -> None:
    rate, buckets = Rate.of(1, 1), Buckets()
    for caller in range(MAX_BUCKETS + 1):
        assert buckets.take(str(caller), rate, 1, 0)[0]
    assert not buckets.take(str(MAX_BUCKETS), rate, 1, 0)[0]
    assert not buckets.take("1", rate, 1, 0)[0]
    assert buckets.take("0", rate, 1, 0)[0]
