"""Bars of a day still change for hours after its close, as the vendor's do (https://github.com/polygon-io/issues/issues/151)."""

from collections.abc import Sequence
from datetime import date, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from dekr import sessions
from local.sandbox import market
from local.sandbox.plans import FREE
from local.sandbox.span import Span
from local.sandbox.universe import profile, tickers
from tests.contract.sandbox.test_market import is_possible, parts_make_the_whole

SEED = 7
FRIDAY = date(2026, 11, 20)
HOURS = [
    ("2026-11-20T20:59:59Z", 0),
    ("2026-11-20T21:00:00Z", 8),
    ("2026-11-20T22:30:00Z", 7),
    ("2026-11-21T01:30:00Z", 4),
    ("2026-11-21T04:59:59Z", 1),
    ("2026-11-21T05:00:00Z", 0),
    ("2026-11-23T10:00:00Z", 0),
]


def us(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp()) * 1_000_000


def spans(windows: Sequence[tuple[int, Span]]) -> list[Span]:
    return [span for _, span in windows]


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(["AAPL", "NVDA", *tickers()[100::700]]), st.sampled_from([each for each, _ in HOURS]))
def test_all_bars_of_a_day_agree_at_each_moment(ticker: str, moment: str) -> None:
    whole = market.day_span(SEED, ticker, FRIDAY, us(moment))
    progress = market.day_progress(SEED, ticker, FRIDAY, us(moment))
    assert whole is not None
    assert progress is not None
    assert progress.day[:7] == whole[:7]
    for windows in (
        market.minutes(SEED, ticker, FRIDAY, 1, us(moment)),
        market.minutes(SEED, ticker, FRIDAY, 60, us(moment)),
        market.seconds(SEED, ticker, FRIDAY, 10, us(moment)),
    ):
        parts_make_the_whole(spans(windows), whole)
        for span in spans(windows):
            is_possible(span._replace(slots=1), profile(SEED, ticker).tick_size)


def test_what_is_counted_too_much_grows_less_with_each_hour_and_prices_stay() -> None:
    final = market.day_span(SEED, "AAPL", FRIDAY, us("2026-11-24T15:00:00Z"))
    assert final is not None
    found = {}
    for moment, hours in HOURS[2:]:
        span = market.day_span(SEED, "AAPL", FRIDAY, us(moment))
        assert span is not None
        # After-hours trading goes on until 01:00 UTC and does not count here.
        if us(moment) >= us("2026-11-21T01:00:00Z"):
            assert span[:4] == final[:4]
            found[hours] = (span.volume, span.trades, span.turnover)
    assert found[0] == (final.volume, final.trades, final.turnover)
    assert found[4] > found[1] > found[0]


def test_a_plan_of_finished_days_sees_the_corrections_of_the_day_before() -> None:
    assert FREE.seen_us(us("2026-11-21T01:30:00Z")) == us("2026-11-21T01:30:00Z")
    assert FREE.seen_us(us("2026-11-23T15:00:00Z")) == us("2026-11-23T09:00:00Z") - 1
    assert sessions.eastern_date(FREE.seen_us(us("2026-11-23T15:00:00Z"))) > FRIDAY
