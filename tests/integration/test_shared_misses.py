"""One miss, many tickers: what a call brings along, who waits for it, and what happens where it fails."""

import httpx
import pytest

from dekr.deadline import Deadline
from dekr.store import plain
from dekr.store.link import Link
from tests.world import World

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
