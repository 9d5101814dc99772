"""A relay is killed at each point at which it deals with the world, and another one goes on."""

from collections.abc import Callable

import pytest

from tests.fakes.relay_world import Inbox, Kill, World, bar, pair_of, quote, trade

PAIRS = {"c1": ("T.AAPL", "Q.MSFT"), "c2": ("T.AAPL",), "c3": ("A.AAPL", "A.IBM")}
POINTS = range(1, 74)


def events(world: World, n: int) -> Callable[[], None]:
    return lambda: world.send(trade("AAPL", n), quote("MSFT", n), bar("AAPL", n), trade("AAPL", 100 + n), bar("IBM", n))


def begin(world: World) -> None:
    memory = world.memory
    world.run(
        world.up,
        1,
        lambda: memory.subscribe("c1", "T.AAPL", "Q.MSFT"),
        lambda: memory.subscribe("c2", "T.AAPL"),
        lambda: memory.subscribe("c3", "A.*"),
        1,
        events(world, 1),
        1,
        events(world, 2),
        lambda: world.hold("c2"),
        1,
        events(world, 3),
        1,
        events(world, 4),
        lambda: world.let_go("c2"),
        1,
        events(world, 5),
        3,
    )


def go_on(world: World) -> None:
    world.held.clear()
    world.kill = Kill()
    world.feed.arrived.clear()
    world.us += 5_000_000
    world.run(2, world.up, 1, events(world, 6), 1, events(world, 7), 15, epoch=2)


def repeats(inbox: Inbox) -> tuple[int, int]:
    """How many frames had an event that was there before, and in how many frames those were."""
    seen: dict[tuple[str, int], int] = {}
    again, before = set[int](), set[int]()
    for at, frame in enumerate(inbox.frames):
        for event in [(pair_of(item), item["_n"]) for item in frame if pair_of(item)]:
            if seen.setdefault(event, at) != at:
                again.add(at)
                before.add(seen[event])
    return len(again), len(before)


def test_the_points_are_all_of_the_run() -> None:
    world = World()
    begin(world)
    assert world.kill.seen == POINTS.stop - 1


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("point", POINTS)
def test_a_killed_relay_costs_one_repeated_frame_at_most_and_no_event(point: int, late: bool) -> None:
    world = World()
    world.late = late
    world.kill = Kill(point)
    begin(world)
    for connection, pairs in PAIRS.items():
        if connection not in world.memory.listeners:
            world.memory.subscribe(connection, *(("A.*",) if connection == "c3" else pairs))
    go_on(world)
    for connection, pairs in PAIRS.items():
        inbox = world.inbox(connection)
        assert max(repeats(inbox)) <= 1, connection
        for pair in pairs:
            numbers = inbox.unique(pair)
            assert numbers == list(range(numbers[0], world.memory.numbers[pair] + 1)), (connection, pair)
            acknowledged = "A.*" if connection == "c3" else pair
            first = next(n for n, item in enumerate(inbox.items) if pair_of(item) == pair)
            assert inbox.at(f"subscribed to: {acknowledged}") < first


@pytest.mark.parametrize("point", POINTS)
def test_what_nobody_received_meanwhile_is_named(point: int) -> None:
    world = World()
    world.kill = Kill(point)
    begin(world)
    told = {each: acknowledged(world.inbox(each)) for each in world.memory.listeners}
    world.us += 1_000_000
    world.memory.subscribe("new", "T.AAPL", opened_ms=world.ms)
    go_on(world)
    for connection, pairs in told.items():
        gaps = [gap for gap in world.inbox(connection).statuses("gap") if gap["to"] - gap["from"] > 4_000]
        assert {pair for gap in gaps for pair in gap["pairs"]} >= pairs
    assert not world.inbox("new").statuses("gap")


def acknowledged(inbox: Inbox) -> set[str]:
    return {item["message"].partition(": ")[2] for item in inbox.statuses("success") if ": " in item["message"]}
