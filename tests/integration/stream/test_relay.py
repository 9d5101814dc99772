"""The relay's loop on the journal and the registry of a real store."""

from collections.abc import Callable

import pytest

from dekr.store import Command, plain
from dekr.stream.cursor import StreamCursor
from dekr.stream.journal import SHARDS
from dekr.stream.ports import Delivered
from dekr.stream.relay.pace import Ending, Pace
from tests.fakes.relay_world import Kill, Step, bar, pair_of, quote, trade
from tests.fakes.stream_reader import Reader
from tests.integration.stream.journals import lose
from tests.integration.stream.relays import StoreWorld
from tests.still_link import StillLink

POINTS = range(1, 70, 4)


@pytest.fixture
def world(link: StillLink) -> StoreWorld:
    return StoreWorld(link)


def events(world: StoreWorld, n: int) -> Callable[[], None]:
    return world.sending(trade("AAPL", n), quote("MSFT", n), bar("IBM", n), trade("AAPL", 100 + n))


def test_a_subscription_is_acknowledged_and_its_events_come_numbered(world: StoreWorld) -> None:
    world.serve(world.up, 1, world.subscribe("c1", "T.AAPL"), 1, events(world, 1), 3)
    inbox = world.inbox("c1")
    assert inbox.at("subscribed to: T.AAPL") == 0
    assert inbox.numbers("T.AAPL") == [1, 2]


def test_whoever_wakes_the_relay_is_acknowledged(world: StoreWorld) -> None:
    world.memory.subscribe("c1", "T.AAPL")
    world.serve(world.up, 1, events(world, 1), 3)
    assert world.inbox("c1").at("subscribed to: T.AAPL") == 0
    assert world.inbox("c1").numbers("T.AAPL") == [1, 2]


def first_life(world: StoreWorld) -> tuple[Step, ...]:
    return (
        world.up,
        1,
        world.subscribe("c1", "T.AAPL", "Q.MSFT"),
        world.subscribe("c2", "T.AAPL"),
        world.subscribe("c3", "A.*"),
        1,
        events(world, 1),
        1,
        events(world, 2),
        lambda: world.hold("c2"),
        1,
        events(world, 3),
        1,
        lambda: world.memory.unsubscribe("c1", "Q.MSFT"),
        events(world, 4),
        lambda: world.let_go("c2"),
        1,
        events(world, 5),
        3,
    )


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_relay_costs_no_event_and_no_acknowledgement(world: StoreWorld, point: int) -> None:
    world.kill = Kill(point)
    world.serve(*first_life(world))
    for connection, pairs in {"c1": ("T.AAPL", "Q.MSFT"), "c2": ("T.AAPL",), "c3": ("A.*",)}.items():
        if world.registry.find(connection) is None:
            world.memory.subscribe(connection, *pairs)
    world.held.clear()
    world.kill = Kill()
    world.feed.arrived.clear()
    world.us += 5_000_000
    world.serve(2, world.up, 1, events(world, 6), 1, events(world, 7), 15, epoch=2)
    for connection in ("c1", "c2", "c3"):
        Reader().read(world.inbox(connection).frames)
    begun = world.journal().begin(3)
    assert begun
    assert world.inbox("c1").unique("T.AAPL")[-1] == begun.numbers["T.AAPL"]
    assert world.inbox("c2").unique("T.AAPL")[-1] == begun.numbers["T.AAPL"]
    assert world.inbox("c3").unique("A.IBM")[-1] == begun.numbers["A.IBM"]


def test_an_older_relay_is_fenced(world: StoreWorld) -> None:
    ending = world.serve(
        world.up,
        world.subscribe("c1", "T.AAPL"),
        2,
        events(world, 1),
        1,
        lambda: world.journal().begin(2),
        events(world, 2),
        5,
    )
    assert ending is Ending.FENCED
    assert world.inbox("c1").numbers("T.AAPL") == [1, 2]


def test_when_the_store_is_lost_those_whom_it_knew_are_told_to_connect_again(world: StoreWorld) -> None:
    flushed: list[int] = []
    lost = world.serve(
        world.up,
        world.subscribe("c1", "T.AAPL"),
        2,
        lambda: flushed.append(world.ms - 100),
        lambda: world.link.run(Command(("FLUSHALL",), ())),
        world.subscribe("c2", "T.AAPL"),
        5,
    )
    assert lost is Ending.FENCED

    world.serve(world.up, 2, events(world, 1), 3, epoch=2)

    assert world.inbox("c1").statuses("force_disconnect")
    assert world.inbox("c1").closed
    assert int(world.inbox("c1").cursor.partition("-")[2]) == flushed[0], "its position is from before the loss"
    assert world.inbox("c2").numbers("T.AAPL") == [1, 2], "it came when the store was empty already"
    assert not world.inbox("c2").closed


def test_a_resume_reads_the_log(world: StoreWorld) -> None:
    world.pace = Pace(ring_bytes=300)
    world.serve(
        world.up,
        world.subscribe("c1", "T.AAPL", "A.*"),
        12,
        events(world, 1),
        2,
        lambda: world.memory.leave("c1"),
        *(step for n in range(2, 12) for step in (events(world, n), 1)),
        lambda: world.memory.subscribe("c2", "T.AAPL", "A.*", since=StreamCursor.parse(world.inbox("c1").cursor)),
        events(world, 12),
        4,
    )
    inbox = world.inbox("c2")
    assert inbox.numbers("T.AAPL") == list(range(3, 25))
    assert inbox.numbers("A.IBM") == list(range(2, 13))
    assert [item["message"] for item in inbox.statuses("resumed")] == ["resumed: T.AAPL", "resumed: A.*"]


def test_a_store_that_lost_everything_fences_and_older_cursors_get_a_gap(world: StoreWorld) -> None:
    shards = [f"{{s{number}}}:{name}" for number in range(SHARDS) for name in ("log", "m")]
    ending = world.serve(
        world.up,
        world.subscribe("c1", "T.AAPL"),
        12,
        events(world, 1),
        2,
        lambda: lose(world.link, "{stream}:relay", "{stream}:pos", *shards),
        5,
    )
    assert ending is Ending.FENCED
    old = world.inbox("c1").cursor
    world.serve(
        world.up,
        2,
        lambda: world.memory.subscribe("c2", "T.AAPL", since=StreamCursor.parse(old)),
        events(world, 2),
        3,
        epoch=2,
    )
    inbox = world.inbox("c2")
    assert [gap["pairs"] for gap in inbox.statuses("gap")] == [["T.AAPL"]]
    assert inbox.numbers("T.AAPL") == [1, 2]
    assert inbox.cursor.partition("-")[0] > old.partition("-")[0]


def test_a_connection_that_is_gone_leaves_the_registry(world: StoreWorld) -> None:
    world.answer("c1", Delivered.SENT, Delivered.GONE)
    world.serve(world.up, world.subscribe("c1", "T.AAPL"), 2, events(world, 1), 3)
    assert world.registry.find("c1") is None
    assert world.registry.counts().sockets == 0


def test_a_relay_that_nobody_needs_says_that_none_runs(world: StoreWorld) -> None:
    world.pace = Pace(tick_s=0.5, linger_ms=3_000)
    ending = world.serve(world.up, world.subscribe("c1", "T.AAPL"), 2, lambda: world.memory.leave("c1"), 30)
    assert ending is Ending.IDLE
    state = world.link.run(plain("HGET", "dekr:{stream}:relay", "state"))[0]
    assert state == b"stopped"
    assert pair_of(world.inbox("c1").items[0]) == ""
