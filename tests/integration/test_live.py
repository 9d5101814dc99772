"""Messages of the live stream go into the cache, and readers get them, unless the cache has something newer."""

import json
from typing import Any

import pytest

from dekr.cache.entry_cache import EntryCache
from dekr.market.quotes.live import Accepted, LiveQuotes
from dekr.store.link import Link
from tests.round_trips import counted
from tests.world import World


@pytest.fixture
def live(link: Link) -> LiveQuotes:
    return LiveQuotes(EntryCache(link), 3_600_000_000)


def quote(world: World, symbol: str = "AAPL", bid: float = 10, ago_s: float = 0.0, **more: Any) -> dict[str, Any]:
    """A quote as the stream sends it, made so many seconds ago."""
    time_ms = world.services.now_us() // 1000 - int(ago_s * 1000)
    return {"ev": "Q", "sym": symbol, "bp": bid, "bs": 2, "ap": bid + 0.5, "as": 3, "t": time_ms, "q": 7, **more}


def trade(world: World, symbol: str = "AAPL", price: float = 10, ago_s: float = 0.0, **more: Any) -> dict[str, Any]:
    time_ms = world.services.now_us() // 1000 - int(ago_s * 1000)
    return {"ev": "T", "sym": symbol, "p": price, "s": 5, "t": time_ms, "i": "52", "c": [12], "x": 4, "z": 3, **more}


def test_a_streamed_quote_is_read_without_a_call_and_as_old_as_it_is(world: World, live: LiveQuotes) -> None:
    sent = quote(world, bid=32.15, ago_s=12, bx=11, ax=12, c=1, z=3, i=[604])
    assert live.accept([sent], world.services.now_us()) == Accepted(1, 0, 0)
    answer = world.get("/quote/AAPL", world.key(7))
    assert answer.headers["X-Data-Source"] == "stream"
    assert answer.headers["Cache-Status"].startswith("dekr; hit")
    assert 12 <= int(answer.headers["Age"]) <= 13
    assert (answer.json["bid"], answer.json["ask"], answer.json["bid_size"]) == (32.15, 32.65, 2)
    as_polygon = world.get("/v2/last/nbbo/AAPL", world.key(7)).json["results"]
    assert as_polygon == {
        "T": "AAPL",
        "p": 32.15,
        "s": 2,
        "x": 11,
        "P": 32.65,
        "S": 3,
        "X": 12,
        "i": [604],
        "q": 7,
        "z": 3,
        "c": [1],
        "t": sent["t"] * 1_000_000,
    }
    assert world.upstream.calls == []


def test_a_streamed_trade_is_read_without_a_call(world: World, live: LiveQuotes) -> None:
    sent = trade(world, price=32, trfi=202, trft=1_795_000_000_000)
    live.accept([sent], world.services.now_us())
    answer = world.get("/trade/AAPL", world.key(7))
    assert answer.headers["X-Data-Source"] == "stream"
    assert (answer.json["price"], answer.json["size"], answer.json["id"]) == (32, 5, "52")
    as_polygon = world.get("/v2/last/trade/AAPL", world.key(7)).json["results"]
    assert (as_polygon["f"], as_polygon["r"]) == (1_795_000_000_000_000_000, 202)
    assert world.upstream.calls == []


def test_a_quote_that_was_fetched_later_than_the_event_happened_stays(world: World, live: LiveQuotes) -> None:
    key = world.key(7)
    fetched = world.get("/quote/AAPL", key)
    assert live.accept([quote(world, bid=99, ago_s=5)], world.services.now_us()) == Accepted(0, 1, 0)
    again = world.get("/quote/AAPL", key)
    assert again.json == fetched.json
    assert again.headers["X-Data-Source"] == fetched.headers["X-Data-Source"] == "nbbo"


def test_a_newer_event_takes_the_place_of_a_fetched_quote_and_of_an_older_event(world: World, live: LiveQuotes) -> None:
    key = world.key(7)
    world.get("/quote/AAPL", key)
    for bid in (20, 21):
        world.later(5)
        live.accept([quote(world, bid=bid)], world.services.now_us())
        answer = world.get("/quote/AAPL", key)
        assert (answer.json["bid"], answer.headers["X-Data-Source"], answer.headers["Age"]) == (bid, "stream", "0")


def test_a_delayed_event_is_not_fresh_for_who_may_not_have_it(world: World, live: LiveQuotes) -> None:
    live.accept([quote(world, bid=99, ago_s=120)], world.services.now_us())
    assert world.get("/quote/AAPL", world.key(5)).json["bid"] == 99
    assert world.upstream.calls == []
    assert world.get("/quote/AAPL", world.key(7)).json["bid"] != 99
    assert len(world.upstream.calls) == 1


def test_an_event_of_a_clock_that_runs_ahead_is_as_old_as_its_receipt(world: World, live: LiveQuotes) -> None:
    live.accept([quote(world, bid=99, ago_s=-600)], world.services.now_us())
    key = world.key(7)
    answer = world.get("/quote/AAPL", key)
    assert (answer.headers["X-Data-Source"], answer.headers["Age"]) == ("stream", "0")
    world.later(31)
    assert world.get("/quote/AAPL", key).json["bid"] != 99


def test_of_a_batch_the_newest_of_each_ticker_counts_in_whatever_order(world: World, live: LiveQuotes) -> None:
    batch = [
        quote(world, "AAPL", 11, ago_s=2),
        quote(world, "AAPL", 12, ago_s=1),
        quote(world, "AAPL", 10, ago_s=3),
        quote(world, "MSFT", 50, ago_s=1),
        trade(world, "MSFT", 49),
    ]
    assert live.accept(batch, world.services.now_us()) == Accepted(3, 2, 0)
    key = world.key(7)
    assert [world.get(f"/quote/{symbol}", key).json["bid"] for symbol in ("AAPL", "MSFT")] == [12, 50]
    assert world.get("/trade/MSFT", key).json["price"] == 49


BAD: list[Any] = [
    None,
    "Q",
    [],
    {},
    {"ev": "status", "status": "success", "message": "subscribed to: Q.AAPL"},
    {"ev": "AM", "sym": "AAPL", "o": 1, "t": 1_795_000_000_000},
    {"ev": ["Q"], "sym": "AAPL", "bp": 1, "t": 1_795_000_000_000},
    {"ev": "Q", "bp": 1, "t": 1_795_000_000_000},
    {"ev": "Q", "sym": "aapl", "bp": 1, "t": 1_795_000_000_000},
    {"ev": "Q", "sym": "{AAPL}", "bp": 1, "t": 1_795_000_000_000},
    {"ev": "Q", "sym": "AAPL", "t": 1_795_000_000_000},
    {"ev": "Q", "sym": "AAPL", "bp": 0, "ap": 0, "t": 1_795_000_000_000},
    {"ev": "Q", "sym": "AAPL", "bp": "1", "t": 1_795_000_000_000},
    {"ev": "Q", "sym": "AAPL", "bp": True, "t": 1_795_000_000_000},
    {"ev": "Q", "sym": "AAPL", "bp": -1, "t": 1_795_000_000_000},
    {"ev": "Q", "sym": "AAPL", "bp": float("nan"), "t": 1_795_000_000_000},
    {"ev": "Q", "sym": "AAPL", "bp": 1},
    {"ev": "Q", "sym": "AAPL", "bp": 1, "t": 1_795_000_000.5},
    {"ev": "Q", "sym": "AAPL", "bp": 1, "t": 1_795_000_000_000_000_000},
    {"ev": "Q", "sym": "AAPL", "bp": 1, "t": -1},
    {"ev": "T", "sym": "AAPL", "t": 1_795_000_000_000},
    {"ev": "T", "sym": "AAPL", "p": 0, "t": 1_795_000_000_000},
    {"ev": "T", "sym": "AAPL", "p": 1, "s": "many", "t": 1_795_000_000_000},
]


@pytest.mark.parametrize("event", BAD, ids=[json.dumps(event) for event in BAD])
def test_what_is_no_quote_or_trade_is_counted_and_changes_nothing(world: World, live: LiveQuotes, event: Any) -> None:
    batch = [quote(world, "MSFT", 50), event]
    assert live.accept(batch, world.services.now_us()) == Accepted(1, 0, 1)
    assert world.get("/quote/MSFT", world.key(7)).json["bid"] == 50
    assert world.get("/quote/AAPL", world.key(7)).headers["X-Data-Source"] == "nbbo"


def test_no_events_are_no_round_trip_and_many_are_one(world: World, live: LiveQuotes, link: Link) -> None:
    with counted(link) as trips:
        assert live.accept([], world.services.now_us()) == Accepted(0, 0, 0)
        assert trips.count == 0
        names = [f"{first}{second}" for first in "ABCDEFGHIJ" for second in "ABCDEFGHIJ"]
        batch = [quote(world, name) for name in names]
        live.accept(batch[:1], world.services.now_us())  # the first call of a script sends it, too
        before = trips.count
        assert live.accept(batch[1:], world.services.now_us()) == Accepted(99, 0, 0)
        assert trips.count == before + 1
