"""The freshness rule, held against the slow model over all sessions."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from dekr.cache.freshness import (
    CLOCK_TOLERANCE_US,
    DataClass,
    floor_us,
    fresh_until_us,
    is_fresh,
    keep_us,
    settled_floor_us,
)
from dekr.tiers import POLICIES, Tier
from tests.oracle import may_have

START = datetime(2026, 11, 20, tzinfo=UTC)
moments = st.integers(0, 14 * 86_400).map(lambda s: START + timedelta(seconds=s))
ages = st.one_of(st.integers(0, 7_200), st.integers(0, 5 * 86_400)).map(lambda s: timedelta(seconds=s, microseconds=1))
tiers = st.sampled_from(Tier)


def us(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond


@settings(max_examples=400)
@given(moments, ages, tiers)
def test_a_quote_is_fresh_exactly_when_the_promise_allows_it(now: datetime, age: timedelta, tier: Tier) -> None:
    fetched = now - age
    fresh = is_fresh(us(fetched), floor_us(us(now), tier.policy, DataClass.REAL_TIME), us(now))
    assert fresh == may_have(int(tier), fetched, now)


@settings(max_examples=300)
@given(moments, ages, tiers, st.sampled_from(DataClass))
def test_what_is_promised_until_a_moment_is_fresh_until_just_before_it(
    now: datetime, age: timedelta, tier: Tier, data: DataClass
) -> None:
    stamp, at = us(now - age), us(now)
    if not is_fresh(stamp, floor_us(at, tier.policy, data), at):
        return
    until = fresh_until_us(stamp, at, tier.policy, data)
    assert until >= at
    for later in (at, (at + until) // 2, until - 1):
        if later >= at:
            assert is_fresh(stamp, floor_us(later, tier.policy, data), later)


def test_news_keep_their_own_age_at_all_hours() -> None:
    for hour in range(0, 24 * 7, 3):
        now = us(START + timedelta(hours=hour))
        assert floor_us(now, Tier.ALGORITHMIC_TRADER.policy, DataClass.NEWS) == now - 300_000_000


def test_a_day_past_the_calendar_counts_as_the_regular_session() -> None:
    now = us(datetime(2031, 5, 3, 2, tzinfo=UTC))
    assert floor_us(now, Tier.INSTITUTIONAL_ELITE.policy, DataClass.REAL_TIME) == now - 30_000_000


def test_a_stamp_from_a_clock_that_stepped_back_is_not_believed() -> None:
    now = us(START)
    assert is_fresh(now + CLOCK_TOLERANCE_US, 0, now)
    assert not is_fresh(now + CLOCK_TOLERANCE_US + 1, 0, now)


def test_settled_means_twenty_minutes_later() -> None:
    end = us(START)
    assert not is_fresh(end + 20 * 60 * 1_000_000 - 1, settled_floor_us(end), end * 2)
    assert is_fresh(end + 20 * 60 * 1_000_000, settled_floor_us(end), end * 2)


@given(moments, tiers)
def test_the_store_keeps_an_entry_as_long_as_anybody_may_have_it(now: datetime, tier: Tier) -> None:
    at = us(now)
    assert fresh_until_us(at, at, tier.policy, DataClass.REAL_TIME) <= at + keep_us(at, DataClass.REAL_TIME, 0)


def test_the_ages_of_the_tier_table() -> None:
    ages = {tier.value: (p.real_time_s, p.historical_s, p.news_s) for tier, p in POLICIES.items()}
    assert ages == {
        1: (3600, 86400, 7200),
        2: (900, 3600, 1800),
        3: (900, 3600, 1800),
        4: (300, 1800, 900),
        5: (300, 1800, 900),
        6: (60, 300, 300),
        7: (30, 300, 300),
    }
