"""Single flight: the state that a failed fetch leaves behind, and how long other requests wait for a fetch."""

from collections.abc import Iterator

import httpx
import pytest

from dekr.access.principal import Principal, Role
from dekr.deadline import Deadline
from dekr.errors import DeadlineExceeded
from dekr.market.demand.record import NO_FLOOR
from dekr.market.read.context import ReadContext
from dekr.store import plain
from dekr.symbols import Ticker
from dekr.tiers import Tier
from tests.busy import MARKET, MARKET_LEASE, NAMES
from tests.patience import always
from tests.redis_servers import RedisServer
from tests.still_link import still_link
from tests.world import Answer, World


@pytest.fixture
def busy(busy: World) -> World:
    """The busy service, so late that the next miss fetches the market again."""
    busy.later(60)
    return busy


@pytest.fixture
def slept() -> list[float]:
    """The waits of the other sandbox in seconds, in order."""
    return []


@pytest.fixture
def other(world: World, redis: RedisServer, slept: list[float]) -> Iterator[World]:
    """Another sandbox on the same store and upstream. It shares nothing else."""
    link = still_link(redis.url)
    yield world.beside(link, slept.append)
    link.close()


def test_what_a_broken_off_batch_brought_serves_other_sandboxes(busy: World, other: World) -> None:
    def answer(request: httpx.Request) -> httpx.Response | None:
        if request.url.path == MARKET and "tickers" not in request.url.params:
            return httpx.Response(200, text="<html>")
        return httpx.Response(500) if "grouped" in request.url.path else None

    busy.upstream.denied, busy.upstream.answer = {"v3/snapshot"}, answer
    found = busy.post("/quotes/batch", busy.key(), ["NEW", *NAMES[:9]]).json
    assert sorted(name for name, item in found.items() if "bid" in item) == sorted(NAMES[:9])
    before = len(busy.upstream.calls)
    again = other.post("/quotes/batch", busy.key(), list(NAMES[:9]))
    assert again.headers["Cache-Status"].startswith("dekr; hit")
    assert again.json == {name: found[name] for name in NAMES[:9]}
    assert len(busy.upstream.calls) == before


def test_nobody_waits_for_a_fetch_that_broke_off_for_no_known_reason(
    world: World, other: World, slept: list[float]
) -> None:
    def fault(_: httpx.Request) -> None:
        world.upstream.before = lambda _: None
        raise ZeroDivisionError

    world.upstream.before = fault
    assert world.get("/quote/AAPL", world.key()).status == 500
    assert other.get("/quote/AAPL", world.key()).status == 200
    assert slept == []


def test_a_reader_waits_until_hardly_any_time_is_left_and_no_longer(world: World) -> None:
    now_s = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now_s
        assert seconds > 0, "no time is left to wait"
        now_s += seconds

    patient = World(world.store, world.upstream, world.directory, sleep=sleep)
    world.store.run(plain("SET", "dekr:{upstream}:lease:quote:AAPL", "h:somebody", "PX", 60_000))
    charge = patient.services.limiter.rate_charge(Principal("demo", Tier.INSTITUTIONAL_ELITE, Role.USER, ""), "quote")
    context = ReadContext(charge, Tier.INSTITUTIONAL_ELITE.policy, Deadline.after(2.0, lambda: now_s))
    with pytest.raises(DeadlineExceeded):
        patient.services.quotes.get(context, Ticker("AAPL"))
    # What is left is for the answer.
    assert 1.9 < now_s <= 1.951
    assert world.upstream.calls == []


def test_whoever_read_in_vain_and_waited_again_reads_again(busy: World, redis: RedisServer) -> None:
    link = still_link(redis.url)

    def sleep(_: float) -> None:
        link.run(plain("DEL", MARKET_LEASE))
        assert busy.services.shared.refresh(always(10), busy.services.demand.forecast(NO_FLOOR)) == 1

    other = busy.beside(link, sleep)
    # The ticker has just been fetched and was lost again, and somebody fetches the market.
    link.run(
        plain("SET", f"dekr:{{upstream}}:lease:quote:{NAMES[0]}", f"d:{busy.services.now_us():016d}", "PX", 60_000),
        plain("SET", MARKET_LEASE, "h:somebody", "PX", 60_000),
    )
    before = len(busy.upstream.calls)
    answer = other.get(f"/quote/{NAMES[0]}", busy.key())
    link.close()
    assert "collapsed" in answer.headers["Cache-Status"]
    assert busy.upstream.calls[before:] == [MARKET]


def test_what_the_plan_lacks_is_recorded_before_the_next_source_is_fetched(world: World, other: World) -> None:
    found: list[Answer] = []

    def meanwhile(request: httpx.Request) -> None:
        if "/snapshot/" in request.url.path:
            world.upstream.before = lambda _: None
            found.append(other.get("/quote/MSFT", key))

    key = world.key()
    # Another ticker was refused long ago: the next refusal is believed.
    suspicion = ("suspect", "KO", "suspected", 0, "only", "", "denied", 0, "denials", 1)
    world.store.run(plain("HSET", "dekr:{upstream}:family:nbbo", *suspicion))
    world.upstream.denied, world.upstream.before = {"v2/last"}, meanwhile
    assert world.get("/quote/AAPL", key).status == 200
    assert found[0].status == 200
    assert world.upstream.calls == ["/v2/last/nbbo/AAPL", f"{MARKET}/AAPL", f"{MARKET}/MSFT"]


def test_a_source_that_the_plan_is_found_to_lack_meanwhile_is_stepped_over(busy: World) -> None:
    def meanwhile(request: httpx.Request) -> None:
        if request.url.path == MARKET:
            until_us = busy.services.now_us() + 60_000_000
            busy.store.run(plain("HSET", "dekr:{upstream}:family:nbbo", "denied", until_us, "denials", 1))

    busy.upstream.before = meanwhile
    before = len(busy.upstream.calls)
    assert busy.get("/quote/ELSE", busy.key()).headers["X-Data-Source"] == "snapshot"
    assert busy.upstream.calls[before:] == [MARKET, f"{MARKET}/ELSE"]


@pytest.mark.parametrize(("tier", "longest_s"), [(1, 3.0), (4, 3.0), (5, 1.0), (7, 1.0)])
def test_where_older_data_can_be_served_nobody_waits_long_for_another_requests_fetch(
    world: World, other: World, slept: list[float], tier: int, longest_s: float
) -> None:
    key = world.key(tier)
    world.get("/quote/AAPL", key)
    world.later(3_601)
    world.store.run(plain("SET", "dekr:{upstream}:lease:quote:AAPL", "h:somebody", "PX", 60_000))
    answer = other.get("/quote/AAPL", key)
    assert answer.headers["Cache-Status"] == "dekr; fwd=stale; detail=upstream_unavailable"
    assert longest_s * 0.8 < sum(slept) <= longest_s
    assert len(world.upstream.calls) == 1


def test_where_nothing_older_can_be_served_the_wait_is_for_the_fetch(
    world: World, other: World, slept: list[float]
) -> None:
    world.store.run(plain("SET", "dekr:{upstream}:lease:quote:AAPL", "h:somebody", "PX", 60_000))
    assert other.get("/quote/AAPL", world.key()).status == 504
    assert sum(slept) > 20


def test_who_waited_in_vain_for_the_market_fetches_the_ticker_though_older_data_are_there(
    busy: World, redis: RedisServer
) -> None:
    link = still_link(redis.url)
    link.run(plain("SET", MARKET_LEASE, "h:killed", "PX", 60_000))
    before = len(busy.upstream.calls)
    answer = busy.beside(link, lambda _: None).get(f"/quote/{NAMES[0]}", busy.key())
    link.close()
    assert (answer.headers["X-Data-Source"], answer.headers["Age"]) == ("nbbo", "0")
    assert busy.upstream.calls[before:] == [f"/v2/last/nbbo/{NAMES[0]}"]
