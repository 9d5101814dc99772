"""The freshness rule, held against the slow model over all sessions."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from dekr.cache.freshness import (
    CLOCK_TOLERANCE_US,
    DataClass,
    final_floor_us,
    floor_us,
    fresh_until_us,
    is_fresh,
    keep_us,
    max_age_us,
    settled_floor_us,
)
from dekr.market.read.requirement import Requirement
from dekr.sessions import at
from dekr.tiers import POLICIES, Tier
from tests.oracle import bars_settled_from, bounds, may_have, may_have_bars

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


def test_prices_are_final_twenty_minutes_later() -> None:
    end = us(START)
    assert not is_fresh(end + 20 * 60 * 1_000_000 - 1, final_floor_us(end), end * 2)
    assert is_fresh(end + 20 * 60 * 1_000_000, final_floor_us(end), end * 2)


@settings(max_examples=300)
@given(moments, st.booleans())
def test_bars_are_settled_when_the_next_trading_day_begins(end: datetime, at_the_close: bool) -> None:
    end = close_of(end) if at_the_close else end
    assert settled_floor_us(us(end)) == us(bars_settled_from(end)) - 1


def close_of(moment: datetime) -> datetime:
    """The end of the after-hours session on that day, or the moment itself."""
    found = bounds(moment.date())
    return found[3] if found else moment


def test_a_day_past_the_calendar_is_settled_after_the_longest_weekend() -> None:
    end = us(datetime(2031, 5, 3, 2, tzinfo=UTC))
    assert settled_floor_us(end) == end + 5 * 86_400_000_000 - 1


@settings(max_examples=400)
@given(moments, ages, tiers, st.integers(0, 5 * 86_400), st.sampled_from([DataClass.REAL_TIME, DataClass.HISTORICAL]))
def test_bars_are_fresh_exactly_when_the_promise_allows_it(
    now: datetime, age: timedelta, tier: Tier, before_s: int, data: DataClass
) -> None:
    fetched, until = now - age, now - timedelta(seconds=before_s)
    floor = Requirement("bars", data, us(until), tail=False).floor_us(us(now), tier.policy)
    age_us = max_age_us(tier.policy, data, at(us(now)).session)
    assert is_fresh(us(fetched), floor, us(now)) == may_have_bars(age_us // 1_000_000, fetched, now, until)


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
