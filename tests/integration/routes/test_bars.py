"""The routes of bars in both dialects, held against the market's own aggregates."""

from typing import Any

import pytest

from dekr.http.polygon.shapes import Aggregates
from dekr.models.bars import Bar
from dekr.times import rfc3339_ms
from tests.integration.routes.paging import followed
from tests.integration.routes.upstream import fails, pages, upstream_answer
from tests.markets import Market
from tests.shapes import polygon_shaped, shaped

NAMES = {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v", "vwap": "vw", "transactions": "n"}


def _dekr_bar(ticker: str, sent: dict[str, Any]) -> dict[str, Any]:
    """The upstream's bar as Dekr writes it."""
    named = {name: sent.get(short) for name, short in NAMES.items()}
    return {"symbol": ticker, "timestamp": rfc3339_ms(sent["t"]), **named}


@pytest.mark.parametrize("sort", ["asc", "desc"])
@pytest.mark.parametrize(
    ("window", "first", "last"),
    [
        ("1/day", "2025-01-01", "2026-11-20"),
        ("5/minute", "2026-11-18", "2026-11-20"),
        ("1/hour", "2026-10-01", "2026-11-20"),
        ("1/week", "2026-01-01", "2026-11-20"),
        ("1/month", "2020-01-01", "2026-11-20"),
    ],
)
def test_a_whole_range_is_the_same_in_both_dialects_and_upstream(
    night: Market, window: str, first: str, last: str, sort: str
) -> None:
    key = night.world.key()
    path = f"/v2/aggs/ticker/AAPL/range/{window}/{first}/{last}"
    sent = pages(night, path, sort=sort, limit=50_000)
    theirs = [
        bar
        for answer in followed(night.world, f"{path}?sort={sort}&limit=50000", key)
        for bar in polygon_shaped(Aggregates, answer)["results"]
    ]
    assert theirs == sent
    multiplier, timespan = window.split("/")
    query = f"multiplier={multiplier}&timespan={timespan}&from={first}&to={last}&sort={sort}"
    ours = [
        bar for answer in followed(night.world, f"/market-data/AAPL?{query}", key) for bar in shaped(list[Bar], answer)
    ]
    assert ours == [_dekr_bar("AAPL", bar) for bar in sent]


def test_what_one_dialect_fetched_costs_the_other_nothing(night: Market) -> None:
    key = night.world.key()
    night.world.get("/market-data/MSFT?timespan=day&from=2026-01-01&to=2026-11-19", key)
    calls = night.calls
    answer = night.world.get("/v2/aggs/ticker/MSFT/range/1/day/2026-03-02/2026-10-30", key)
    assert answer.json["resultsCount"] > 150
    assert answer.headers["Cache-Status"].startswith("dekr; hit")
    assert night.calls == calls


def test_short_pages_hold_the_same_bars(night: Market) -> None:
    key = night.world.key()
    path = "/v2/aggs/ticker/MSFT/range/1/minute/2026-11-19/2026-11-20"
    answers = list(followed(night.world, f"{path}?limit=300", key))
    assert [answer.json["resultsCount"] for answer in answers[:-1]] == [300] * (len(answers) - 1)
    assert [bar for answer in answers for bar in answer.json["results"]] == pages(night, path, limit=50_000)
    assert len(answers) > 3


@pytest.mark.parametrize("adjusted", ["true", "false"])
def test_the_previous_day_is_polygons_own(night: Market, adjusted: str) -> None:
    path = f"/v2/aggs/ticker/AAPL/prev?adjusted={adjusted}"
    answer = polygon_shaped(Aggregates, night.world.get(path, night.world.key()))
    sent = upstream_answer(night, "/v2/aggs/ticker/AAPL/prev", adjusted=adjusted)
    assert answer["results"] == sent["results"]
    assert {name: answer[name] for name in ("ticker", "adjusted", "resultsCount")} == {
        name: sent[name] for name in ("ticker", "adjusted", "resultsCount")
    }


def test_a_split_scales_adjusted_bars_alone(night: Market) -> None:
    key = night.world.key()
    for adjusted in ("true", "false"):
        path = f"/v2/aggs/ticker/NVDA/range/1/day/2024-06-03/2024-06-14?adjusted={adjusted}"
        assert night.world.get(path, key).json["results"] == upstream_answer(night, path)["results"]
    adjusted, raw = (
        night.world.get(f"/market-data/NVDA?from=2024-06-05&to=2024-06-05&adjusted={word}", key).json[0]
        for word in ("true", "false")
    )
    assert raw["close"] == pytest.approx(10 * adjusted["close"])


def test_a_ticker_that_nobody_lists(night: Market) -> None:
    key = night.world.key()
    ours = night.world.get("/market-data/QQQQQ?timespan=day&limit=5", key)
    assert (ours.status, ours.json["code"]) == (404, "unknown_symbol")
    theirs = polygon_shaped(Aggregates, night.world.get("/v2/aggs/ticker/QQQQQ/range/1/day/2026-11-02/2026-11-20", key))
    assert theirs["resultsCount"] == 0
    assert "results" not in theirs
    calls = night.calls
    night.world.get("/market-data/QQQQQ?timespan=day&limit=5", key)
    assert night.calls == calls


def test_old_bars_are_served_with_a_label_while_the_upstream_fails(market: Market) -> None:
    key = market.world.key()
    path = "/v2/aggs/ticker/AAPL/range/5/minute/2026-11-20/2026-11-20"
    first = market.world.get(path, key).json["results"]
    fails(market)
    market.later(600)
    stale = market.world.get(path, key)
    assert stale.json["results"] == first
    assert stale.headers["X-Data-Warning"].startswith("stale; age=600")
    assert market.world.get(path.replace("AAPL", "MSFT"), key).status == 503


def test_settled_bars_need_no_upstream(market: Market) -> None:
    key = market.world.key()
    path = "/v2/aggs/ticker/AAPL/range/1/minute/2026-11-16/2026-11-18"
    first = market.world.get(path, key).json
    fails(market)
    market.to("2026-11-20T20:59:00Z")
    again = market.world.get(path, key)
    assert again.json == first
    assert again.headers["Cache-Status"].startswith("dekr; hit")


def test_the_free_plan_has_bars_of_days_gone_by(free: Market) -> None:
    key = free.world.key()
    path = "/v2/aggs/ticker/AAPL/range/1/day/2026-11-02/2026-11-19"
    assert free.world.get(path, key).json["results"] == upstream_answer(free, path)["results"]
    assert free.world.get("/v2/aggs/ticker/AAPL/prev", key).json["results"][0]["T"] == "AAPL"
