"""The vendor's official client reads every endpoint of the sandbox as it reads the real one."""

import json
from collections.abc import Callable

import pytest
from massive.exceptions import BadResponse

from local.sandbox.universe import tickers
from tests.contract.sandbox.conftest import Served

FRIDAY = "2026-11-20"


def test_aggregates_are_followed_over_all_pages(advanced: Served) -> None:
    bars = list(advanced.client.list_aggs("AAPL", 1, "minute", "2026-11-18", "2026-11-19", limit=500))
    assert len(bars) == 2 * 960
    starts = [bar.timestamp for bar in bars]
    assert starts == sorted(set(starts))
    assert all(bar.low <= bar.open <= bar.high and bar.low <= bar.close <= bar.high for bar in bars)
    assert all(bar.volume > 0 and bar.transactions > 0 for bar in bars)
    assert sum(advanced.sandbox.calls.values()) > 3


@pytest.mark.parametrize("timespan", ["minute", "hour", "day", "week", "month", "quarter", "year"])
def test_every_timespan(advanced: Served, timespan: str) -> None:
    bars = advanced.client.get_aggs("MSFT", 1, timespan, "2026-10-01", FRIDAY, limit=50_000)
    assert bars
    assert bars[0].open > 0


def test_previous_close_and_grouped_daily(advanced: Served) -> None:
    (previous,) = advanced.client.get_previous_close_agg("AAPL")
    day = advanced.client.get_aggs("AAPL", 1, "day", "2026-11-19", "2026-11-19")[0]
    assert (previous.ticker, previous.close, previous.timestamp) == ("AAPL", day.close, day.timestamp)
    grouped = {bar.ticker: bar for bar in advanced.client.get_grouped_daily_aggs("2026-11-19")}
    assert len(grouped) == len(tickers())
    apple = grouped["AAPL"]
    assert (apple.open, apple.high, apple.low, apple.close, apple.vwap) == (
        day.open,
        day.high,
        day.low,
        day.close,
        day.vwap,
    )
    assert apple.timestamp - day.timestamp == 16 * 3_600_000  # the end of the trading day, not its midnight
    assert advanced.client.get_grouped_daily_aggs("2026-11-22") == []


def test_last_quote_and_trade(advanced: Served) -> None:
    quote = advanced.client.get_last_quote("AAPL")
    assert quote.ticker == "AAPL"
    assert quote.bid_price < quote.ask_price
    trade = advanced.client.get_last_trade("AAPL")
    assert quote.bid_price <= trade.price <= quote.ask_price
    now_ns = advanced.sandbox.clock.now_us() * 1000
    assert now_ns - 2_000_000_000 < quote.sip_timestamp <= now_ns


def test_snapshots_of_both_generations(advanced: Served) -> None:
    one = advanced.client.get_snapshot_ticker("stocks", "AAPL")
    assert one.ticker == "AAPL"
    assert one.last_quote.bid_price < one.last_quote.ask_price
    assert one.min.close > 0
    assert one.prev_day.close > 0
    assert len(advanced.client.get_snapshot_all("stocks")) == len(tickers())
    some = advanced.client.get_snapshot_all("stocks", ["AAPL", "MSFT", "NOPE"])
    assert [snapshot.ticker for snapshot in some] == ["AAPL", "MSFT"]
    universal = list(advanced.client.list_universal_snapshots(ticker_any_of=["AAPL", "MSFT", "NOPE"], limit=2))
    assert [item.ticker for item in universal] == ["AAPL", "MSFT", "NOPE"]
    assert universal[0].last_quote.bid < universal[0].last_quote.ask
    assert (universal[2].error, universal[2].message) == ("NOT_FOUND", "Ticker not found.")


def test_market_status(advanced: Served) -> None:
    now = advanced.client.get_market_status()
    assert (now.market, now.exchanges.nyse, now.early_hours) == ("open", "open", False)
    holidays = advanced.client.get_market_holidays()
    assert (holidays[0].date, holidays[0].status) == ("2026-11-26", "closed")
    assert (holidays[2].date, holidays[2].status) == ("2026-11-27", "early-close")
    assert holidays[2].close == "2026-11-27T18:00:00.000Z"


@pytest.mark.parametrize(
    ("plan", "refused"),
    [("free", ["get_last_quote", "get_last_trade"]), ("starter", ["get_last_quote", "get_last_trade"])],
)
def test_what_a_plan_lacks_is_not_authorized(served: Callable[[str], Served], plan: str, refused: list[str]) -> None:
    client = served(plan).client
    for method in refused:
        with pytest.raises(BadResponse) as error:
            getattr(client, method)("AAPL")
        assert json.loads(str(error.value))["status"] == "NOT_AUTHORIZED"


def test_a_delayed_plan_is_fifteen_minutes_behind(served: Callable[[str], Served]) -> None:
    starter = served("starter")
    bars = starter.client.get_aggs("AAPL", 1, "minute", FRIDAY, FRIDAY, sort="desc", limit=1)
    assert starter.sandbox.clock.now_us() // 1000 - bars[0].timestamp >= 15 * 60_000
    assert starter.get("/v2/aggs/ticker/AAPL/prev").json()["status"] == "DELAYED"
    assert starter.client.get_snapshot_ticker("stocks", "AAPL").last_quote is None


def test_a_free_plan_has_nothing_of_a_session_that_goes_on(served: Callable[[str], Served]) -> None:
    bars = served("free").client.get_aggs("AAPL", 1, "day", "2026-11-16", FRIDAY)
    assert len(bars) == 4


def test_the_errors_of_the_vendor(advanced: Served) -> None:
    with pytest.raises(BadResponse, match="Data not found"):
        advanced.client.get_last_quote("NOPE")
    with pytest.raises(BadResponse, match="Could not parse the timespan"):
        advanced.client.get_aggs("AAPL", 1, "fortnight", FRIDAY, FRIDAY)
    assert advanced.client.get_aggs("NOPE", 1, "day", FRIDAY, FRIDAY) == []
