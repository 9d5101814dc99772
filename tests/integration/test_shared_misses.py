"""One miss, many tickers: what a call brings along, who waits for it, and what happens where it fails."""

import threading
import time
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from dekr.deadline import Deadline
from dekr.market.flow import LONGEST_SHARED_WAIT_S
from dekr.store import plain
from dekr.store.link import Link
from tests.redis_servers import RedisServer
from tests.world import Answer, World

MARKET = "/v2/snapshot/locale/us/markets/stocks/tickers"
NAMES = tuple(f"{a}{b}Q{c}" for a in "ABCDEFGHIJ" for b in "KLMNOPQRST" for c in "FGHIJ")


def ask(world: World, key: str, *tickers: str) -> None:
    for ticker in tickers:
        answer = world.get(f"/quote/{ticker}", key)
        assert answer.status == 200, answer.text


@pytest.fixture
def busy(world: World) -> World:
    """A world that has seen many tickers asked for, and the whole market once."""
    world.upstream.listed = NAMES
    key = world.key()
    for name in NAMES[:300]:
        ask(world, key, name)
        world.later(0.2)
    assert MARKET in world.upstream.calls
    return world


def test_with_enough_demand_one_miss_fetches_the_market(busy: World) -> None:
    key = busy.key()
    busy.later(60)
    before = len(busy.upstream.calls)
    ask(busy, key, *NAMES[:100], *NAMES[-100:])
    assert busy.upstream.calls[before:] == [MARKET]
    answer = busy.get(f"/quote/{NAMES[-1]}", key)
    assert answer.headers["Cache-Status"].startswith("dekr; hit")
    assert answer.headers["X-Data-Source"] == "snapshot"


def test_little_demand_fetches_one(world: World) -> None:
    ask(world, world.key(), "AAPL", "AAPL", "MSFT")
    assert world.upstream.calls == ["/v2/last/nbbo/AAPL", "/v2/last/nbbo/MSFT"]


def test_a_ticker_that_the_market_lacks_is_fetched_alone_and_only_it(busy: World) -> None:
    key = busy.key()
    busy.later(60)
    before = len(busy.upstream.calls)
    ask(busy, key, "NEW", NAMES[3], "NEWER")
    assert busy.upstream.calls[before:] == [MARKET, "/v2/last/nbbo/NEW", "/v2/last/nbbo/NEWER"]


def test_a_plan_without_a_market_snapshot_refreshes_the_best_250(busy: World) -> None:
    key = busy.key()
    busy.upstream.denied = {"v2/snapshot"}
    busy.later(60)
    before = len(busy.upstream.calls)
    ask(busy, key, *NAMES[:100])
    first, *rest = busy.upstream.calls[before:]
    assert (first, set(rest)) == (MARKET, {"/v3/snapshot"})
    assert len(rest) <= 2


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
    ask(busy, key, NAMES[0])
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
        ask(world, key, name)
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
    ask(busy, key, *NAMES[20:60])
    assert busy.upstream.calls[before:] == [MARKET]


def test_what_came_along_takes_no_copy_in_this_sandbox(busy: World) -> None:
    copies = busy.services.quotes.flow.cache.copies
    busy.later(60)
    before = len(copies)
    ask(busy, busy.key(), NAMES[0])
    assert len(copies) <= before + 2


def test_a_refresh_for_nobody_in_particular_is_one_call(busy: World) -> None:
    busy.later(60)
    before = len(busy.upstream.calls)
    assert busy.services.shared.refresh(Deadline.after(10)) == 1
    assert busy.upstream.calls[before:] == [MARKET]
    ask(busy, busy.key(), *NAMES[:100])
    assert len(busy.upstream.calls) == before + 1


@pytest.mark.parametrize("wrong", ["doubled", "left out", "swapped for another"])
def test_a_universal_answer_that_mixes_tickers_up_is_not_believed(world: World, wrong: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response | None:
        if request.url.path != "/v3/snapshot":
            return None
        asked = request.url.params["ticker.any_of"].split(",")
        named = {"doubled": [asked[0], asked[0]], "left out": asked[:1], "swapped for another": [asked[0], "XXX"]}[
            wrong
        ]
        quote = {"bid": 1, "ask": 2, "last_updated": world.services.now_us() * 1000, "timeframe": "REAL-TIME"}
        return httpx.Response(
            200, json={"status": "OK", "results": [{"ticker": t, "last_quote": quote} for t in named]}
        )

    world.upstream.answer = answer
    answered = world.post("/quotes/batch", world.key(), ["AAPL", "MSFT"])
    assert (answered.status, answered.json["code"]) == (502, "upstream_invalid")


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
    ask(busy, busy.key(), *NAMES[:20])
    assert busy.upstream.calls[before:] == [MARKET, f"/v2/last/nbbo/{NAMES[7]}"]


def test_an_answer_with_many_wrong_items_is_not_believed(busy: World) -> None:
    market_of(busy, *({"ticker": name, "lastQuote": {"p": -5, "P": 6, "t": 1}} for name in NAMES[-100:]))
    busy.later(60)
    answer = busy.get(f"/quote/{NAMES[0]}", busy.key())
    assert (answer.status, answer.headers["X-Data-Source"]) == (200, "nbbo")


def test_a_ticker_without_a_quote_in_the_market_keeps_its_better_sources(busy: World) -> None:
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

    other = World(Link.open(redis.url), busy.upstream, busy.directory, sleep=sleep)
    key, found = busy.key(), list[Answer]()
    waiting = threading.Thread(target=lambda: found.append(other.get("/quote/ELSE", key)))

    def meanwhile(_: httpx.Request) -> None:
        busy.upstream.before = lambda _: None
        waiting.start()
        assert waits.wait(30)

    busy.upstream.before = meanwhile
    busy.later(60)
    other.store.clock_offset_us = busy.store.clock_offset_us
    before = len(busy.upstream.calls)
    ask(busy, key, NAMES[0])
    waiting.join()
    assert found[0].status == 200
    assert busy.upstream.calls[before:] == [MARKET, "/v2/last/nbbo/ELSE"]


def test_a_market_whose_holder_was_killed_is_not_waited_for_to_the_end(busy: World, redis: RedisServer) -> None:
    slept: list[float] = []
    other = World(Link.open(redis.url), busy.upstream, busy.directory, sleep=slept.append)
    busy.later(60)
    other.store.clock_offset_us = busy.store.clock_offset_us
    other.store.run(plain("SET", "dekr:{upstream}:lease:market:quotes", "h:killed", "PX", 12_000))
    before = len(busy.upstream.calls)
    ask(other, busy.key(), NAMES[0])
    assert busy.upstream.calls[before:] == [f"/v2/last/nbbo/{NAMES[0]}"]
    assert 0 < sum(slept) < LONGEST_SHARED_WAIT_S + 1


def test_while_late_prints_still_come_a_refresh_counts_too(busy: World) -> None:
    key = busy.key()
    busy.upstream.denied = {"v2/snapshot"}
    busy.to("2026-11-21T01:05:00Z")  # 20:05 in New York
    before = len(busy.upstream.calls)
    for _ in range(3):
        ask(busy, key, *NAMES[:60])
    assert len(busy.upstream.calls) - before < 10
