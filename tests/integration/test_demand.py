"""The record of requested tickers, and the forecast that is made of it."""

import pytest

from dekr.market.demand.forecast import Forecast
from dekr.market.demand.record import CANDIDATES, MAX_TICKERS, SEND_AT_COUNTS, Demand
from dekr.store import plain
from tests.redis_servers import RedisServer
from tests.world import World

NO_FLOOR = 1 << 62


@pytest.fixture
def demand(world: World) -> Demand:
    return world.services.demand


def record_reads(demand: Demand, world: World, **counts: int) -> None:
    for ticker, count in counts.items():
        for _ in range(count):
            demand.count_served(ticker, 0)
    world.store.run(*demand.all())


def pace(forecast: Forecast) -> float:
    return sum(each.rate for each in forecast.tickers)


def test_an_empty_record_expects_nothing(demand: Demand) -> None:
    forecast = demand.forecast(NO_FLOOR)
    assert (forecast.market_us, list(forecast.tickers)) == (0, [])


def test_rates_follow_the_shares_of_what_was_read(demand: Demand, world: World) -> None:
    record_reads(demand, world, AAPL=300, MSFT=100)
    rates = {each.ticker: each.rate for each in demand.forecast(NO_FLOOR).tickers}
    assert rates["AAPL"] == pytest.approx(3 * rates["MSFT"])


def test_the_pace_is_forgotten_in_hours_and_popularity_is_not(demand: Demand, world: World) -> None:
    record_reads(demand, world, AAPL=300, MSFT=100)
    before = demand.forecast(NO_FLOOR)
    world.later(6 * 3600)
    after = demand.forecast(NO_FLOOR)
    assert pace(after) < pace(before) / 1e6
    record_reads(demand, world, TSLA=1)
    assert [each.ticker for each in demand.forecast(NO_FLOOR).tickers] == ["AAPL", "MSFT", "TSLA"]


def test_what_is_popular_now_overtakes_what_was_weeks_ago(demand: Demand, world: World) -> None:
    record_reads(demand, world, AAPL=100)
    world.later(21 * 86_400)
    record_reads(demand, world, MSFT=20)
    assert [each.ticker for each in demand.forecast(NO_FLOOR).tickers] == ["MSFT", "AAPL"]


def test_a_fetch_of_thousands_is_recorded_in_pieces(world: World, demand: Demand, redis: RedisServer) -> None:
    with redis.client() as client:
        client.config_resetstat()
        world.store.run(*demand.refreshed(1, [f"T{number}" for number in range(3_500)]))
        assert client.info("commandstats")["cmdstat_zadd"]["calls"] == 4


def test_counts_wait_for_a_round_trip_that_is_made_anyway(world: World, demand: Demand) -> None:
    demand.count_served("AAPL", 0)
    world.store.run(*demand.due())
    for _ in range(SEND_AT_COUNTS - 1):
        demand.count_served("AAPL", 0)
        assert demand.due() == ()
    demand.count_served("AAPL", 0)
    assert len(demand.due()) == 1
    assert demand.due() == ()


def test_a_served_quote_is_noted_with_its_stamp(world: World, demand: Demand) -> None:
    key = world.key(6)
    world.get("/quote/AAPL", key)
    (expected,) = demand.forecast(NO_FLOOR).tickers
    (raw,) = world.store.run(world.services.quotes.shared.reader.cache.get("dekr:{AAPL}:quote"))
    assert (expected.ticker, expected.stamp_us) == ("AAPL", int(raw[:16]))


def test_a_ticker_that_does_not_exist_is_not_remembered(world: World, demand: Demand) -> None:
    assert world.get("/quote/NONE", world.key()).status == 404
    assert list(demand.forecast(NO_FLOOR).tickers) == []


def test_the_record_is_bounded(world: World, demand: Demand) -> None:
    for i in range(MAX_TICKERS + 500):
        demand.count_served(f"T{i}", 1)
        if i % 2:
            demand.count_served(f"T{i}", 1)
        if i % 500 == 0:
            world.store.run(*demand.all())
    world.store.run(*demand.all())
    for name in ("tickers", "stamps"):
        assert world.store.run(plain("ZCARD", f"dekr:{{demand}}:{name}")) == [MAX_TICKERS]
    expected = {each.ticker for each in demand.forecast(NO_FLOOR).tickers}
    assert len(expected) == CANDIDATES
    assert all(int(ticker[1:]) % 2 for ticker in expected)


def test_a_market_fetched_after_the_floor_is_all_that_the_forecast_has(world: World, demand: Demand) -> None:
    record_reads(demand, world, AAPL=3)
    stamp = world.services.now_us()
    world.store.run(*demand.refreshed_market(stamp, []))
    assert demand.forecast(stamp - 1).market_us == stamp
    assert demand.forecast(stamp - 1).tickers == ()
    assert len(demand.forecast(stamp).tickers) == 1


def test_a_clock_that_stepped_back_does_not_keep_a_market_fresh(world: World, demand: Demand) -> None:
    world.store.run(*demand.refreshed_market(world.services.now_us(), []))
    world.later(-3600)
    assert demand.forecast(NO_FLOOR).market_us == 0


def test_preferred_tickers_are_expected_until_their_time(world: World, demand: Demand) -> None:
    until = world.services.now_us() + 3600 * 1_000_000
    demand.prefer(["TSLA"], 36, until)
    (expected,) = demand.forecast(NO_FLOOR).tickers
    assert expected.ticker == "TSLA"
    assert expected.rate == pytest.approx(0.01)
    world.later(3601)
    assert list(demand.forecast(NO_FLOOR).tickers) == []


def test_a_preferred_ticker_that_nobody_reads_is_as_old_as_its_last_fetch(world: World, demand: Demand) -> None:
    now = world.services.now_us()
    demand.prefer(["TSLA"], 36, now + 3600 * 1_000_000)
    world.store.run(*demand.refreshed(now, ["TSLA"]))
    (expected,) = demand.forecast(NO_FLOOR).tickers
    assert (expected.ticker, expected.stamp_us) == ("TSLA", now)


def test_stamps_ahead_of_a_clock_that_stepped_back_do_not_count(world: World, demand: Demand) -> None:
    demand.count_served("AAPL", world.services.now_us())
    world.store.run(*demand.all())
    world.later(-600)
    (expected,) = demand.forecast(NO_FLOOR).tickers
    assert expected.stamp_us == 0
    now = world.services.now_us()
    world.store.run(*demand.refreshed(now, ["AAPL"]))
    (expected,) = demand.forecast(NO_FLOOR).tickers
    assert expected.stamp_us == now


def test_a_record_from_far_ahead_begins_anew(world: World, demand: Demand) -> None:
    world.later(40 * 365 * 86_400)
    record_reads(demand, world, AAPL=10)
    world.later(-40 * 365 * 86_400)
    record_reads(demand, world, MSFT=10)
    forecast = demand.forecast(NO_FLOOR)
    assert [each.ticker for each in forecast.tickers] == ["MSFT"]
    assert 0 < pace(forecast) < 1


@pytest.mark.parametrize("size", [3, 8, 100])
def test_the_same_batch_eight_times_notes_each_ticker_as_often(world: World, demand: Demand, size: int) -> None:
    batch = {f"T{number}": 0 for number in range(size)}
    for _ in range(8):
        demand.count_batch(batch)
        world.store.run(*demand.all())
    rates = {each.ticker: each.rate for each in demand.forecast(NO_FLOOR).tickers}
    assert set(rates) == set(batch)
    assert max(rates.values()) == pytest.approx(min(rates.values()), rel=1e-3)
