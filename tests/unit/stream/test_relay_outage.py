"""A fence, a store that fails, and an upstream that stops and comes back."""

from collections.abc import Callable

from dekr.stream.relay.pace import Ending
from tests.fakes.relay_world import START_MS, World, trade

LINGER_TICKS = 1_200


def send(world: World, n: int) -> Callable[[], None]:
    return lambda: world.send(trade("AAPL", n))


def listening(world: World) -> tuple[Callable[[], None] | int, ...]:
    return (world.up, lambda: world.memory.subscribe("c1", "T.AAPL"), 2)


def test_a_fenced_relay_posts_nothing_any_more() -> None:
    world = World()
    ending = world.run(
        *listening(world), send(world, 1), 1, lambda: setattr(world.memory, "epoch", 9), send(world, 2), 5
    )
    assert ending is Ending.FENCED
    assert world.inbox("c1").numbers("T.AAPL") == [1]
    assert [event.number for _, event in world.memory.log] == [1]


def test_a_relay_that_comes_too_late_does_not_begin() -> None:
    world = World()
    world.memory.epoch = 9
    world.memory.subscribe("c1", "T.AAPL")
    assert world.run(world.up, 5) is Ending.FENCED
    assert world.posted == []


def test_nothing_is_posted_while_the_store_cannot_be_reached_and_all_of_it_afterwards() -> None:
    world = World()
    counts: list[int] = []
    world.run(
        *listening(world),
        lambda: setattr(world.memory, "down", 10),
        send(world, 1),
        9,
        lambda: counts.append(len(world.posted)),
        5,
        send(world, 2),
        2,
    )
    assert counts == [1]
    assert world.inbox("c1").numbers("T.AAPL") == [1, 2]
    assert world.relay
    assert world.relay.stats().store_failures == 10
    assert [failure.fault for failure in world.passed_over.take()] == ["write: down"]


def test_a_relay_that_was_frozen_asks_again_before_it_posts() -> None:
    world = World()
    world.run(
        *listening(world),
        lambda: world.hold("c1"),
        send(world, 1),
        1,
        send(world, 2),
        1,
        lambda: setattr(world, "us", world.us + 20_000_000),
        lambda: setattr(world.memory, "epoch", 9),
        lambda: world.let_go("c1"),
        5,
    )
    assert world.inbox("c1").numbers("T.AAPL") == [1]


def test_a_relay_that_is_told_to_stop_leaves_while_the_store_is_down() -> None:
    world = World()
    ending = world.run(*listening(world), lambda: setattr(world.memory, "down", 10**9), 3)
    assert ending is Ending.STOPPED


def test_a_relay_that_stops_repeats_nothing_and_loses_nothing() -> None:
    world = World()

    def arrive_late() -> None:
        world.send(trade("AAPL", 3))
        world.let_go("c1")

    def last_moment() -> None:
        world.at_sleep = arrive_late

    world.run(*listening(world), send(world, 1), 1, lambda: world.hold("c1"), send(world, 2), 1, last_moment)
    ended = world.memory.tick
    assert set(world.memory.behind) == {"c1"}
    world.run(1, world.up, 1, send(world, 4), 2, epoch=2)
    assert world.inbox("c1").numbers("T.AAPL") == [1, 2, 3, 4]
    (gap,) = world.inbox("c1").statuses("gap")
    assert gap["from"] == ended


def test_clients_are_told_when_the_upstream_stops_and_what_they_missed() -> None:
    world = World()
    at: list[int] = []
    world.run(
        *listening(world),
        send(world, 1),
        1,
        world.down,
        1,
        lambda: world.memory.subscribe("c2", "T.AAPL"),
        10,
        lambda: at.append(world.ms),
        world.up,
        send(world, 2),
        15,
    )
    told = [item for item in world.inbox("c1").items if item.get("status") in {"feed", "gap"}]
    assert [item.get("up") for item in told] == [False, True, None]
    assert told[2]["pairs"] == ["T.AAPL"]
    assert START_MS + 200 <= told[2]["from"] <= START_MS + 300
    assert told[2]["to"] == at[0] + 1_000
    assert [item.get("up") for item in world.inbox("c2").statuses("feed")] == [False, True]
    assert world.relay and world.relay.stats().outages == 1
    assert world.inbox("c1").numbers("T.AAPL") == [1, 2]
    for frame in world.inbox("c1").frames + world.inbox("c2").frames:
        assert frame[0].get("status") in {None, "success"}


def test_what_a_dead_connection_did_not_deliver_before_it_was_noticed_is_missing_too() -> None:
    world = World()
    at: list[int] = []
    world.run(
        *listening(world),
        12,
        send(world, 1),
        lambda: at.append(world.ms),
        250,
        lambda: world.down(silent_ms=25_000),
        1,
        world.up,
        15,
    )
    (gap,) = world.inbox("c1").statuses("gap")
    assert at[0] - 100 <= gap["from"] <= at[0]


def test_who_leaves_in_an_outage_is_told_of_all_of_it_however_new_the_last_frame_was() -> None:
    world = World()
    at: list[int] = []
    world.run(
        *listening(world),
        12,
        world.down,
        lambda: at.append(world.ms),
        10,
        world.subscribe("c1", "T.IBM"),
        3,
        lambda: world.memory.leave("c1"),
        1,
        world.up,
        1,
        world.come_back("c2", "T.AAPL", cursor_of="c1"),
        15,
    )
    assert world.inbox("c1").statuses("gap") == []
    (gap,) = world.inbox("c2").statuses("gap")
    assert gap["from"] <= at[0]


def test_who_comes_to_a_pair_that_nobody_listened_to_is_told_of_nothing_before_its_position() -> None:
    world = World()
    at: list[int] = []
    world.run(
        *listening(world),
        world.subscribe("c3", "T.MSFT"),
        12,
        lambda: world.memory.leave("c1"),
        LINGER_TICKS + 100,
        world.subscribe("c2", "T.IBM"),
        3,
        lambda: at.append(world.ms),
        world.come_back("c2", "T.AAPL", cursor_of="c2"),
        15,
    )
    (gap,) = world.inbox("c2").statuses("gap")
    assert at[0] - 1_000 <= gap["from"]


def test_coverage_is_written_from_where_events_are_complete() -> None:
    world = World()
    world.run(*listening(world), 12, world.down, 1, world.up, 2, send(world, 1), 3)
    covered = [(tick.tick - START_MS, set(tick.covered)) for tick in world.memory.ticks if tick.covered]
    uncovered = [(tick.tick - START_MS, set(tick.uncovered)) for tick in world.memory.ticks if tick.uncovered]
    assert covered == [(1_000, {"T.AAPL"}), (1_800, {"T.AAPL"})]
    assert uncovered == [(1_400, {"T.AAPL"})]


def test_an_event_from_before_a_cut_does_not_cover_what_comes_after_it() -> None:
    world = World()
    world.run(*listening(world), 12, send(world, 1), world.down, world.up, 3)
    covered = [tick.tick - START_MS for tick in world.memory.ticks if tick.covered]
    assert covered == [1_000]
    assert world.memory.covered == {}
