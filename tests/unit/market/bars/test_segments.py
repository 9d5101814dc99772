"""Canonical segments: they tile the time axis, and a plan back from a day never skips a trading day."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dekr import sessions
from dekr.market.bars.segments import Series, Timespan, trading_end_us

series = st.builds(Series, st.just("AAPL"), st.sampled_from([1, 5, 15, 240]), st.sampled_from(Timespan), st.booleans())
days = st.dates(date(2004, 1, 1), date(2027, 11, 30))


@given(series, days)
def test_every_day_lies_in_exactly_one_segment(made: Series, day: date) -> None:
    segment = made.segment_at(day)
    assert segment.first <= day < segment.end
    assert made.segment_at(segment.first) == made.segment_at(segment.end - timedelta(days=1)) == segment
    assert made.segment_at(segment.end).first == segment.end
    assert segment.start_ms < segment.end_ms


@given(series, days)
def test_segments_newest_first_skip_nothing_that_has_a_trading_day(made: Series, day: date) -> None:
    found = list(islice(made.segments_newest_first(day - timedelta(days=60), day), 80))
    for later, earlier in pairwise(found):
        assert earlier.end <= later.first
        between = (later.first - earlier.end).days
        skipped = [earlier.end + timedelta(days=i) for i in range(between)]
        assert all(sessions.trading_day(d) is None for d in skipped)


@pytest.mark.parametrize("timespan", list(Timespan))
def test_the_estimate_of_bars_is_careful(timespan: Timespan) -> None:
    made = Series("AAPL", 1, timespan, adjusted=True)
    segment = made.segment_at(date(2016, 6, 15))
    trading = len(sessions.trading_days(segment.first, segment.end - timedelta(days=1)))
    longer = {"day": 1, "week": 1 / 4, "month": 1 / 19, "quarter": 1 / 60, "year": 1 / 249}
    most = {"second": 57_600, "minute": 960, "hour": 16, **longer}[timespan] * trading
    assert 0 < made.expected_bars(segment, segment.end) <= most


def test_trading_ends_with_the_last_close_before_a_moment() -> None:
    def at(text: str) -> int:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000

    assert trading_end_us(at("2026-11-21T05:00")) == at("2026-11-21T01:00")  # midnight after Friday: 20:00 in New York
    assert trading_end_us(at("2026-11-20T15:00")) == at("2026-11-20T15:00")
