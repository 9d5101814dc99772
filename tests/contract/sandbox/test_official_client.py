"""The vendor's own Python client reads every endpoint of the sandbox."""

import json
from datetime import UTC, datetime

import pytest
from massive.exceptions import BadResponse
from urllib3.exceptions import MaxRetryError

from local.sandbox.universe import TICKER_COUNT
from local.sandbox.windows import TIMESPANS
from tests.contract.sandbox.conftest import CLOSED, Running

NOW_NS = 1_795_186_830 * 10**9
MINUTE_NS = 60 * 10**9


def test_bars_of_a_range(advanced: Running) -> None:
    bars = advanced.official.get_aggs("AAPL", 1, "day", "2026-11-09", "2026-11-20", adjusted=True, sort="asc", limit=50)
    days = [datetime.fromtimestamp(bar.timestamp / 1000, UTC) for bar in bars]
    assert [day.day for day in days] == [9, 10, 11, 12, 13, 16, 17, 18, 19, 20]
    assert {(day.hour, day.minute) for day in days} == {(5, 0)}
    assert all(bar.low <= bar.vwap <= bar.high and bar.transactions <= bar.volume for bar in bars)


@pytest.mark.parametrize("timespan", TIMESPANS)
def test_bars_of_every_timespan(advanced: Running, timespan: str) -> None:
    bars = advanced.official.get_aggs("MSFT", 1, timespan, "2026-11-18", "2026-11-20", limit=50_000)
    starts = [bar.timestamp for bar in bars]
    assert starts
    assert starts == sorted(set(starts))
    assert all(0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)


def test_bars_over_pages_are_the_bars_of_one_page(advanced: Running) -> None:
    whole = advanced.official.get_aggs("MSFT", 5, "minute", "2026-11-18", "2026-11-19", limit=50_000)
    paged = list(advanced.official.list_aggs("MSFT", 5, "minute", "2026-11-18", "2026-11-19", limit=200))
    assert len(whole) > 350
    assert paged == whole
    assert len([path for path in advanced.sandbox.calls if "/range/" in path]) > 5


def test_pages_backwards_are_the_same_bars(advanced: Running) -> None:
    advanced.at(CLOSED)
    whole = advanced.official.get_aggs("MSFT", 1, "week", "2026-03-04", "2026-11-19", limit=50_000)
    paged = list(advanced.official.list_aggs("MSFT", 1, "week", "2026-03-04", "2026-11-19", sort="desc", limit=12))
    assert paged == whole[::-1]


def test_the_previous_day(advanced: Running) -> None:
    (found,) = advanced.official.get_previous_close_agg("AAPL")
    (day,) = advanced.official.get_aggs("AAPL", 1, "day", "2026-11-19", "2026-11-19")
    assert (found.ticker, found.close, found.volume, found.vwap) == ("AAPL", day.close, day.volume, day.vwap)
    assert datetime.fromtimestamp(found.timestamp / 1000, UTC).isoformat() == "2026-11-19T21:00:00+00:00"


def test_one_day_of_the_whole_market(advanced: Running) -> None:
    found = {bar.ticker: bar for bar in advanced.official.get_grouped_daily_aggs("2026-11-19")}
    assert len(found) == TICKER_COUNT
    (day,) = advanced.official.get_aggs("BACpL", 1, "day", "2026-11-19", "2026-11-19")
    assert advanced.official.get_grouped_daily_aggs("2026-11-21") == []
    bar = found["BACpL"]
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (day.open, day.high, day.low, day.close, day.volume)
    assert datetime.fromtimestamp(bar.timestamp / 1000, UTC).isoformat() == "2026-11-19T21:00:00+00:00"


def test_the_last_quote(advanced: Running) -> None:
    found = advanced.official.get_last_quote("BRK.B")
    assert found.ticker == "BRK.B"
    assert 0 < found.bid_price < found.ask_price
    assert found.bid_size > 0 < found.ask_size
    assert NOW_NS - 3 * 10**9 < found.participant_timestamp < found.sip_timestamp < NOW_NS + MINUTE_NS


def test_the_last_trade_lies_between_bid_and_ask(advanced: Running) -> None:
    advanced.at(CLOSED)
    trade, quote = advanced.official.get_last_trade("AAPL"), advanced.official.get_last_quote("AAPL")
    assert (trade.ticker, trade.size > 0) == ("AAPL", True)
    assert quote.bid_price <= trade.price < quote.ask_price
    assert trade.participant_timestamp < trade.trf_timestamp < trade.sip_timestamp
    assert datetime.fromtimestamp(trade.sip_timestamp / 1e9, UTC).isoformat()[:15] == "2026-11-21T00:5"


def test_a_snapshot_agrees_with_the_bars(advanced: Running) -> None:
    advanced.at(CLOSED)
    found = advanced.official.get_snapshot_ticker("stocks", "TSLA")
    (day,) = advanced.official.get_aggs("TSLA", 1, "day", "2026-11-20", "2026-11-20")
    (before,) = advanced.official.get_aggs("TSLA", 1, "day", "2026-11-19", "2026-11-19")
    minute = advanced.official.get_aggs("TSLA", 1, "minute", "2026-11-20", "2026-11-20", sort="desc", limit=1)[0]
    assert found.ticker == "TSLA"
    assert [day.open, day.high, day.low, day.close, day.volume, day.vwap] == [
        found.day.open,
        found.day.high,
        found.day.low,
        found.day.close,
        found.day.volume,
        found.day.vwap,
    ]
    assert before.close == found.prev_day.close
    assert minute.timestamp == found.min.timestamp
    assert found.todays_change == pytest.approx(found.day.close - before.close, abs=1e-6)
    assert found.todays_change_percent == pytest.approx(100 * found.todays_change / before.close, abs=1e-3)
    assert found.last_quote.bid_price < found.last_quote.ask_price
    assert found.updated == max(found.last_quote.sip_timestamp, found.last_trade.sip_timestamp)


def test_snapshots_of_some_and_of_all(advanced: Running) -> None:
    some = advanced.official.get_snapshot_all("stocks", ["AAPL", "NOSUCH", "BACpL"])
    assert [found.ticker for found in some] == ["AAPL", "BACpL"]
    everything = advanced.official.get_snapshot_all("stocks")
    assert len({found.ticker for found in everything}) == TICKER_COUNT
    assert all(0 < found.last_quote.bid_price < found.last_quote.ask_price for found in everything)


def test_universal_snapshots_over_pages(advanced: Running) -> None:
    requested = ["AAPL", "MSFT", "NOSUCH", "BRK.A", "QQQ"]
    found = {item.ticker: item for item in advanced.official.list_universal_snapshots(ticker_any_of=requested, limit=2)}
    assert set(found) == set(requested)
    assert (found["NOSUCH"].error, found["NOSUCH"].message) == ("NOT_FOUND", "Ticker not found.")
    apple = found["AAPL"]
    assert (apple.type, apple.market_status, apple.last_quote.timeframe) == ("stocks", "open", "REAL-TIME")
    assert apple.last_quote.bid < apple.last_quote.ask
    assert apple.session.close == apple.last_trade.price == apple.last_minute.close
    assert advanced.sandbox.calls["/v3/snapshot"] == 3


def test_the_market_status(advanced: Running) -> None:
    found = advanced.official.get_market_status()
    assert (found.market, found.early_hours, found.after_hours, found.exchanges.nyse) == ("open", False, False, "open")
    assert found.server_time.startswith("2026-11-20T10:00:3")
    assert found.server_time.endswith("-05:00")


def test_the_holidays_to_come(advanced: Running) -> None:
    found = [day for day in advanced.official.get_market_holidays() if day.exchange == "NYSE"]
    assert [(day.date, day.status, day.name) for day in found[:2]] == [
        ("2026-11-26", "closed", "Thanksgiving"),
        ("2026-11-27", "early-close", "Thanksgiving"),
    ]
    assert (found[1].open, found[1].close) == ("2026-11-27T14:30:00.000Z", "2026-11-27T18:00:00.000Z")


def test_an_unknown_ticker_has_no_bars_and_no_quote(advanced: Running) -> None:
    assert advanced.official.get_aggs("NOSUCH", 1, "day", "2026-11-09", "2026-11-20") == []
    assert advanced.official.get_previous_close_agg("NOSUCH") == []
    official = advanced.official
    calls = ((official.get_last_quote, ["NOSUCH"]), (official.get_last_trade, ["aapl"]))
    for call, words in (*calls, (official.get_snapshot_ticker, ["stocks", "NOSUCH"])):
        with pytest.raises(BadResponse) as caught:
            call(*words)
        assert json.loads(str(caught.value))["status"] == "NOT_FOUND"


def test_a_free_plan_gets_an_error_that_says_what_it_lacks(free: Running) -> None:
    with pytest.raises(BadResponse, match="NOT_AUTHORIZED"):
        free.official.get_last_quote("AAPL")


def test_a_limit_is_tried_again_and_then_given_up(free: Running) -> None:
    free.fault("429")
    with pytest.raises(MaxRetryError, match="429"):
        free.official.get_previous_close_agg("AAPL")
    assert free.sandbox.calls.total() == 2


def test_a_server_error_is_tried_again(advanced: Running) -> None:
    advanced.fault("500_html", match="/v2/last/nbbo", count=1)
    assert advanced.official.get_last_quote("AAPL").ticker == "AAPL"
    assert advanced.sandbox.calls.total() == 2
