"""The routes of a ticker's snapshot and of Polygon's snapshots."""

import pytest

from dekr.http.polygon.shapes import Page, TickerSnapshot, TickerSnapshots
from dekr.models.snapshots import Snapshot
from dekr.times import rfc3339_ns
from tests.integration.routes.upstream import fails, upstream_answer
from tests.markets import Market
from tests.shapes import polygon_shaped, shaped

V2 = "/v2/snapshot/locale/us/markets/stocks/tickers"
GZIP = {"accept-encoding": "gzip"}
NAMES = {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v", "vwap": "vw"}


def test_a_snapshot_is_the_day_as_the_market_had_it(night: Market) -> None:
    found = shaped(Snapshot, night.world.get("/snapshot/AAPL", night.world.key()))
    sent = upstream_answer(night, f"{V2}/AAPL")["ticker"]
    for ours, theirs in (("day", "day"), ("previous_day", "prevDay"), ("last_minute", "min")):
        assert {name: found[ours][name] for name in NAMES} == {
            name: sent[theirs][short] for name, short in NAMES.items()
        }
    assert found["last_minute"]["timestamp"] == rfc3339_ns(sent["min"]["t"] * 1_000_000)
    assert (found["change"], found["change_percent"]) == (sent["todaysChange"], sent["todaysChangePerc"])
    assert found["timestamp"] == rfc3339_ns(sent["updated"])


def test_before_the_first_trade_of_a_day_there_are_no_prices_of_it(market: Market) -> None:
    market.to("2026-11-20T08:45:00Z")  # 03:45 in New York: cleared, and the pre-market has not begun
    found = shaped(Snapshot, market.world.get("/snapshot/AAPL", market.world.key()))
    assert set(found["day"].values()) == {None}
    assert set(found["last_minute"].values()) == {None}
    assert found["timestamp"] is None
    assert found["previous_day"]["close"] == upstream_answer(market, f"{V2}/AAPL")["ticker"]["prevDay"]["c"]


def test_polygons_snapshots_are_polygons_own(night: Market) -> None:
    key = night.world.key()
    one = polygon_shaped(TickerSnapshot, night.world.get(f"{V2}/AAPL", key))
    assert one["ticker"] == upstream_answer(night, f"{V2}/AAPL")["ticker"]
    named = "MSFT,AAPL,QQQQQ"
    several = polygon_shaped(TickerSnapshots, night.world.get(f"{V2}?tickers={named}", key))
    theirs = upstream_answer(night, V2, tickers=named)
    assert several["count"] == theirs["count"] == 2
    assert several["tickers"] == theirs["tickers"]
    universal = polygon_shaped(Page, night.world.get(f"/v3/snapshot?ticker.any_of={named}", key))
    assert universal["results"] == upstream_answer(night, "/v3/snapshot", **{"ticker.any_of": named})["results"]
    assert "next_url" not in universal


def test_one_call_for_several_and_only_for_those_that_are_missing(night: Market) -> None:
    key = night.world.key()
    night.world.get("/snapshot/AAPL", key)
    night.world.get(f"{V2}?tickers=AAPL,MSFT,NVDA", key)
    assert night.calls == 2
    night.world.get(f"{V2}?tickers=NVDA,MSFT,AAPL,AAPL", key)
    night.world.get(f"{V2}/MSFT", key)
    night.world.get("/quote/NVDA", key)
    assert night.calls == 2


def test_repeated_parameters_name_tickers_as_well(night: Market) -> None:
    answer = night.world.get(f"{V2}?tickers=AAPL&tickers=MSFT", night.world.key())
    assert [item["ticker"] for item in answer.json["tickers"]] == ["AAPL", "MSFT"]


def test_a_ticker_that_nobody_lists(market: Market) -> None:
    key = market.world.key()
    ours = market.world.get("/snapshot/QQQQQ", key)
    assert (ours.status, ours.json["code"]) == (404, "unknown_symbol")
    assert market.world.get(f"{V2}/QQQQQ", key).json["status"] == "NOT_FOUND"
    assert market.calls == 1
    item = market.world.get("/v3/snapshot?ticker.any_of=QQQQQ", key).json["results"]
    assert item == [{"ticker": "QQQQQ", "error": "NOT_FOUND", "message": "Ticker not found."}]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_universal_pages_lead_to_the_end(night: Market, order: str) -> None:
    key = night.world.key()
    tickers = ["AAPL", "MSFT", "NVDA", "SPY", "F", "QQQQQ", "T"]
    answer = night.world.get(f"/v3/snapshot?ticker.any_of={','.join(tickers)}&limit=3&order={order}", key)
    found = [item["ticker"] for item in answer.json["results"]]
    while "next_url" in answer.json:
        answer = night.world.get(answer.json["next_url"].removeprefix("https://api.dekr.test"), key)
        found += [item["ticker"] for item in answer.json["results"]]
    assert found == sorted(tickers, reverse=order == "desc")
    assert night.calls == 1


def test_the_whole_market_is_one_call_and_the_same_for_all(night: Market) -> None:
    rich, poor = night.world.key(7, "rich"), night.world.key(1, "poor")
    night.begin()
    first = polygon_shaped(TickerSnapshots, night.world.get(V2, rich, headers=GZIP))
    theirs = upstream_answer(night, V2)
    assert first["count"] == theirs["count"] == len(first["tickers"])
    assert first["tickers"] == theirs["tickers"]
    assert night.world.get(V2, poor, headers=GZIP).json == first
    assert night.calls == 1


def test_the_whole_market_without_gzip_names_the_way_out(night: Market) -> None:
    answer = night.world.get(V2, night.world.key())
    assert (answer.status, answer.json["status"]) == (400, "ERROR")
    assert answer.json["error"].startswith("tickers: ")
    assert night.world.get(f"{V2}?tickers=AAPL", night.world.key()).status == 200


def test_a_plan_without_snapshots_says_so(free: Market) -> None:
    key = free.world.key()
    ours = free.world.get("/snapshot/AAPL", key)
    assert (ours.status, ours.json["code"]) == (403, "upstream_not_entitled")
    for path in (f"{V2}/AAPL", f"{V2}?tickers=AAPL,MSFT", "/v3/snapshot?ticker.any_of=AAPL", V2):
        answer = free.world.get(path, key, headers=GZIP)
        assert (answer.status, answer.json["status"]) == (403, "NOT_AUTHORIZED"), path
    # Of one ticker, of two, universal, of the whole market: a refusal of one fetch is not believed for another at once.
    assert free.calls == 4


def test_a_late_plan_is_said_to_be_late(starter: Market) -> None:
    key = starter.world.key()
    starter.begin()
    assert starter.world.get("/snapshot/AAPL", key).headers["X-Data-Timeframe"] == "delayed"
    for path in (f"{V2}/AAPL", f"{V2}?tickers=AAPL,MSFT", "/v3/snapshot?ticker.any_of=AAPL", V2):
        assert starter.world.get(path, key, headers=GZIP).json["status"] == "DELAYED", path


def test_an_old_snapshot_is_served_with_a_label_while_the_upstream_fails(market: Market) -> None:
    key = market.world.key()
    first = market.world.get("/snapshot/AAPL", key).json
    fails(market)
    market.later(60)
    stale = market.world.get("/snapshot/AAPL", key)
    assert (stale.status, stale.json) == (200, first)
    assert stale.headers["Cache-Status"].startswith("dekr; fwd=stale")
    for path in (f"{V2}?tickers=AAPL,MSFT", "/v3/snapshot?ticker.any_of=AAPL", "/snapshot/MSFT"):
        answer = market.world.get(path, key)
        assert answer.status in (502, 503), path


def test_snapshots_are_as_fresh_as_the_tier_says(market: Market) -> None:
    low, high = market.world.key(5, "low"), market.world.key(7, "high")
    for path in ("/snapshot/AAPL", "/v3/snapshot?ticker.any_of=AAPL,MSFT", f"{V2}?tickers=AAPL,MSFT"):
        market.later(3600)
        market.world.get(path, high)
        calls = market.calls
        market.later(31)
        assert market.world.get(path, low).headers["Cache-Status"].startswith("dekr; hit")
        assert market.calls == calls
        assert market.world.get(path, high).headers["Cache-Status"] == "dekr; fwd=miss; stored"
        assert market.calls == calls + 1
