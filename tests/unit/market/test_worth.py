"""What a missing quote's fetch should bring along: the choice between one ticker, the best 250 and the whole market."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dekr.market.quotes.refresh_policy import Candidate, Scope, choose, relief, worth_s
from dekr.polygon.endpoints import UNIVERSAL

PATIENCE = {30.0: 0.2, 300.0: 0.3, 3600.0: 0.5}


def slow_worth_s(age: float, ahead: float, patience: Mapping[float, float], steps: int = 4_000) -> float:
    """The formula as it is written, with the integral as a sum of strips."""

    def stricter(than: float) -> float:
        return sum(share for allowed, share in patience.items() if allowed <= than)

    strip = age / steps
    return age * stricter(age + ahead) - sum(stricter((i + 0.5) * strip) * strip for i in range(steps))


@given(age=st.floats(0, 4_000), ahead=st.floats(0, 4_000))
def test_the_worth_is_the_formulas(age: float, ahead: float) -> None:
    assert worth_s(age, ahead, PATIENCE) == pytest.approx(slow_worth_s(age, ahead, PATIENCE), abs=3)


def test_nothing_is_worth_refreshing_that_nobody_will_find_too_old() -> None:
    assert worth_s(10, 15, PATIENCE) == 0
    assert worth_s(0, 3600, PATIENCE) == 0


def _choice(candidates: list[Candidate], others: float = 0.0, market_age: float = 3600.0) -> tuple[Scope, int]:
    choice = choose(["AAPL"], candidates, others, market_age, PATIENCE, 60.0)
    return choice.scope, len(choice.tickers)


def test_without_demand_a_ticker_is_fetched_alone() -> None:
    assert _choice([]) == (Scope.ONE, 0)
    assert _choice([Candidate("MSFT", 1e-6, 3600)]) == (Scope.ONE, 0)


def test_some_popular_tickers_ride_along() -> None:
    assert _choice([Candidate("MSFT", 0.01, 3600), Candidate("TSLA", 0.01, 0)]) == (Scope.MANY, 1)


def test_a_market_full_of_demand_is_fetched_whole() -> None:
    assert _choice([Candidate(f"T{i}", 0.001, 3600) for i in range(1_000)])[0] is Scope.MARKET
    assert _choice([], others=0.01)[0] is Scope.MARKET


def test_a_fresh_market_is_not_fetched_for_tickers_nobody_knows() -> None:
    assert _choice([], others=0.01, market_age=5)[0] is Scope.ONE


def test_what_rides_along_is_worth_most_and_never_the_missing_one() -> None:
    candidates = [Candidate("AAPL", 9.0, 3600)] + [Candidate(f"T{i}", i / 1e6, 3600) for i in range(1, 400)]
    choice = choose(["AAPL"], candidates, 0.0, 3600, PATIENCE, 60.0)
    assert choice.tickers == tuple(f"T{i}" for i in range(399, 399 - UNIVERSAL.max_limit + 1, -1))


def test_a_batch_leaves_room_for_fewer() -> None:
    missing = [f"M{i}" for i in range(200)]
    candidates = [Candidate(f"T{i}", 0.0001, 3600) for i in range(100)]
    choice = choose(missing, candidates, 0.0, 3600, PATIENCE, 60.0)
    assert len(choice.tickers) + len(missing) == UNIVERSAL.max_limit


def test_warming_pays_only_where_many_would_wait() -> None:
    assert relief(0.2, 3600, PATIENCE) < 0
    assert relief(2_000, 3600, PATIENCE) > 0
    assert relief(2_000, 0, {3600.0: 1.0}) < 0
