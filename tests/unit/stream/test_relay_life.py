"""What a relay does as time passes, what it counts and hands on, and how it ends."""

from threading import current_thread

import pytest

from dekr.stream.ports import FeedFrame, FeedRefused
from dekr.stream.relay.pace import Ending
from tests.fakes.relay_world import START_MS, World, bar, quote, trade

LINGER_TICKS = 1_200
HOURS_MS = 3_600_000


def test_a_pair_lingers_after_its_last_listener() -> None:
    world = World()
    world.run(
        world.up,
        world.subscribe("c1", "T.AAPL"),
        world.subscribe("c2", "T.MSFT"),
        1,
        lambda: world.memory.leave("c1"),
        LINGER_TICKS - 10,
        lambda: world.inbox("wanted").frames.append([{"wanted": sorted(world.feed.wanted)}]),
        30,
    )
    assert world.inbox("wanted").frames == [[{"wanted": ["T.AAPL", "T.MSFT"]}]]
    assert world.feed.wanted == {"T.MSFT"}
    assert set(world.memory.covered) == {"T.MSFT"}


def test_the_relay_ends_when_nobody_has_listened_for_long() -> None:
    world = World()
    ending = world.run(world.up, world.subscribe("c1", "T.AAPL"), 1, lambda: world.memory.leave("c1"), 2 * LINGER_TICKS)
    assert ending is Ending.IDLE
    assert not world.memory.running
    assert START_MS + 120_000 <= world.ms < START_MS + 121_000


def test_the_relay_goes_on_for_whoever_comes_at_the_last_moment() -> None:
    world = World()
    world.memory.subscribe("c1", "T.AAPL")
    world.memory.leave("c1")
    stops: list[int] = []

    def come_late() -> None:
        if not stops:
            stops.append(world.ms)
            world.memory.subscribe("c2", "T.AAPL")

    world.memory.before_stop = come_late
    ending = world.run(world.up, LINGER_TICKS + 100, world.sending(trade("AAPL")), 3)
    assert stops
    assert ending is Ending.STOPPED
    assert world.inbox("c2").numbers("T.AAPL") == [1]


def test_a_silent_connection_gets_a_heartbeat_every_eight_minutes() -> None:
    world = World(tick_s=0.5)
    world.run(
        world.up,
        world.subscribe("c1", "T.AAPL"),
        world.subscribe("c2", "T.IBM"),
        600,
        world.sending(trade("IBM")),
        1_340,
    )
    beats = [item["message"] for item in world.inbox("c1").items[1:]]
    assert beats == ["heartbeat", "heartbeat"]
    assert [item["status"] for item in world.inbox("c2").items[2:]] == ["success"]


def test_a_hint_comes_five_minutes_before_the_end_of_two_hours() -> None:
    world = World(tick_s=0.5)
    opened_ms = START_MS - 2 * HOURS_MS + 302_000
    world.memory.subscribe("c1", "T.AAPL", opened_ms=opened_ms)
    world.run(world.up, 2, 10)
    hints = [item for item in world.inbox("c1").items if "ends_at" in item]
    assert [hint["ends_at"] for hint in hints] == [opened_ms + 2 * HOURS_MS]
    assert hints[0]["status"] == "success"


def test_what_the_upstream_refuses_is_told_to_those_who_listen_and_those_who_come() -> None:
    world = World()
    world.run(
        world.up,
        world.subscribe("c1", "T.AAPL"),
        1,
        lambda: world.feed.arrived.append(FeedRefused(frozenset({"T.AAPL"}), "not authorized")),
        1,
        world.subscribe("c2", "T.AAPL"),
        12,
    )
    assert [i["message"] for i in world.inbox("c1").statuses("error")] == ["not authorized: T.AAPL"]
    assert [i["message"] for i in world.inbox("c2").items] == ["not authorized: T.AAPL"]
    assert world.memory.covered == {}


def test_malformed_events_are_counted_and_harm_nobody() -> None:
    world = World()
    world.run(
        world.up,
        world.subscribe("c1", "T.AAPL"),
        1,
        lambda: world.feed.arrived.append(FeedFrame("[{", world.us)),
        lambda: world.send('{"ev":"X"}', trade("AAPL"), trade("AAPL", 2, size=20_000)),
        2,
    )
    assert world.relay
    stats = world.relay.stats()
    assert (stats.events, stats.deliveries, stats.connections, stats.pairs) == (1, 1, 1, 1)
    assert stats.malformed == {"not JSON": 1, "not an event": 1, "too large": 1}
    assert world.relay.stats().events == 0


def test_the_latest_trade_and_quote_of_each_symbol_are_handed_on() -> None:
    world = World()
    world.run(
        world.up,
        world.subscribe("c1", "T.AAPL"),
        1,
        world.sending(trade("AAPL", 1), quote("IBM"), trade("AAPL", 2), bar("IBM")),
        2,
    )
    assert [(sorted((e.pair, e.number) for e in events), us) for events, us in world.live] == [
        ([("Q.IBM", 1), ("T.AAPL", 2)], (START_MS + 100) * 1000)
    ]


def test_a_mistake_in_a_post_ends_the_relay() -> None:
    world = World()
    world.broken = True
    with pytest.raises(ZeroDivisionError):
        world.run(world.up, world.subscribe("c1", "T.AAPL"), 5)


def test_the_journal_is_called_in_one_thread_of_its_own() -> None:
    world = World()
    ending = world.run(world.up, world.subscribe("c1", "T.AAPL"), 1, world.sending(trade("AAPL")), 3, own_thread=True)
    assert ending is Ending.STOPPED
    assert world.inbox("c1").numbers("T.AAPL") == [1]
    assert len(world.memory.threads) == 1
    assert current_thread().name not in world.memory.threads
