"""Streams over HTTP are changed by their owner, while they wait and while they are connected."""

import pytest

from dekr.cache import keys
from dekr.models.streams import Stream
from dekr.store import plain
from tests.integration.routes.streaming import MANY, change, connect, find, pairs_of, start
from tests.shapes import shaped
from tests.world import World


@pytest.fixture
def key(world: World) -> str:
    """The key of Ann, whose tier has 25 symbols."""
    return world.key(5, "ann")


def test_a_stream_that_waits_can_be_changed(world: World, key: str) -> None:
    started = start(world, key, {"symbols": ["AAPL", "MSFT"], "channels": ["T", "Q"]})
    changed = shaped(Stream, change(world, key, started, add=["tsla"], remove=["AAPL", "IBM"]))
    assert (changed["status"], changed["pairs"]) == ("waiting", ["Q.MSFT", "Q.TSLA", "T.MSFT", "T.TSLA"])
    assert changed == find(world, key, started)
    redeemed = connect(world, started)
    assert {pair.symbol for pair in redeemed.pairs} == {"MSFT", "TSLA"}
    assert world.services.waker.wakes == 0


def test_a_stream_that_is_connected_can_be_changed_and_wakes_the_relay(world: World, key: str) -> None:
    started = start(world, key, {"symbols": ["AAPL", "MSFT"], "channels": ["T", "Q"]})
    connect(world, started)
    # Whoever connected had a relay started. That holds for two seconds of the store's own clock, which no test drives.
    world.store.run(plain("UNLINK", keys.stream(world.store.prefix, "wake")))
    changed = shaped(Stream, change(world, key, started, add=["TSLA"], remove=["AAPL"]))
    assert (changed["status"], changed["pairs"]) == ("connected", ["Q.MSFT", "Q.TSLA", "T.MSFT", "T.TSLA"])
    assert pairs_of(world) == changed["pairs"]
    assert world.services.waker.wakes == 1
    assert shaped(Stream, change(world, key, started, remove=["MSFT", "TSLA"]))["pairs"] == []
    assert world.services.waker.wakes == 1, "a relay is not started for what nobody listens to"


def test_a_change_must_fit_into_the_tier(world: World, key: str) -> None:
    waiting, connected = start(world, key, MANY[:24]), start(world, key, MANY[:24])
    connect(world, connected)
    for started in (waiting, connected):
        answer = change(world, key, started, add=["MSFT", "TSLA"])
        assert (answer.status, answer.json["field"], answer.json["code"]) == (422, "add", "too_many_symbols")
        assert "more than 25 symbols on your tier; they make 26" in answer.json["detail"]
        assert len(find(world, key, started)["pairs"]) == 24, "nothing was added"
        swapped = shaped(Stream, change(world, key, started, add=["MSFT", "TSLA"], remove=[MANY[0]]))
        assert len(swapped["pairs"]) == 25


def test_symbols_are_counted_over_all_connections_of_the_caller(world: World) -> None:
    key = world.key(6, "ann")
    first, second = start(world, key, MANY[:150]), start(world, key, MANY[150:190])
    connect(world, first, "c1=")
    connect(world, second, "c2=")
    answer = change(world, key, second, add=MANY[200:230])
    assert (answer.status, answer.json["field"], answer.json["code"]) == (422, "add", "too_many_symbols")
    assert "over all of your connections; 20 of them were not added" in answer.json["detail"]
    assert len(pairs_of(world, "c2=")) == 50


def test_all_symbols_can_be_added_where_the_tier_has_them(world: World) -> None:
    for tier, status in ((6, 403), (7, 200)):
        key = world.key(tier, f"user{tier}")
        started = start(world, key, {"symbols": ["AAPL"], "channels": ["AM"]})
        assert change(world, key, started, add=["*"]).status == status
        connect(world, started, f"c{tier}=")
        assert change(world, key, started, add=["*"]).status == status
        assert shaped(Stream, change(world, key, started, remove=["*"]))["pairs"] == ["AM.AAPL"]
