"""What is streamed is what REST answers with, in a session, outside of one, and for the ticker that always trades."""

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.sandbox import always_on, market
from local.sandbox.span import merged
from local.sandbox.state import SEED
from local.sandbox.stream import always_on_events
from local.sandbox.stream.events import CHANNELS, LATE_S, TickerEvents
from local.sandbox.stream.replay import tape_us
from local.sandbox.trading_days import SECOND_US, newest_begun
from tests.contract.sandbox.conftest import Running
from tests.contract.sandbox.streams import Streaming, signed_in, streaming

NIGHT = "2026-11-22T07:00:00Z"
"""Sunday, 02:00 in New York: the last session was Friday's, and the replay is at 12:30 of it."""

MINUTES = 10


def us(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp()) * SECOND_US


def streamed(ticker: str, first_us: int, seconds: int) -> dict[str, list[dict[str, Any]]]:
    """All events of a ticker from a moment on, by channel."""
    source = TickerEvents(SEED, ticker)
    found: dict[str, list[dict[str, Any]]] = {channel: [] for channel in CHANNELS}
    for number in range(seconds):
        at_us = first_us + number * SECOND_US
        for event in source.of_second(newest_begun(at_us), at_us, CHANNELS):
            found[event.pair.partition(".")[0]].append(json.loads(event.text))
    return found


def last_of_each(events: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {event["s"]: event for event in events}


@pytest.mark.parametrize("ticker", ["AAPL", "BACpL", "BRK.B"])
def test_trades_and_quotes_are_those_of_rest(advanced: Running, ticker: str) -> None:
    advanced.at("2026-11-20T18:00:00Z")
    first = us("2026-11-20T15:00:00Z")
    found = streamed(ticker, first, 60 * MINUTES)
    bounds = {"timestamp.gte": first * 1000, "timestamp.lt": (first + 60 * MINUTES * SECOND_US) * 1000}
    trades = advanced.get(f"/v3/trades/{ticker}", **bounds, order="asc", limit=50_000)["results"]
    quotes = advanced.get(f"/v3/quotes/{ticker}", **bounds, order="asc", limit=50_000)["results"]
    assert [(each["t"], each["q"], each["i"], each["p"], each["s"]) for each in found["T"]] == [
        (each["sip_timestamp"] // 10**6, each["sequence_number"], each["id"], each["price"], each["size"])
        for each in trades
    ]
    assert [(each["t"], each["q"], each["bp"], each["bs"], each["ap"], each["as"]) for each in found["Q"]] == [
        (
            each["sip_timestamp"] // 10**6,
            each["sequence_number"],
            each["bid_price"],
            each["bid_size"],
            each["ask_price"],
            each["ask_size"],
        )
        for each in quotes
    ]
    assert len(trades) > 10
    assert len(quotes) == 60 * MINUTES


@pytest.mark.parametrize(("channel", "window"), [("A", "1/second"), ("AM", "1/minute")])
def test_aggregates_are_those_of_rest_once_late_trades_have_come(advanced: Running, channel: str, window: str) -> None:
    advanced.at("2026-11-20T18:00:00Z")
    first = us("2026-11-20T15:00:00Z")
    last = first + 60 * 60 * SECOND_US
    events = streamed("AAPL", first, 60 * 60 + LATE_S)[channel]
    rest = advanced.bars("AAPL", window, str(first // 1000), str(last // 1000 - 1))
    newest = {s: event for s, event in last_of_each(events).items() if s < last // 1000}
    fields = ("o", "h", "l", "c", "v", "vw")
    assert {s: tuple(event[field] for field in fields) for s, event in newest.items()} == {
        each["t"]: tuple(each[field] for field in fields) for each in rest
    }
    assert all(event["e"] - event["s"] == (1_000 if channel == "A" else 60_000) for event in events)
    again = len(events) - len(last_of_each(events))
    assert 0 < again < len(events) / 5


def test_an_aggregate_that_comes_again_has_one_trade_more() -> None:
    events = streamed("AAPL", us("2026-11-20T15:00:00Z"), 1_800)["A"]
    pairs = [(one, two) for one in events for two in events if one is not two and one["s"] == two["s"]]
    assert pairs
    one, two = pairs[0]
    assert one["v"] < two["v"]
    assert one["av"] < two["av"]
    assert [one[field] for field in "ohlc"] == [two[field] for field in "ohlc"]


def test_the_days_figures_are_those_of_all_its_trading(advanced: Running) -> None:
    first = us("2026-11-20T14:29:50Z")
    events = streamed("AAPL", first, 80)["A"]
    before = [event for event in events if event["e"] <= first // 1000 + 10_000]
    after = [event for event in events if event["s"] >= first // 1000 + 10_000]
    assert {event["op"] for event in before} <= {0}
    assert {event["op"] for event in after} == {after[0]["o"]}
    advanced.at("2026-11-20T14:31:00Z")
    day = advanced.get("/v2/snapshot/locale/us/markets/stocks/tickers/AAPL")["ticker"]["day"]
    latest = next(event for event in reversed(after) if event["e"] <= first // 1000 + 70_000)
    assert (latest["av"], latest["a"]) == (day["v"], day["vw"])


def test_the_replay_is_the_last_regular_session_over_and_over() -> None:
    night, opened, length = us("2026-11-21T01:00:00Z"), us("2026-11-20T14:30:00Z"), 6.5 * 3600 * SECOND_US
    assert tape_us(night - 1) == night - 1
    assert tape_us(night) == opened
    assert tape_us(night + 1_500_000) == opened + 1_500_000
    assert tape_us(int(night + length)) == opened
    assert tape_us(us(NIGHT)) == us("2026-11-20T18:30:00Z") - us("2026-11-20T14:30:00Z") + opened
    monday = us("2026-11-23T09:00:00Z")
    assert tape_us(monday) == monday


def test_what_is_replayed_has_its_own_times_which_rest_knows() -> None:
    with streaming(at=NIGHT) as running, signed_in(running) as listener:
        listener.subscribe("T.AAPL,Q.AAPL,A.AAPL,AM.AAPL")
        running.advance(61)
        trades = [event for event in listener.events(lambda event: event["ev"] == "AM") if event["ev"] == "T"]
        assert trades
        bounds = {"timestamp.gte": trades[0]["t"] * 10**6, "timestamp.lt": (trades[-1]["t"] + 1) * 10**6}
        rest = running.get("/v3/trades/AAPL", **bounds, order="asc")["results"]
        assert [(each["t"], each["i"], each["p"]) for each in trades] == [
            (each["sip_timestamp"] // 10**6, each["id"], each["price"]) for each in rest
        ]
        assert us("2026-11-20T18:30:00Z") <= trades[0]["t"] * 1000 < us("2026-11-20T18:31:00Z")


def from_test(running: Streaming) -> list[dict[str, Any]]:
    with signed_in(running) as listener:
        listener.subscribe("T.TEST,Q.TEST,A.TEST,AM.TEST")
        running.advance(62)
        return listener.events(lambda event: event["ev"] == "AM")


@pytest.mark.parametrize("at", ["2026-11-20T15:00:00Z", NIGHT, "2026-11-26T17:00:00Z"])
def test_one_ticker_trades_day_and_night(at: str) -> None:
    with streaming(at=at) as running:
        found = from_test(running)
        counts = {channel: sum(event["ev"] == channel for event in found) for channel in ("T", "Q", "A", "AM")}
        assert counts["AM"] == 1
        assert all(59 <= counts[channel] <= 62 for channel in "TQA")
        trades = {event["t"]: event for event in found if event["ev"] == "T"}
        last = max(trades)
        assert abs(last * 1000 - running.sandbox.clock.now_us()) < 4 * SECOND_US
        bounds = {"timestamp.gte": min(trades) * 10**6, "timestamp.lte": last * 10**6}
        rest = running.get("/v3/trades/TEST", **bounds, order="asc")["results"]
        assert [each["price"] for each in rest] == [event["p"] for event in trades.values()]
        quotes = running.get("/v3/quotes/TEST", **bounds)["results"]
        assert [each["sequence_number"] for each in quotes] == sorted(
            (each["sequence_number"] for each in quotes), reverse=True
        )
        trade = running.get("/v2/last/trade/TEST")["results"]
        quote = running.get("/v2/last/nbbo/TEST")["results"]
        assert trade["t"] == running.get("/v3/trades/TEST", limit=1)["results"][0]["sip_timestamp"]
        assert quote["t"] == running.get("/v3/quotes/TEST", limit=1)["results"][0]["sip_timestamp"]
        assert quote["p"] < quote["P"]


@pytest.mark.parametrize("at", ["2026-11-20T15:00:30Z", NIGHT, "2026-11-26T05:00:00.5Z"])
def test_rest_has_its_bars_and_snapshots_too(at: str) -> None:
    with streaming(at=at) as running:
        (bar,) = (event for event in from_test(running) if event["ev"] == "AM")
        path, first = "/v2/aggs/ticker/TEST/range/1", bar["s"]
        (minute,) = running.get(f"{path}/minute/{first}/{first}")["results"]
        (hour,) = running.get(f"{path}/hour/{first}/{first}")["results"]
        (day,) = running.get(f"{path}/day/{first}/{first}")["results"]
        seconds = running.get(f"{path}/second/{first}/{bar['e'] - 1}")["results"]
        assert [minute[field] for field in "ohlcv"] == [bar[field] for field in "ohlcv"]
        assert sum(each["v"] for each in seconds) == minute["v"] <= hour["v"] <= day["v"]
        one = running.get("/v2/snapshot/locale/us/markets/stocks/tickers/TEST")["ticker"]
        (other,) = running.get("/v2/snapshot/locale/us/markets/stocks/tickers", tickers="TEST")["tickers"]
        (item,) = running.get("/v3/snapshot", **{"ticker.any_of": "TEST"})["results"]
        assert one == other
        assert one["lastTrade"]["t"] == item["last_trade"]["sip_timestamp"]
        assert item["session"]["volume"] == day["v"]
        (previous,) = running.get("/v2/aggs/ticker/TEST/prev")["results"]
        assert previous["c"] == item["session"]["previous_close"]


def test_no_answer_about_the_whole_market_has_it(advanced: Running) -> None:
    market_wide = advanced.get("/v2/snapshot/locale/us/markets/stocks/tickers")["tickers"]
    grouped = advanced.get("/v2/aggs/grouped/locale/us/market/stocks/2026-11-19")["results"]
    named = advanced.get("/v3/reference/tickers", search="TEST")["results"]
    assert "TEST" not in {each["ticker"] for each in (*market_wide, *named)} | {each["T"] for each in grouped}


@given(
    st.integers(us("2026-11-20T15:00:00Z") // SECOND_US, us("2026-11-24T15:00:00Z") // SECOND_US), st.integers(1, 2_000)
)
def test_a_stretch_of_that_ticker_is_all_its_seconds(first: int, length: int) -> None:
    spans = [always_on.second_span(second * SECOND_US) for second in range(first, first + length)]
    assert always_on.spans_between(first * SECOND_US, (first + length) * SECOND_US) == merged(spans)


def test_its_events_follow_the_clock() -> None:
    (event,) = always_on_events.of_second(us(NIGHT), {"A"})
    body = json.loads(event.text)
    assert (body["s"], body["e"]) == (us(NIGHT) // 1000, us(NIGHT) // 1000 + 1_000)
    assert body["v"] < body["av"]


def test_no_aggregate_comes_before_the_first_minute_of_a_day() -> None:
    opening = us("2026-11-20T09:00:00Z")
    found = streamed("AAPL", opening, 30)
    assert all(event["s"] >= opening // 1000 for event in found["A"])
    assert found["AM"] == []
    assert market.accumulated(SEED, "AAPL", newest_begun(opening), 4 * 3600) is None
