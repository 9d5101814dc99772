"""The choice of how many tickers one upstream call fetches where a quote is missing."""

from datetime import datetime

import pytest

from dekr.cache.keys import Datum
from dekr.market.demand.forecast import Forecast, TickerDemand
from dekr.market.quotes.refresh_policy import OLDEST_S, RefreshScope
from dekr.polygon.endpoints import UNIVERSAL
from dekr.tiers import POLICIES

S = 1_000_000
IN_SESSION_US = int(datetime.fromisoformat("2026-11-20T10:00:00-05:00").timestamp()) * S
AT_NIGHT_US = int(datetime.fromisoformat("2026-11-20T23:00:00-05:00").timestamp()) * S


def demand(ticker: str, rate: float, age_s: float = OLDEST_S, now_us: int = IN_SESSION_US) -> TickerDemand:
    return TickerDemand(ticker, rate, now_us - int(age_s * S))


def miss(*tickers: TickerDemand, missing: tuple[str, ...] = ("AAPL",), now_us: int = IN_SESSION_US) -> RefreshScope:
    forecast = Forecast(now_us, 0, tickers)
    return RefreshScope(missing, Datum.QUOTE, forecast)


@pytest.mark.parametrize(("requests", "shared"), [(0.99, False), (1.01, True), (0.0, False)])
def test_a_call_is_shared_where_one_request_more_is_expected_while_it_lasts(requests: float, shared: bool) -> None:
    assert miss(demand("MSFT", requests / OLDEST_S)).shared is shared


def test_the_most_demanded_and_those_too_old_for_most_ride_along_first_and_never_the_missing_one() -> None:
    candidates = miss(
        demand("AAPL", 9.0), demand("OFTEN", 0.9, 60), demand("SELDOM", 0.1, 60), demand("OLD", 0.1, 3_600)
    )
    assert candidates.best_others() == ["OLD", "OFTEN", "SELDOM"]


def test_an_entry_that_is_too_old_for_every_tier_grows_no_more_worth() -> None:
    candidates = miss(demand("NEVER", 0.1, 1e6), demand("LATER", 0.2, OLDEST_S))
    assert candidates.best_others() == ["LATER", "NEVER"]


def test_an_entry_that_every_tier_may_have_until_the_next_call_is_not_refreshed() -> None:
    strictest_s = min(policy.real_time_s for policy in POLICIES.values())
    last_s = 10
    last = demand("LAST", 0.1, last_s)
    assert miss(last, demand("MSFT", 0.1, strictest_s - last_s - 1)).best_others() == []
    assert miss(last, demand("MSFT", 0.1, strictest_s - last_s)).best_others() == ["MSFT"]


def test_outside_the_session_the_longer_ages_count() -> None:
    premarket_us = IN_SESSION_US - 3 * 3_600 * S
    assert miss(demand("MSFT", 0.1, 40), now_us=IN_SESSION_US).best_others() == ["MSFT"]
    assert miss(demand("MSFT", 0.1, 40, now_us=premarket_us), now_us=premarket_us).best_others() == []


def test_as_many_ride_along_as_one_call_takes() -> None:
    many = [demand(f"T{i}", i / 1e6) for i in range(1, 400)]
    assert miss(*many).best_others() == [f"T{i}" for i in range(399, 399 - UNIVERSAL.max_limit + 1, -1)]
    batch = tuple(f"M{i}" for i in range(200))
    assert len(miss(*many, missing=batch).best_others()) == UNIVERSAL.max_limit - len(batch)


def test_while_the_market_is_closed_what_was_fetched_since_needs_no_refresh() -> None:
    settled = demand("MSFT", 1.0, 3_600, now_us=AT_NIGHT_US)
    before_the_close = demand("KO", 1.0, 9 * 3_600, now_us=AT_NIGHT_US)
    assert miss(settled, before_the_close, now_us=AT_NIGHT_US).best_others() == ["KO"]
