"""The route of the last trade, and Polygon's last quote and last trade."""

import pytest

from dekr.http.polygon.shapes import One
from dekr.models.quotes import Quote, Trade
from dekr.times import rfc3339_ns
from tests.integration.routes.upstream import fails, upstream_answer
from tests.markets import Market
from tests.shapes import polygon_shaped, shaped


def test_a_trade_is_the_one_that_the_market_had(night: Market) -> None:
    trade = shaped(Trade, night.world.get("/trade/AAPL", night.world.key()))
    sent = upstream_answer(night, "/v2/last/trade/AAPL")["results"]
    assert trade == {
        "symbol": "AAPL",
        "price": sent["p"],
        "size": sent["s"],
        "exchange": sent["x"],
        "id": sent["i"],
        "conditions": sent["c"],
        "timestamp": rfc3339_ns(sent["t"]),
    }
    assert night.calls == 1


@pytest.mark.parametrize("path", ["/v2/last/nbbo/AAPL", "/v2/last/trade/AAPL"])
def test_polygons_last_quote_and_trade_are_polygons_own(night: Market, path: str) -> None:
    answer = polygon_shaped(One, night.world.get(path, night.world.key()))
    assert answer["results"] == upstream_answer(night, path)["results"]
    assert (answer["status"], answer["request_id"]) == ("OK", "request-1")


@pytest.mark.parametrize(
    ("dekr", "polygon"), [("/quote/AAPL", "/v2/last/nbbo/AAPL"), ("/trade/AAPL", "/v2/last/trade/AAPL")]
)
def test_what_one_dialect_fetched_the_other_serves(market: Market, dekr: str, polygon: str) -> None:
    key = market.world.key()
    for first, second in ((dekr, polygon), (polygon, dekr)):
        market.later(3600)
        calls = market.calls
        assert market.world.get(first, key).headers["Cache-Status"] == "dekr; fwd=miss; stored"
        assert market.world.get(second, key).headers["Cache-Status"].startswith("dekr; hit")
        assert market.calls == calls + 1


def test_a_snapshot_makes_the_quote_and_the_trade(night: Market) -> None:
    key = night.world.key()
    assert night.world.get("/snapshot/AAPL", key).status == 200
    quote = shaped(Quote, night.world.get("/quote/AAPL", key))
    trade = night.world.get("/v2/last/trade/AAPL", key)
    sent = upstream_answer(night, "/v2/snapshot/locale/us/markets/stocks/tickers/AAPL")["ticker"]
    assert (quote["bid"], quote["ask"]) == (sent["lastQuote"]["p"], sent["lastQuote"]["P"])
    assert trade.json["results"]["p"] == sent["lastTrade"]["p"]
    assert trade.headers["X-Data-Source"] == "snapshot"
    assert night.calls == 1


def test_a_trade_is_as_fresh_as_the_tier_says(market: Market) -> None:
    low, high = market.world.key(1, "low"), market.world.key(7, "high")
    first = market.world.get("/trade/AAPL", low).json
    market.later(31)
    assert market.world.get("/trade/AAPL", low).json == first
    fresh = market.world.get("/trade/AAPL", high)
    assert fresh.headers["Cache-Status"] == "dekr; fwd=miss; stored"
    assert fresh.json["timestamp"] > first["timestamp"]
    assert market.world.get("/trade/AAPL", low).json == fresh.json
    assert market.calls == 2


def test_a_ticker_that_nobody_lists_is_requested_upstream_once_a_minute(market: Market) -> None:
    key = market.world.key()
    for _ in range(3):
        answer = market.world.get("/trade/QQQQQ", key)
        assert (answer.status, answer.json["code"]) == (404, "unknown_symbol")
    calls = market.calls
    compatible = market.world.get("/v2/last/trade/QQQQQ", key)
    assert (compatible.status, compatible.json["status"]) == (404, "NOT_FOUND")
    assert "message" in compatible.json
    assert market.calls == calls
    market.later(61)
    market.world.get("/trade/QQQQQ", key)
    assert market.calls > calls


def test_an_old_trade_is_served_with_a_label_while_the_upstream_fails(market: Market) -> None:
    key = market.world.key()
    first = market.world.get("/trade/AAPL", key).json
    fails(market)
    market.later(600)
    stale = market.world.get("/trade/AAPL", key)
    assert (stale.status, stale.json) == (200, first)
    assert stale.headers["Cache-Status"].startswith("dekr; fwd=stale")
    assert stale.headers["X-Data-Warning"].startswith("stale; age=600")
    assert stale.headers["Cache-Control"] == "private, max-age=0"
    market.later(3 * 3600)
    assert market.world.get("/trade/AAPL", key).status in (502, 503)


def test_without_trades_in_the_plan_a_bars_close_stands_for_them(starter: Market) -> None:
    key = starter.world.key()
    trade = starter.world.get("/trade/AAPL", key)
    found = shaped(Trade, trade)
    assert trade.headers["X-Data-Source"] == "minute_bar"
    assert trade.headers["X-Data-Timeframe"] == "delayed"
    assert (found["size"], found["exchange"], found["id"], found["conditions"]) == (None, None, None, None)
    minutes = upstream_answer(starter, "/v2/aggs/ticker/AAPL/range/1/minute/2026-11-20/2026-11-20", limit=50_000)[
        "results"
    ]
    assert found["price"] in {bar["c"] for bar in minutes}
    assert found["timestamp"] < "2026-11-20T14:46"


@pytest.mark.parametrize("plan", ["starter", "free"])
@pytest.mark.parametrize("path", ["/v2/last/nbbo/AAPL", "/v2/last/trade/AAPL"])
def test_polygons_routes_do_not_make_a_quote_of_a_bar(request: pytest.FixtureRequest, plan: str, path: str) -> None:
    poor: Market = request.getfixturevalue(plan)
    answer = poor.world.get(path, poor.world.key())
    assert (answer.status, answer.json["status"]) == (403, "NOT_AUTHORIZED")
    assert set(answer.json) == {"status", "request_id", "message"}
    assert answer.headers["Content-Type"] == "application/json"


def test_the_free_plan_still_has_a_price(free: Market) -> None:
    trade = free.world.get("/trade/AAPL", free.world.key())
    found = shaped(Trade, trade)
    previous = upstream_answer(free, "/v2/aggs/ticker/AAPL/prev")["results"][0]
    assert found["price"] == previous["c"]
    assert trade.headers["X-Data-Source"] in ("minute_bar", "previous_close")
