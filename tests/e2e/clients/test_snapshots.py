"""Snapshots through the vendor's clients."""

from typing import Any

import pytest

STOCKS = "stocks"


def test_snapshot_of_a_ticker(client: Any) -> None:
    found = client.get_snapshot_ticker(STOCKS, "TSLA")

    assert found.ticker == "TSLA"
    assert 0 < found.last_quote.bid_price < found.last_quote.ask_price
    assert found.last_trade.price > 0
    assert found.prev_day.low <= found.prev_day.close <= found.prev_day.high
    assert found.todays_change_percent == pytest.approx(100 * found.todays_change / found.prev_day.close, abs=1e-3)
    # Cleared at 03:30 in New York, it says 0 until the ticker trades: on a weekend for days.
    assert (found.updated > 10**18) == (found.day.volume > 0)
    assert found.updated == 0 or found.updated > 10**18


def test_snapshots_of_some_leave_out_whom_nobody_knows(client: Any) -> None:
    found = client.get_snapshot_all(STOCKS, ["AAPL", "NOSUCH", "BACpL"])

    assert sorted(each.ticker for each in found) == ["AAPL", "BACpL"]
    assert all(0 < each.last_quote.bid_price < each.last_quote.ask_price for each in found)


def test_snapshot_of_the_whole_market(client: Any) -> None:
    found = client.get_snapshot_all(STOCKS)

    assert len({each.ticker for each in found}) == len(found) > 9_000
    assert all(each.prev_day.close > 0 for each in found)


def test_universal_snapshots_over_pages(client: Any) -> None:
    requested = ["AAPL", "MSFT", "NOSUCH", "BRK.A", "QQQ"]

    found = {each.ticker: each for each in client.list_universal_snapshots(ticker_any_of=requested, limit=2)}

    assert sorted(found) == sorted(requested)
    assert (found["NOSUCH"].error, found["NOSUCH"].message) == ("NOT_FOUND", "Ticker not found.")
    apple = found["AAPL"]
    assert (apple.type, apple.last_quote.timeframe) == (STOCKS, "REAL-TIME")
    assert 0 < apple.last_quote.bid < apple.last_quote.ask
    assert apple.session.previous_close > 0


def test_universal_snapshots_backwards(client: Any) -> None:
    found = client.list_universal_snapshots(
        type=STOCKS, ticker_any_of=["MSFT", "AAPL", "QQQ"], order="desc", sort="ticker", limit=2
    )

    assert [each.ticker for each in found] == ["QQQ", "MSFT", "AAPL"]


def test_as_many_universal_snapshots_as_one_call_may_request(client: Any) -> None:
    tickers = [each.ticker for each in client.get_snapshot_all(STOCKS)][:250]

    found = list(client.list_universal_snapshots(ticker_any_of=tickers, limit=250))

    assert sorted(each.ticker for each in found) == sorted(tickers)
    assert not any(each.error for each in found)
