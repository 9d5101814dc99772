"""One miss fetches many tickers: those that a call brings along, the requests that wait for it, and its failures."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import httpx
import pytest

from dekr.access.principal import Principal, Role
from dekr.market.demand.record import NO_FLOOR
from dekr.market.quotes.market_refresh import ATTEMPT_S
from dekr.market.read.context import ReadContext
from dekr.market.read.single_flight import MAX_COVERED_WAIT_S
from dekr.store import Command, plain
from dekr.store.link import Link
from dekr.symbols import Ticker
from dekr.tiers import Tier
from tests.busy import MARKET, MARKET_LEASE, NAMES, request_quotes
from tests.fakes.upstream import UNKNOWN
from tests.patience import HANG_S, always
from tests.redis_servers import RedisServer
from tests.round_trips import counted
from tests.still_link import still_link
from tests.world import Answer, World


def test_with_enough_demand_one_miss_fetches_the_market(busy: World) -> None:
    key = busy.key()
    busy.later(60)
    before = len(busy.upstream.calls)
    request_quotes(busy, key, *NAMES[:100], *NAMES[-100:])
    assert busy.upstream.calls[before:] == [MARKET]
    answer = busy.get(f"/quote/{NAMES[-1]}", key)
    assert answer.headers["Cache-Status"].startswith("dekr; hit")
    assert answer.headers["X-Data-Source"] == "snapshot"


def test_where_nobody_reads_another_ticker_one_is_fetched(world: World) -> None:
    request_quotes(world, world.key(), "AAPL", "AAPL")
    world.later(60)
    request_quotes(world, world.key(), "AAPL")
    assert world.upstream.calls == ["/v2/last/nbbo/AAPL", "/v2/last/nbbo/AAPL"]


def test_where_another_ticker_was_read_of_late_the_market_is_fetched(world: World) -> None:
    world.upstream.listed = ("AAPL", "MSFT")
    request_quotes(world, world.key(), "AAPL", "MSFT")
    assert world.upstream.calls == ["/v2/last/nbbo/AAPL", MARKET]
    world.store.run(*world.services.demand.all())
    world.later(3_600)
    request_quotes(world, world.key(), "AAPL")
    assert world.upstream.calls[2:] == ["/v2/last/nbbo/AAPL"]


def test_a_ticker_that_the_market_lacks_is_fetched_alone_and_only_it(busy: World) -> None:
    key = busy.key()
    busy.later(60)
    before = len(busy.upstream.calls)
    request_quotes(busy, key, "NEW", NAMES[3], "NEWER")
    assert busy.upstream.calls[before:] == [MARKET, "/v2/last/nbbo/NEW", "/v2/last/nbbo/NEWER"]


def test_a_plan_without_a_market_snapshot_refreshes_the_best_250(busy: World) -> None:
    key = busy.key()
    busy.upstream.denied = {"v2/snapshot"}
    busy.later(60)
    before = len(busy.upstream.calls)
    request_quotes(busy, key, *NAMES[:100])
    first, *rest = busy.upstream.calls[before:]
    assert (first, set(rest)) == (MARKET, {"/v3/snapshot"})
    assert len(rest) <= 2


@pytest.mark.parametrize(("listed", "round_trips"), [(500, 10), (1_000, 11), (1_500, 12)])
def test_the_whole_market_costs_nine_round_trips_and_one_for_each_500_tickers(
    busy: World, link: Link, listed: int, round_trips: int
) -> None:
    busy.upstream.listed = tuple(name + letter for letter in ("", "X", "Y") for name in NAMES)[:listed]
    key = busy.key()
    busy.later(60)
    busy.get("/usage", key)  # the key is known from here on
    with counted(link) as trips:
        request_quotes(busy, key, NAMES[0])
    assert trips.count == round_trips


def test_where_nobody_needs_a_newer_quote_no_call_is_made_for_none(busy: World) -> None:
    busy.upstream.denied = {"v2/snapshot"}
    request_quotes(busy, busy.key(), NAMES[0])
    expected = busy.services.demand.forecast(NO_FLOOR)
    before = len(busy.upstream.calls)
    fresh = replace(expected, tickers=[replace(each, stamp_us=expected.now_us) for each in expected.tickers])
    assert busy.services.shared.refresh(always(10), fresh) == 0
    assert busy.upstream.calls[before:] in ([], [MARKET])


@pytest.mark.parametrize("status", [500, 200])
def test_where_the_market_cannot_be_had_the_ticker_is_fetched_alone(busy: World, status: int) -> None:
    key = busy.key()
    busy.upstream.answer = lambda request: (
        httpx.Response(status, text="<html>") if request.url.path in (MARKET, "/v3/snapshot") else None
    )
    busy.later(60)
    answer = busy.get(f"/quote/{NAMES[0]}", key)
    assert (answer.status, answer.headers["X-Data-Source"]) == (200, "nbbo")
    assert "stale" not in answer.headers["Cache-Status"]


def test_a_newer_entry_is_not_replaced_by_what_came_along(busy: World, link: Link) -> None:
    key = busy.key()
    busy.later(60)
    newer = b"9" * 16 + b"v" + b'{"source":"nbbo","delayed":false,"fields":{"p":1,"P":2,"t":1}}'

    def overtake(request: httpx.Request) -> None:
        if request.url.path == MARKET:
            stamp = b"%016d" % (busy.services.now_us() + 500_000)
            link.run(plain("SET", f"dekr:{{{NAMES[5]}}}:quote", stamp + newer[16:]))

    busy.upstream.before = overtake
    request_quotes(busy, key, NAMES[0])
    (kept,) = link.run(plain("GET", f"dekr:{{{NAMES[5]}}}:quote"))
    assert kept[16:] == newer[16:]


def test_trades_come_along_too(world: World) -> None:
    world.upstream.answer = lambda request: (
        httpx.Response(
            200,
            json={
                "status": "OK",
                "tickers": [
                    {
                        "ticker": name,
                        "lastQuote": {"p": 5, "P": 6, "t": world.services.now_us() * 1000},
                        "lastTrade": {"p": 5, "s": 1, "t": world.services.now_us() * 1000},
                    }
                    for name in NAMES
                ],
            },
        )
        if request.url.path == MARKET
        else None
    )
    key = world.key()
    for name in NAMES[:300]:
        request_quotes(world, key, name)
        world.later(0.2)
    world.later(60)
    world.get(f"/trade/{NAMES[0]}", key)
    assert world.upstream.calls[-1] == MARKET
    assert world.get(f"/trade/{NAMES[77]}", key).headers["Cache-Status"].startswith("dekr; hit")


def test_a_batch_brings_others_along(busy: World) -> None:
    key = busy.key()
    busy.later(60)
    before = len(busy.upstream.calls)
    assert busy.post("/quotes/batch", key, list(NAMES[:20])).status == 200
    request_quotes(busy, key, *NAMES[20:60])
    assert busy.upstream.calls[before:] == [MARKET]


def test_what_came_along_takes_no_copy_in_this_sandbox(busy: World) -> None:
    copies = busy.services.quotes.shared.reader.cache.local_copies
    busy.later(60)
    before = len(copies)
    request_quotes(busy, busy.key(), NAMES[0])
    assert len(copies) <= before + 2


def test_a_refresh_for_nobody_in_particular_is_one_call(busy: World) -> None:
    busy.later(60)
    before = len(busy.upstream.calls)
    assert busy.services.shared.refresh(always(10), busy.services.demand.forecast(NO_FLOOR)) == 1
    assert busy.upstream.calls[before:] == [MARKET]
    request_quotes(busy, busy.key(), *NAMES[:100])
    assert len(busy.upstream.calls) == before + 1


@pytest.mark.parametrize("wrong", ["doubled", "left out", "swapped for another"])
def test_a_universal_answer_that_mixes_tickers_up_costs_those_alone(world: World, wrong: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response | None:
        if request.url.path != "/v3/snapshot":
            return None
        tickers = request.url.params["ticker.any_of"].split(",")
        named = {
            "doubled": [tickers[0], tickers[0]],
            "left out": tickers[:1],
            "swapped for another": [tickers[0], "XXX"],
        }[wrong]
        quote = {"bid": 1, "ask": 2, "last_updated": world.services.now_us() * 1000, "timeframe": "REAL-TIME"}
        return httpx.Response(
            200, json={"status": "OK", "results": [{"ticker": t, "last_quote": quote} for t in named]}
        )

    world.upstream.answer = answer
    answered = world.post("/quotes/batch", world.key(), ["AAPL", "MSFT"])
    assert (answered.status, answered.json["AAPL"]["bid"]) == (200, 1)
    # No source has the other one, which does not show that it is unknown.
    assert answered.json["MSFT"]["error"]["code"] == "upstream_invalid"


def market_of(world: World, *items: Mapping[str, Any]) -> None:
    """Let the whole market be these items, and every other listed ticker with a quote."""
    named = {item["ticker"] for item in items}

    def answer(request: httpx.Request) -> httpx.Response | None:
        if request.url.path != MARKET:
            return None
        quote = {"p": 5, "P": 6, "t": world.services.now_us() * 1000}
        usual = [{"ticker": name, "lastQuote": quote} for name in NAMES if name not in named]
        return httpx.Response(200, json={"status": "OK", "tickers": [*items, *usual]})

    world.upstream.answer = answer


def test_one_wrong_item_does_not_cost_all_others(busy: World) -> None:
    market_of(busy, {"ticker": NAMES[7], "lastQuote": {"p": -5, "P": 6, "t": 1}})
    busy.later(60)
    before = len(busy.upstream.calls)
    request_quotes(busy, busy.key(), *NAMES[:20])
    assert busy.upstream.calls[before:] == [MARKET, f"/v2/last/nbbo/{NAMES[7]}"]


def test_an_answer_with_many_wrong_items_is_not_believed(busy: World) -> None:
    market_of(busy, *({"ticker": name, "lastQuote": {"p": -5, "P": 6, "t": 1}} for name in NAMES[-100:]))
    busy.later(60)
    before = len(busy.upstream.calls)
    request_quotes(busy, busy.key(), NAMES[0])
    assert busy.upstream.calls[before:] == [MARKET, "/v3/snapshot"]


def test_a_market_that_is_mostly_wrong_is_not_requested_again_at_once(busy: World, link: Link) -> None:
    market_of(busy, *({"ticker": name, "lastQuote": {"p": -5, "P": 6, "t": 1}} for name in NAMES[-100:]))
    busy.later(60)
    request_quotes(busy, busy.key(), NAMES[0])
    (left_ms,) = link.run(plain("PTTL", MARKET_LEASE))
    assert left_ms > 30_000
    busy.later(60)
    before = len(busy.upstream.calls)
    request_quotes(busy, busy.key(), NAMES[0])
    assert busy.upstream.calls[before:] == ["/v3/snapshot"]


def test_a_ticker_without_a_quote_in_the_market_keeps_its_better_sources(busy: World) -> None:
    busy.upstream.denied = {"v3/snapshot"}
    minute = {"c": 9, "t": busy.services.now_us() // 1000 - 86_400_000}
    market_of(busy, {"ticker": NAMES[7], "min": minute}, {"ticker": NAMES[8], "lastQuote": {"p": 0, "P": 0, "t": 0}})
    busy.later(60)
    for name in NAMES[7:9]:
        answer = busy.get(f"/quote/{name}", busy.key())
        assert (answer.status, answer.headers["X-Data-Source"]) == (200, "nbbo")


def test_whoever_waited_for_the_market_in_vain_does_not_fetch_it_again(busy: World, redis: RedisServer) -> None:
    waits = threading.Event()

    def sleep(seconds: float) -> None:
        waits.set()
        time.sleep(seconds)

    link = still_link(redis.url)
    busy.later(60)
    other = busy.beside(link, sleep)
    key, found = busy.key(), list[Answer]()
    waiting = threading.Thread(target=lambda: found.append(other.get("/quote/ELSE", key)))

    def meanwhile(_: httpx.Request) -> None:
        busy.upstream.before = lambda _: None
        waiting.start()
        assert waits.wait(HANG_S)

    busy.upstream.before = meanwhile
    before = len(busy.upstream.calls)
    request_quotes(busy, key, NAMES[0])
    waiting.join()
    link.close()
    assert found[0].status == 200
    assert busy.upstream.calls[before:] == [MARKET, "/v2/last/nbbo/ELSE"]


def test_a_market_whose_holder_was_killed_is_not_waited_for_to_the_end(busy: World, redis: RedisServer) -> None:
    slept: list[float] = []
    link = still_link(redis.url)
    busy.later(60)
    other = busy.beside(link, slept.append)
    other.store.run(plain("SET", MARKET_LEASE, "h:killed", "PX", 12_000))
    before = len(busy.upstream.calls)
    request_quotes(other, busy.key(), NAMES[0])
    link.close()
    assert busy.upstream.calls[before:] == [f"/v2/last/nbbo/{NAMES[0]}"]
    assert 0 < sum(slept) < MAX_COVERED_WAIT_S + 1


def together(busy: World, redis: RedisServer, paths: Sequence[str]) -> list[Answer]:
    """Return the answers to requests at one moment, each in its own sandbox. The first call ends when all others wait."""
    key = busy.key()
    busy.later(60)
    links = [still_link(redis.url) for _ in paths]
    ready = threading.Barrier(len(paths))
    waiting, changed = set[int](), threading.Condition()
    found: dict[int, Answer] = {}

    def sleeper(at: int) -> Callable[[float], None]:
        def sleep(seconds: float) -> None:
            with changed:
                waiting.add(at)
                changed.notify_all()
            time.sleep(seconds)

        return sleep

    def hold(_: httpx.Request) -> None:
        with changed:
            assert changed.wait_for(lambda: len(waiting) >= len(paths) - 1, HANG_S)

    worlds = [busy.beside(link, sleeper(at)) for at, link in enumerate(links)]
    busy.upstream.before = hold

    def one(at: int) -> None:
        ready.wait(HANG_S)
        found[at] = worlds[at].get(paths[at], key)

    for world in worlds:
        # Handlers and modules are loaded before, one after the other.
        world.get("/quote/WRONG..", key)
    threads = [threading.Thread(target=one, args=(at,)) for at in range(len(paths))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for link in links:
        link.close()
    return [found[at] for at in range(len(paths))]


def test_many_sandboxes_on_one_cold_key_make_one_call_however_much_is_requested(
    busy: World, redis: RedisServer
) -> None:
    before = len(busy.upstream.calls)
    answers = together(busy, redis, [f"/quote/{NAMES[0]}"] * 12)
    assert {answer.status for answer in answers} == {200}
    assert busy.upstream.calls[before:] == [MARKET]
    words = [answer.headers["Cache-Status"] for answer in answers]
    assert sum("collapsed" in word for word in words) == 11


def test_sandboxes_on_different_cold_keys_share_the_market(busy: World, redis: RedisServer) -> None:
    before = len(busy.upstream.calls)
    answers = together(busy, redis, [f"/quote/{name}" for name in NAMES[:8]])
    assert {answer.status for answer in answers} == {200}
    assert busy.upstream.calls[before:] == [MARKET]
    # Those who waited gave their calls back.
    (used,) = busy.store.run(plain("ZCARD", "dekr:{upstream}:calls"))
    assert used == 1


def test_popular_tickers_that_the_market_lacks_are_refreshed_together(busy: World) -> None:
    busy.upstream.listed = NAMES[200:]
    key = busy.key()
    busy.later(60)
    before = len(busy.upstream.calls)
    request_quotes(busy, key, *NAMES[:100])
    first, second, *rest = busy.upstream.calls[before:]
    assert (first, second) == (MARKET, f"/v2/last/nbbo/{NAMES[0]}")
    assert rest == ["/v3/snapshot"]


def test_what_the_universal_snapshot_does_not_know_is_not_requested_elsewhere(busy: World) -> None:
    busy.upstream.denied = {"v2/snapshot"}
    busy.later(60)
    before = len(busy.upstream.calls)
    answer = busy.get(f"/quote/{UNKNOWN}", busy.key())
    assert (answer.status, answer.json["code"]) == (404, "unknown_symbol")
    assert busy.upstream.calls[before:] == [MARKET, "/v3/snapshot"]


def test_a_market_that_hangs_is_given_up_soon(busy: World) -> None:
    time_outs: list[float] = []
    busy.upstream.before = lambda request: time_outs.append(request.extensions["timeout"].get("read"))
    busy.later(60)
    request_quotes(busy, busy.key(), NAMES[0])
    assert len(time_outs) == 1
    assert 0 < time_outs[0] <= ATTEMPT_S


def test_where_the_store_refuses_a_part_nobody_takes_the_market_for_fetched(busy: World, link: Link) -> None:
    busy.later(60)
    link.run(
        plain("DEL", f"dekr:{{{NAMES[400]}}}:quote"), plain("HSET", f"dekr:{{{NAMES[400]}}}:quote", "not", "an entry")
    )
    before = len(busy.upstream.calls)
    request_quotes(busy, busy.key(), NAMES[0])
    assert busy.upstream.calls[before:] == [MARKET]
    assert link.run(plain("EXISTS", MARKET_LEASE)) == [0]
    link.run(plain("DEL", f"dekr:{{{NAMES[400]}}}:quote"))
    request_quotes(busy, busy.key(), NAMES[400])
    assert busy.upstream.calls[before:] == [MARKET, MARKET]


def test_a_batch_keeps_what_a_shared_call_brought_where_the_rest_cannot_be_had(busy: World) -> None:
    busy.upstream.answer = lambda request: (
        httpx.Response(500) if request.url.path.startswith(("/v3/snapshot", "/v2/aggs/grouped")) else None
    )
    busy.later(60)
    answer = busy.post("/quotes/batch", busy.key(), ["NEW", *NAMES[:9]])
    assert answer.status == 200
    assert sorted(name for name, item in answer.json.items() if "bid" in item) == sorted(NAMES[:9])
    before = len(busy.upstream.calls)
    request_quotes(busy, busy.key(), *NAMES[:9])
    assert len(busy.upstream.calls) == before


def test_a_market_that_fails_leaves_single_snapshots_alone(busy: World) -> None:
    busy.upstream.denied = {"v2/last", "v3/snapshot"}
    busy.upstream.answer = lambda request: httpx.Response(500) if request.url.path == MARKET else None
    key = busy.key()
    for name in NAMES[:20]:
        busy.later(60)
        answer = busy.get(f"/quote/{name}", key)
        assert (answer.status, answer.headers["X-Data-Source"]) == (200, "snapshot")
        assert "stale" not in answer.headers["Cache-Status"]


def test_while_the_market_fails_the_250_are_shared(busy: World) -> None:
    busy.upstream.answer = lambda request: httpx.Response(500) if request.url.path == MARKET else None
    key = busy.key()
    for name in NAMES[:10]:
        busy.later(60)
        request_quotes(busy, key, name)
    before = len(busy.upstream.calls)
    busy.later(2)
    request_quotes(busy, key, *NAMES[10:60])
    assert "/v3/snapshot" in busy.upstream.calls[before:]
    assert len(busy.upstream.calls) - before < 10


def test_near_the_deadline_time_is_left_for_the_ticker_alone(busy: World, redis: RedisServer) -> None:
    spent: list[float] = []
    with closing(still_link(redis.url)) as link:
        busy.later(60)
        other = busy.beside(link, spent.append)
        link.run(plain("SET", MARKET_LEASE, "h:killed", "PX", 12_000))
        context = ReadContext(
            other.services.limiter.rate_charge(Principal("demo", Tier.INSTITUTIONAL_ELITE, Role.USER, ""), "quote"),
            Tier.INSTITUTIONAL_ELITE.policy,
            always(2.0),
        )
        other.services.quotes.get(context, Ticker(NAMES[0]))
    assert sum(spent) < 1


def test_what_nobody_lists_is_fetched_alone_and_so_is_what_the_market_lacks(busy: World) -> None:
    busy.upstream.listed = NAMES[3:]
    key = busy.key()
    busy.later(60)
    request_quotes(busy, key, NAMES[10], *NAMES[:3])
    before = len(busy.upstream.calls)
    request_quotes(busy, key, "UNLA", "UNLB")
    assert busy.upstream.calls[before:] == ["/v2/last/nbbo/UNLA", "/v2/last/nbbo/UNLB"]


def test_a_batch_on_a_plan_without_universal_snapshots_has_quotes_all_the_same(world: World) -> None:
    world.upstream.listed = NAMES
    world.upstream.denied = {"v3/snapshot"}
    key = world.key()
    found = world.post("/quotes/batch", key, [*NAMES[:3], "NEW"])
    assert [found.json[name]["bid"] for name in NAMES[:3]] == [2, 2, 2]
    assert world.upstream.calls == ["/v3/snapshot", MARKET, "/v2/aggs/grouped/locale/us/market/stocks/2026-11-19"]
    assert world.get(f"/quote/{NAMES[0]}", key).headers["X-Data-Source"] == "snapshot"


def test_after_a_wait_for_the_market_the_own_lease_lasts_as_long_as_its_fetch(busy: World, redis: RedisServer) -> None:
    own = f"dekr:{{upstream}}:lease:quote:{NAMES[0]}"
    left_ms: list[int] = []
    busy.later(60)
    with closing(still_link(redis.url)) as link:

        def sleep(_: float) -> None:
            link.run(plain("PEXPIRE", own, 1_000), plain("DEL", MARKET_LEASE))

        other = busy.beside(link, sleep)
        link.run(plain("SET", MARKET_LEASE, "h:killed", "PX", 8_000))
        busy.upstream.before = lambda _: left_ms.extend(link.run(plain("PTTL", own)))
        before = len(busy.upstream.calls)
        request_quotes(other, busy.key(), NAMES[0])
    assert busy.upstream.calls[before:] == [MARKET]
    assert left_ms[0] > 4_000


@pytest.mark.parametrize(
    "harm",
    [
        plain("SET", "dekr:{demand}:preferred", "no hash"),  # as good as out of reach
        plain("ZADD", "dekr:{demand}:stamps", "-inf", NAMES[9]),
        plain("HSET", "dekr:{demand}:pace", "market", "-inf"),
        plain("HSET", "dekr:{demand}:preferred", b"\xff", "no number"),
    ],
    ids=["out of reach", "stamp", "market", "preferred"],
)
def test_without_a_record_that_can_be_read_a_miss_is_fetched_alone(busy: World, link: Link, harm: Command) -> None:
    busy.later(60)
    request_quotes(busy, busy.key(), NAMES[0])
    busy.later(300)
    link.run(harm)
    before = len(busy.upstream.calls)
    (paid,) = link.run(plain("ZCARD", "dekr:{upstream}:calls"))
    request_quotes(busy, busy.key(), NAMES[1])
    assert busy.upstream.calls[before:] == [f"/v2/last/nbbo/{NAMES[1]}"]
    assert link.run(plain("ZCOUNT", "dekr:{upstream}:calls", busy.services.now_us() - 1_000_000, "+inf")) == [1], paid


def test_while_late_prints_still_come_a_refresh_counts_too(busy: World) -> None:
    key = busy.key()
    busy.upstream.denied = {"v2/snapshot"}
    busy.to("2026-11-21T01:05:00Z")  # 20:05 in New York
    before = len(busy.upstream.calls)
    for _ in range(3):
        request_quotes(busy, key, *NAMES[:60])
    assert len(busy.upstream.calls) - before < 10
