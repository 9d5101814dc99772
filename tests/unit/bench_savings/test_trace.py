"""The day of requests has the distributions of its description, and the seed alone decides it."""

import numpy as np
import pytest

from bench.savings.trace import MIXED, START_US, TIERS, Kind, Popularity, Trace, day

HOUR_US = 3_600_000_000
MANY = 200_000


@pytest.fixture(scope="module")
def quotes() -> Trace:
    return day(1, MANY)


def test_a_seed_makes_one_day_and_another_seed_another() -> None:
    one, same, other = (day(seed, 1_000) for seed in (5, 5, 6))
    assert np.array_equal(one.at_us, same.at_us)
    assert np.array_equal(one.ranks, same.ranks)
    assert not np.array_equal(one.ranks, other.ranks)


def test_requests_come_in_order_between_four_and_twenty_hours(quotes: Trace) -> None:
    assert len(quotes) == MANY
    assert (np.diff(quotes.at_us) >= 0).all()
    assert quotes.at_us[0] >= START_US
    assert quotes.at_us[-1] < START_US + 16 * HOUR_US


def test_the_regular_session_is_busiest_at_its_ends(quotes: Trace) -> None:
    half_hours = np.bincount((quotes.at_us - START_US) // (HOUR_US // 2), minlength=32)
    regular, noon = half_hours[11:24], half_hours[17]
    assert noon == pytest.approx(regular.min(), rel=0.05)
    assert min(regular[0], regular[-1]) > 1.8 * noon
    assert half_hours[:11].max() < noon / 2
    assert half_hours[24:].max() < noon / 2


def test_tiers_have_their_shares(quotes: Trace) -> None:
    assert np.bincount(quotes.tiers, minlength=8)[1:] / MANY == pytest.approx(np.array(TIERS), abs=0.005)


def test_tickers_are_requested_as_their_popularity_says(quotes: Trace) -> None:
    shares = Popularity().shares(10_000)
    assert shares.sum() == pytest.approx(1)
    assert shares[0] / shares[99] == pytest.approx((109.8 / 10.8) ** 1.04 * np.exp(0.411 * 0.099), rel=1e-6)
    observed = np.bincount(quotes.ranks, minlength=10_000) / MANY
    assert observed[0] == pytest.approx(shares[0], rel=0.05)
    assert observed[:100].sum() == pytest.approx(shares[:100].sum(), rel=0.02)
    assert observed[2_000:].sum() == pytest.approx(shares[2_000:].sum(), rel=0.03)


def test_a_mixed_day_has_its_shares_of_routes_and_batches_of_two_to_ten() -> None:
    trace = day(1, 50_000, mixed=True)
    assert np.bincount(trace.kinds, minlength=4) / len(trace) == pytest.approx(np.array(MIXED), abs=0.01)
    batches = trace.sizes[trace.kinds == Kind.BATCH]
    assert (batches.min(), batches.max()) == (2, 10)
