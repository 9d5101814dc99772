"""Each plan sees its own data, with its own delay and its own rate limit."""

import pytest

from tests.contract.sandbox.conftest import Running
from tests.contract.sandbox.test_refusals import DAYS, refused

PREVIOUS = "/v2/aggs/ticker/AAPL/prev"
GROUPED = "/v2/aggs/grouped/locale/us/market/stocks/2026-11-19"
STATUS = "/v1/marketstatus/now"
QUOTE = "/v2/last/nbbo/AAPL"
TRADE = "/v2/last/trade/AAPL"
QUOTES = "/v3/quotes/AAPL"
TRADES = "/v3/trades/AAPL"
SNAPSHOTS = "/v2/snapshot/locale/us/markets/stocks/tickers"
UNIVERSAL = "/v3/snapshot"
NOT_ENTITLED = {
    "status": "NOT_AUTHORIZED",
    "message": "You are not entitled to this data. Please upgrade your plan at https://massive.com/pricing",
}
MINUTE_MS = 60_000
FRIDAY_MIDNIGHT_MS = 1_795_150_800_000
NOW_MS = 1_795_186_830_000


@pytest.mark.parametrize(
    "path",
    [QUOTE, TRADE, QUOTES, TRADES, SNAPSHOTS, f"{SNAPSHOTS}/AAPL", f"{SNAPSHOTS}?tickers=AAPL", UNIVERSAL],
)
def test_the_free_plan_has_no_quotes_and_no_snapshots(free: Running, path: str) -> None:
    assert refused(free.http.get(path), 403) == NOT_ENTITLED


@pytest.mark.parametrize(
    "path",
    [
        PREVIOUS,
        DAYS,
        STATUS,
        GROUPED,
        "/v1/marketstatus/upcoming",
        "/v1/indicators/rsi/AAPL",
        "/v2/reference/news",
        "/v3/reference/tickers",
        "/v3/reference/splits",
    ],
)
def test_the_free_plan_has_bars_indicators_news_reference_data_and_the_market_status(free: Running, path: str) -> None:
    assert free.http.get(path).status_code == 200


def test_the_free_plan_has_a_day_when_its_sessions_are_over(free: Running) -> None:
    assert [bar["t"] for bar in free.bars("AAPL", "1/day", "2026-11-19", "2026-11-20")] == [
        FRIDAY_MIDNIGHT_MS - 86_400_000
    ]
    assert free.bars("AAPL", "1/minute", "2026-11-20", "2026-11-20") == []
    free.at("2026-11-21T01:00:00Z")
    assert len(free.bars("AAPL", "1/day", "2026-11-19", "2026-11-20")) == 2
    assert len(free.bars("AAPL", "1/minute", "2026-11-20", "2026-11-20")) > 900


def test_five_calls_in_any_minute_are_free(free: Running) -> None:
    free.at("2026-11-20T15:00:00Z")
    free.get(STATUS)
    free.at("2026-11-20T15:00:50Z")
    for _ in range(4):
        free.get(STATUS)
    body = refused(free.http.get(STATUS), 429)
    assert body["status"] == "ERROR"
    assert body["error"].startswith("You've exceeded the maximum requests per minute, ")
    free.at("2026-11-20T15:01:05Z")
    free.get(STATUS)
    assert free.http.get(STATUS).status_code == 429
    assert free.sandbox.calls[STATUS] == 8


def test_the_starter_plan_is_a_quarter_of_an_hour_late(starter: Running) -> None:
    answer = starter.get("/v2/aggs/ticker/AAPL/range/1/minute/2026-11-20/2026-11-20", limit=50_000)
    assert answer["status"] == "DELAYED"
    assert NOW_MS - 16 * MINUTE_MS < answer["results"][-1]["t"] <= NOW_MS - 15 * MINUTE_MS
    assert starter.get(STATUS)["serverTime"].startswith("2026-11-20T10:00:3")


def test_the_starter_plan_sees_what_others_saw_then(starter: Running, advanced: Running) -> None:
    late = starter.get(f"{SNAPSHOTS}/AAPL")
    advanced.at("2026-11-20T14:45:30Z")
    then = advanced.get(f"{SNAPSHOTS}/AAPL")["ticker"]
    assert late["status"] == "DELAYED"
    assert set(then) - set(late["ticker"]) == {"lastQuote", "lastTrade"}
    assert late["ticker"]["prevDay"] == then["prevDay"]
    assert late["ticker"]["min"]["t"] == then["min"]["t"]


def test_the_starter_plan_has_no_quotes(starter: Running) -> None:
    assert refused(starter.http.get(QUOTE), 403) == refused(starter.http.get(TRADE), 403) == NOT_ENTITLED
    (item,) = starter.get(UNIVERSAL, **{"ticker.any_of": "AAPL"})["results"]
    assert "session" in item
    assert not {"last_quote", "last_trade"} & set(item)


def test_an_indicator_is_as_late_as_the_bars_of_the_plan(starter: Running, free: Running) -> None:
    late = starter.get("/v1/indicators/sma/AAPL", timespan="minute", limit=1)["results"]["values"]
    assert NOW_MS - 16 * MINUTE_MS < late[0]["timestamp"] <= NOW_MS - 15 * MINUTE_MS
    (newest,) = free.get("/v1/indicators/sma/AAPL", limit=1)["results"]["values"]
    assert newest["timestamp"] == FRIDAY_MIDNIGHT_MS - 86_400_000


def test_paid_plans_have_no_limit(starter: Running) -> None:
    assert [starter.http.get(STATUS).status_code for _ in range(40)] == [200] * 40
