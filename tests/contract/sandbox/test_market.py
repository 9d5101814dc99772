"""The simulated market is consistent: longer bars aggregate shorter ones, and nothing is known before its time."""

from datetime import date, timedelta
from itertools import accumulate, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dekr import sessions
from local.sandbox import market, noise, quotes, windows
from local.sandbox.span import Span, merged
from local.sandbox.trading_days import MINUTE_US, SECOND_US, trading_day
from local.sandbox.tree import Tree, running_total
from local.sandbox.universe import CENT, LISTED_SINCE, RATIOS, SPLITS, TICKER_COUNT, profile, ranks, tickers
from tests.contract.sandbox.conftest import Running

SEED = 7
END_US = sessions.eastern_midnight_us(date(2026, 11, 21))

some_ticker = st.sampled_from(["AAPL", "BRK.A", "BACpL", "NVDA", *tickers()[100::700]])
some_day = st.dates(LISTED_SINCE, date(2026, 11, 20)).filter(lambda day: trading_day(day) is not None)


def parts_make_the_whole(parts: list[Span], whole: Span) -> None:
    """The definition of an aggregate, written out."""
    assert whole.open == parts[0].open
    assert whole.close == parts[-1].close
    assert whole.high == max(part.high for part in parts)
    assert whole.low == min(part.low for part in parts)
    assert whole.volume == sum(part.volume for part in parts)
    assert whole.trades == sum(part.trades for part in parts)
    assert whole.turnover == sum(part.turnover for part in parts)


def is_possible(span: Span, tick_size: int) -> None:
    """Assert that open, high, low and close can be four of the span's trades, and its average price one between them."""
    assert 0 < span.low <= min(span.open, span.close) <= max(span.open, span.close) <= span.high
    assert span.low * span.volume <= span.turnover <= span.high * span.volume
    assert 4 * span.slots <= span.trades <= span.volume
    assert all(price % tick_size == 0 for price in (span.open, span.high, span.low, span.close))


@settings(max_examples=25, deadline=None)
@given(some_ticker, some_day, st.sampled_from([1, 5, 7, 60, 240, 1440]))
def test_a_day_is_the_sum_of_its_minutes(ticker: str, day: date, step: int) -> None:
    whole = market.day_span(SEED, ticker, day, END_US)
    assert whole is not None
    minutes = market.minutes(SEED, ticker, day, 1, END_US)
    for _, span in minutes:
        is_possible(span, profile(SEED, ticker).tick_size)
    parts_make_the_whole([span for _, span in minutes], whole)
    for start, span in market.minutes(SEED, ticker, day, step, END_US):
        assert start % step == 0
        parts_make_the_whole([part for number, part in minutes if start <= number < start + step], span)


@settings(max_examples=5, deadline=None)
@given(some_ticker, some_day)
def test_a_minute_is_the_sum_of_its_seconds(ticker: str, day: date) -> None:
    seconds = market.seconds(SEED, ticker, day, 60, END_US)
    minutes = market.minutes(SEED, ticker, day, 1, END_US)
    assert [second // 60 for second, _ in seconds] == [minute for minute, _ in minutes]
    for (_, made), (_, minute) in zip(seconds, minutes, strict=True):
        is_possible(made, profile(SEED, ticker).tick_size)
        assert made._replace(slots=1) == minute


@settings(max_examples=25, deadline=None)
@given(
    some_ticker,
    some_day,
    st.integers(240, 1_195),
    st.lists(st.sampled_from([-60, -1, 1, 2, 30]), min_size=20, max_size=30),
)
def test_in_whichever_order_a_day_is_read_it_says_the_same(
    ticker: str, day: date, first: int, steps: list[int]
) -> None:
    whole, tick_size = market.day_span(SEED, ticker, day, END_US), profile(SEED, ticker).tick_size
    assert whole is not None

    def fresh() -> Tree:
        return Tree(noise.key(ticker), whole, 240, running_total([1.0] * 960), tick_size)

    reused = fresh()
    for minute in accumulate(steps, initial=first):
        assert reused.before(max(240, minute)) == fresh().before(max(240, minute))


@settings(max_examples=25, deadline=None)
@given(some_ticker, some_day, st.integers(0, 16 * 3600), st.integers(1, 3600))
def test_what_has_happened_stays_and_the_rest_is_not_known(ticker: str, day: date, since_s: int, later_s: int) -> None:
    found = trading_day(day)
    assert found is not None
    now_us = found.pre_open_us + since_s * SECOND_US
    seconds = [span for _, span in market.seconds(SEED, ticker, day, 1, now_us)]
    so_far = market.day_span(SEED, ticker, day, now_us)
    if so_far is None:
        assert seconds == []
        return
    parts_make_the_whole(seconds, so_far)
    minutes = market.minutes(SEED, ticker, day, 1, now_us)
    parts_make_the_whole([span for _, span in minutes], so_far)
    midnight_us = sessions.eastern_midnight_us(day)
    assert midnight_us + minutes[-1][0] * MINUTE_US < now_us
    later = market.minutes(SEED, ticker, day, 1, now_us + later_s * SECOND_US)
    changed = [(was, now) for was, now in zip(minutes[:-1], later, strict=False) if was != now]
    # After the close one minute is corrected, and its prices stay (tests/contract/sandbox/test_corrections.py).
    assert len(changed) <= (now_us + later_s * SECOND_US >= found.close_us)
    assert all(was[0] == now[0] and was[1][:4] == now[1][:4] for was, now in changed)
    progress = market.day_progress(SEED, ticker, day, now_us)
    assert progress is not None
    assert (progress.day, progress.minute) == (so_far, minutes[-1])
    assert progress.second[1].close == so_far.close


@settings(max_examples=25, deadline=None)
@given(some_ticker, st.integers(*(sessions.eastern_midnight_us(date(year, 1, 1)) for year in (2017, 2029))))
def test_quotes_are_never_of_the_future(ticker: str, now_us: int) -> None:
    quote, trade = quotes.last_quote(SEED, ticker, now_us), quotes.last_trade(SEED, ticker, now_us)
    assert quote is not None
    assert trade is not None
    assert 0 < quote.bid < quote.ask
    assert quote.bid <= trade.price * 1.1
    assert trade.at_ns <= now_us * 1000
    assert quote.at_ns <= now_us * 1000


def test_liquid_tickers_trade_nearly_every_minute_and_thin_ones_do_not() -> None:
    day = date(2026, 11, 19)
    busy = [len(market.minutes(SEED, ticker, day, 1, END_US)) for ticker in tickers()[:20]]
    thin = [len(market.minutes(SEED, ticker, day, 1, END_US)) for ticker in tickers()[-20:]]
    assert min(busy) > 900
    assert 0 < min(thin) <= max(thin) < 400


def test_a_day_that_ends_early_has_no_minutes_after_it() -> None:
    numbers = [number for number, _ in market.minutes(SEED, "AAPL", date(2025, 11, 28), 1, END_US)]
    assert 240 <= min(numbers) < max(numbers) < 17 * 60


@pytest.mark.parametrize("day", [date(2026, 11, 21), date(2025, 12, 25), date(2016, 1, 1)])
def test_there_are_no_bars_without_trading(day: date) -> None:
    assert market.day_span(SEED, "AAPL", day, END_US + 10**14) is None
    assert market.minutes(SEED, "AAPL", day, 1, END_US + 10**14) == []


def test_the_market_goes_on_where_the_calendar_ends() -> None:
    monday, saturday = date(2031, 3, 3), date(2031, 3, 1)
    far_us = sessions.eastern_midnight_us(date(2031, 4, 1))
    assert market.day_span(SEED, "AAPL", monday, far_us) is not None
    assert market.day_span(SEED, "AAPL", saturday, far_us) is None


def test_prices_move_from_day_to_day_and_volumes_differ() -> None:
    days = [
        span for i in range(60) if (span := market.day_span(SEED, "AAPL", date(2026, 8, 3) + timedelta(days=i), END_US))
    ]
    moves = [abs(later.open / earlier.close - 1) for earlier, later in pairwise(days)]
    assert max(moves) < 0.2
    assert len({span.volume for span in days}) == len({(span.open, span.close) for span in days}) == len(days)


def test_another_seed_is_another_market() -> None:
    assert market.day_span(7, "AAPL", date(2026, 11, 19), END_US) != market.day_span(
        8, "AAPL", date(2026, 11, 19), END_US
    )


def test_the_market_has_ten_thousand_tickers_the_well_known_first() -> None:
    assert len(tickers()) == len(set(tickers())) == len(ranks()) == TICKER_COUNT
    assert tickers()[:6] == ("AAPL", "MSFT", "GOOGL", "AMZN", "NVDA", "TSLA")
    assert {"BRK.A", "BRK.B", "BACpL", "SPY", "QQQ"} <= set(ranks())


def test_ratios_leave_whole_ten_thousandths() -> None:
    assert all(CENT % ratio == 0 for ratio in (*RATIOS, *(ratio for _, ratio in SPLITS.values())))
    assert sum(profile(SEED, ticker).split is not None for ticker in tickers()) > 20


def test_a_split_changes_adjusted_history_when_its_day_comes(advanced: Running) -> None:
    history = ("AAPL", "1/day", "2020-08-24", "2020-08-28")
    advanced.at("2020-08-30T12:00:00Z")
    before = advanced.bars(*history)
    assert before == advanced.bars(*history, adjusted="false")
    advanced.at("2020-08-31T12:00:00Z")
    raw, after = advanced.bars(*history, adjusted="false"), advanced.bars(*history)
    assert raw == before
    for was, now in zip(before, after, strict=True):
        assert [now[name] * 4 for name in "ohlc"] == pytest.approx([was[name] for name in "ohlc"], abs=1e-9)
        assert (now["v"], now["n"]) == (was["v"] * 4, was["n"])
        assert now["vw"] * 4 == pytest.approx(was["vw"], abs=3e-4)


def test_quotes_are_in_new_shares_from_the_morning_of_a_split() -> None:
    splits = ((ticker, profile(SEED, ticker).split) for ticker in tickers()[1_000:])
    ticker, day = next((ticker, split[0]) for ticker, split in splits if split and trading_day(split[0]))
    morning = trading_day(day)
    assert morning is not None
    now_us = morning.pre_open_us + 2 * SECOND_US
    trade, quote = quotes.last_trade(SEED, ticker, now_us), quotes.last_quote(SEED, ticker, now_us)
    span = market.day_span(SEED, ticker, day, END_US)
    assert trade is not None
    assert quote is not None
    assert span is not None
    assert trade.price > 1.5 * span.open
    assert quote.bid == pytest.approx(span.open, rel=0.2)


def test_bars_across_a_split_are_sums_of_their_days(advanced: Running) -> None:
    for adjusted in ("true", "false"):
        days = advanced.bars("AAPL", "1/day", "2020-08-01", "2020-09-30", adjusted=adjusted)
        months = advanced.bars("AAPL", "1/month", "2020-08-01", "2020-09-30", adjusted=adjusted)
        assert sum(bar["v"] for bar in days) == sum(bar["v"] for bar in months)
        assert max(bar["h"] for bar in days) == max(bar["h"] for bar in months)
        assert (days[0]["o"], days[-1]["c"]) == (months[0]["o"], months[-1]["c"])


def test_the_vwap_on_the_wire_is_the_average_of_the_minutes(advanced: Running) -> None:
    (day,) = advanced.bars("MSFT", "1/day", "2026-11-19", "2026-11-19")
    minutes = advanced.bars("MSFT", "1/minute", "2026-11-19", "2026-11-19")
    average = sum(bar["vw"] * bar["v"] for bar in minutes) / sum(bar["v"] for bar in minutes)
    assert day["vw"] == pytest.approx(average, abs=1.1e-4)
    assert all(bar["l"] <= bar["vw"] <= bar["h"] for bar in minutes)


def test_the_forming_bars_grow_with_the_clock(advanced: Running) -> None:
    advanced.at("2026-11-20T15:00:20Z")
    early = advanced.bars("AAPL", "1/minute", "2026-11-20", "2026-11-20")
    advanced.at("2026-11-20T15:00:55Z")
    late = advanced.bars("AAPL", "1/minute", "2026-11-20", "2026-11-20")
    (day,) = advanced.bars("AAPL", "1/day", "2026-11-20", "2026-11-20")
    assert early[:-1] == late[: len(early) - 1]
    assert early[-1]["t"] == late[-1]["t"]
    assert early[-1]["v"] < late[-1]["v"]
    assert day["v"] >= sum(bar["v"] for bar in late)


def test_the_quote_changes_each_second_and_stays_when_the_market_closes(advanced: Running) -> None:
    def quote(moment: str) -> dict[str, Any]:
        advanced.at(moment)
        found: dict[str, Any] = advanced.get("/v2/last/nbbo/AAPL")["results"]
        return found

    assert quote("2026-11-20T15:00:30.2Z")["t"] < quote("2026-11-20T15:00:31.2Z")["t"]
    close_ns = sessions.eastern_midnight_us(date(2026, 11, 20)) * 1000 + 20 * 3600 * 10**9
    saturday = quote("2026-11-21T18:00:00Z")
    assert close_ns - 10**9 <= saturday["t"] < close_ns
    assert quote("2026-11-23T08:59:00Z") == saturday
    assert quote("2026-11-23T09:00:05Z")["t"] > saturday["t"]


def test_snapshots_are_cleared_at_half_past_three(advanced: Running) -> None:
    def snapshot(moment: str) -> dict[str, Any]:
        advanced.at(moment)
        found: dict[str, Any] = advanced.get("/v2/snapshot/locale/us/markets/stocks/tickers/AAPL")["ticker"]
        return found

    kept, cleared = snapshot("2026-11-20T08:29:00Z"), snapshot("2026-11-20T08:31:00Z")
    assert kept["day"]["v"] > 0
    assert cleared["day"] == dict.fromkeys(("o", "h", "l", "c", "v", "vw"), 0)
    assert (cleared["min"]["t"], cleared["todaysChange"], cleared["updated"]) == (0, 0, 0)
    assert cleared["lastQuote"] == kept["lastQuote"]
    assert cleared["prevDay"]["c"] == kept["day"]["c"]
    assert snapshot("2026-11-20T09:10:00Z")["day"]["v"] > 0


def test_windows_of_days_hold_the_days_between_their_bounds() -> None:
    series = windows.Series(SEED, "MSFT", 10, "day", adjusted=True, now_us=END_US)
    bars = list(series.bars(1_760_000_000_000, 1_790_000_000_000, newest_first=False))
    ten_days_ms = 10 * 24 * 3_600_000
    for earlier, later in pairwise(bars):
        assert abs(later.start_ms - earlier.start_ms - ten_days_ms) <= 3_600_000
    first = sessions.eastern_date(bars[3].start_ms * 1000)
    days = [market.day_span(SEED, "MSFT", first + timedelta(days=i), END_US) for i in range(10)]
    assert bars[3].span == merged([day for day in days if day is not None])
