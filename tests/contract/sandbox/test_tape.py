"""The official client reads quotes and trades, and they agree with the rest of the simulated market."""

from datetime import date
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from dekr import sessions
from local.sandbox import market, quotes, tape
from local.sandbox.trading_days import SECOND_US
from local.sandbox.universe import tickers
from tests.contract.sandbox.conftest import CLOSED, Running
from tests.contract.sandbox.test_official_client import MINUTE_NS, NOW_NS

SEED = 7
THIN = tickers()[-1]
TEN_NS = NOW_NS // 10**9 * 10**9 - 30 * 10**9
"""2026-11-20, 10:00 in New York."""

moments_us = st.integers(*(sessions.eastern_midnight_us(date(year, 1, 1)) for year in (2016, 2029)))


def test_quotes_over_pages(advanced: Running) -> None:
    bounds = {"timestamp_gte": TEN_NS - 10 * MINUTE_NS, "timestamp_lt": TEN_NS}
    found = list(advanced.official.list_quotes("AAPL", **bounds, limit=70))
    times = [quote.sip_timestamp for quote in found]
    assert len(times) == 600
    assert times == sorted(set(times), reverse=True)
    assert TEN_NS - 10 * MINUTE_NS <= times[-1] < times[0] < TEN_NS
    assert all(quote.participant_timestamp < quote.sip_timestamp for quote in found)
    assert all(0 < quote.bid_price < quote.ask_price and quote.bid_size > 0 < quote.ask_size for quote in found)
    assert advanced.sandbox.calls["/v3/quotes/AAPL"] == 9
    upwards = list(advanced.official.list_quotes("AAPL", **bounds, limit=50_000, order="asc", sort="timestamp"))
    assert upwards == found[::-1]


def test_trades_over_pages(advanced: Running) -> None:
    advanced.at(CLOSED)
    paged = list(advanced.official.list_trades("BACpL", "2026-11-20", limit=100, order="asc"))
    whole = list(advanced.official.list_trades("BACpL", "2026-11-20", limit=50_000))
    assert len(whole) > 300
    assert paged == whole[::-1]
    assert all(trade.price > 0 < trade.size and trade.id for trade in whole)
    ids = {trade.sequence_number for trade in whole}
    assert len(ids) == len(whole)
    midnight_ns = sessions.eastern_midnight_us(date(2026, 11, 20)) * 1000
    assert all(4 * 3600 <= (trade.sip_timestamp - midnight_ns) / 10**9 < 20 * 3600 for trade in whole)


def test_a_thousand_are_usual_the_newest_first(advanced: Running) -> None:
    for path in ("/v3/quotes/MSFT", "/v3/trades/MSFT"):
        answer = advanced.get(path)
        assert len(answer["results"]) == 1_000
        assert NOW_NS - 10 * MINUTE_NS < answer["results"][0]["sip_timestamp"] < NOW_NS + MINUTE_NS
        assert "next_url" in answer


def test_the_newest_are_the_last_quote_and_the_last_trade(advanced: Running) -> None:
    advanced.at(CLOSED)
    official = advanced.official
    for ticker in ("AAPL", "BACpL", THIN):
        last, newest = official.get_last_quote(ticker), next(official.list_quotes(ticker, limit=1))
        assert newest.sip_timestamp == last.sip_timestamp
        assert newest.sequence_number == last.sequence_number
        assert (newest.bid_price, newest.ask_price) == (last.bid_price, last.ask_price)
        assert (newest.bid_size, newest.ask_size) == (last.bid_size, last.ask_size)
        trade, listed = official.get_last_trade(ticker), next(official.list_trades(ticker, limit=1))
        assert (listed.sip_timestamp, listed.trf_timestamp) == (trade.sip_timestamp, trade.trf_timestamp)
        assert (listed.id, listed.price, listed.size) == (trade.id, trade.price, trade.size)


def test_bounds_take_their_moment_in_or_leave_it_out(advanced: Running) -> None:
    path = "/v3/quotes/AAPL"
    first, *between, last = [
        quote["sip_timestamp"]
        for quote in advanced.get(path, **{"timestamp.gte": TEN_NS, "order": "asc", "limit": 10})["results"]
    ]

    def times(**bounds: int) -> list[int]:
        named = {f"timestamp.{name}": value for name, value in bounds.items()}
        return [quote["sip_timestamp"] for quote in advanced.get(path, **named, order="asc")["results"]]

    assert times(gte=first, lte=last) == [first, *between, last]
    assert times(gt=first, lt=last) == between
    assert times(gt=last, lt=first) == []
    (only,) = advanced.get(path, timestamp=first)["results"]
    assert only["sip_timestamp"] == first


def test_a_day_as_a_bound_is_the_whole_day(advanced: Running) -> None:
    def count(**bounds: str) -> int:
        named = {f"timestamp{'.' if name else ''}{name}": day for name, day in bounds.items()}
        return sum(map(len, advanced.pages(f"/v3/trades/{THIN}", **named, limit=50_000)))

    thursday = count(**{"": "2026-11-19"})
    both = count(gte="2026-11-18", lte="2026-11-19")
    assert 0 < thursday < both
    assert both == count(gt="2026-11-17", lt="2026-11-20")
    assert thursday == count(gt="2026-11-18", lte="2026-11-19")
    assert count(**{"": "2026-11-21"}) == count(**{"": "2015-12-31"}) == 0


def test_pages_go_on_over_nights_and_weekends(advanced: Running) -> None:
    advanced.at(CLOSED)
    bounds = {"timestamp_gte": "2026-11-13", "timestamp_lte": "2026-11-17"}
    times = [trade.sip_timestamp for trade in advanced.official.list_trades(THIN, **bounds, limit=3)]
    days = {sessions.eastern_date(time // 1000) for time in times}
    assert days == {date(2026, 11, day) for day in (13, 16, 17)}
    assert all(later > earlier for later, earlier in pairwise(times))


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(["AAPL", "BRK.A", "NVDA", *tickers()[100::900]]), moments_us, st.integers(1, 200))
def test_the_quotes_of_a_stretch_are_those_that_were_the_last_in_it(ticker: str, now_us: int, length: int) -> None:
    since_us = now_us - length * SECOND_US
    was_last = (quotes.last_quote(SEED, ticker, now_us - i * SECOND_US) for i in range(length + 2))
    expected = {quote for quote in was_last if quote is not None and since_us * 1000 <= quote.at_ns}
    found = list(tape.quotes(SEED, ticker, since_us * 1000, now_us * 1000, now_us, newest_first=False))
    assert found == sorted(expected, key=lambda quote: quote.at_ns)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(["AAPL", "BRK.A", "NVDA", *tickers()[100::900]]), moments_us)
def test_the_newest_trade_of_the_tape_is_the_last_one(ticker: str, now_us: int) -> None:
    newest = next(tape.trades(SEED, ticker, 0, now_us * 1000, now_us, newest_first=True), None)
    assert newest == quotes.last_trade(SEED, ticker, now_us)


def test_trades_lie_between_the_low_and_the_high_of_their_seconds() -> None:
    now_us = sessions.eastern_midnight_us(date(2026, 11, 20))
    midnight_us = sessions.eastern_midnight_us(date(2026, 11, 19))
    seconds = dict(market.seconds(SEED, "MSFT", date(2026, 11, 19), 1, now_us))
    found = list(tape.trades(SEED, "MSFT", midnight_us * 1000, now_us * 1000, now_us, newest_first=False))
    assert [(trade.at_ns // 1000 - midnight_us) // SECOND_US for trade in found] == list(seconds)
    assert [trade.price for trade in found] == [span.close for span in seconds.values()]
