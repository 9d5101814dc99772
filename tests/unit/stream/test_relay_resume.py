"""Coming back with a cursor: what was missed comes first, and what is missing is named."""

from collections.abc import Callable

from dekr.stream.cursor import StreamCursor
from dekr.stream.pace import Pace
from tests.fakes.relay_world import START_MS, Inbox, World, bar, pair_of, trade


def send(world: World, *events: str) -> Callable[[], None]:
    return lambda: world.send(*events)


def trades(world: World, first: int, last: int, symbol: str = "AAPL") -> tuple[Callable[[], None] | int, ...]:
    return tuple(step for n in range(first, last + 1) for step in (send(world, trade(symbol, n)), 1))


def come_back(world: World, connection: str, *pairs: str, cursor_of: str, snapshot: bool = False) -> Callable[[], None]:
    """Subscribe from where another connection was."""
    return lambda: world.memory.subscribe(
        connection, *pairs, since=StreamCursor.parse(world.inbox(cursor_of).cursor), snapshot=snapshot
    )


def last_words(inbox: Inbox) -> list[str]:
    return [item["status"] for item in inbox.items if item["ev"] == "status"]


def test_a_short_absence_is_made_up_for_from_memory() -> None:
    world = World()
    world.memory.replay_forbidden = True
    world.run(
        world.up,
        lambda: world.memory.subscribe("c1", "T.AAPL"),
        1,
        *trades(world, 1, 3),
        2,
        lambda: world.memory.leave("c1"),
        *trades(world, 4, 6),
        come_back(world, "c2", "T.AAPL", cursor_of="c1"),
        *trades(world, 7, 8),
        3,
    )
    inbox = world.inbox("c2")
    assert inbox.numbers("T.AAPL") == [4, 5, 6, 7, 8]
    assert [(pair_of(item), item.get("status")) for item in inbox.items][:5] == [
        ("", "success"),
        ("T.AAPL", None),
        ("T.AAPL", None),
        ("T.AAPL", None),
        ("", "resumed"),
    ]


def test_the_cursor_stays_where_it_was_until_the_replay_is_complete() -> None:
    world = World()
    world.run(
        world.up,
        lambda: world.memory.subscribe("c1", "T.AAPL"),
        1,
        *trades(world, 1, 1),
        2,
        lambda: world.memory.leave("c1"),
        *(send(world, *(trade("AAPL", n, size=1_000) for n in range(2, 100))), 1),
        come_back(world, "c2", "T.AAPL", cursor_of="c1"),
        *trades(world, 100, 100),
        3,
    )
    old, inbox = world.inbox("c1").cursor, world.inbox("c2")
    cursors = [frame[-1]["_c"] for frame in inbox.frames]
    assert cursors[:4] == [old] * 4
    assert old not in cursors[4:]
    assert inbox.numbers("T.AAPL") == list(range(2, 101))


def test_a_long_absence_is_made_up_for_from_the_log_and_newer_events_wait() -> None:
    world = World()
    world.pace = Pace(ring_bytes=200)
    world.run(
        world.up,
        lambda: world.memory.subscribe("c1", "T.AAPL", "T.MSFT"),
        12,
        *trades(world, 1, 3),
        2,
        lambda: world.memory.leave("c1"),
        *trades(world, 4, 20),
        come_back(world, "c2", "T.AAPL", "T.MSFT", cursor_of="c1"),
        *trades(world, 21, 23),
        3,
    )
    inbox = world.inbox("c2")
    assert inbox.numbers("T.AAPL") == list(range(4, 24))
    assert [item["message"] for item in inbox.statuses("resumed")] == ["resumed: T.AAPL", "resumed: T.MSFT"]
    assert not inbox.statuses("gap")


def test_a_pair_that_lingers_can_be_resumed() -> None:
    world = World()
    world.run(
        world.up,
        lambda: world.memory.subscribe("c0", "T.MSFT"),
        lambda: world.memory.subscribe("c1", "T.AAPL"),
        1,
        *trades(world, 1, 1),
        2,
        lambda: world.memory.leave("c1"),
        1_150,
        *trades(world, 2, 2),
        come_back(world, "c2", "T.AAPL", cursor_of="c1"),
        3,
    )
    assert world.inbox("c2").numbers("T.AAPL") == [2]
    assert last_words(world.inbox("c2")) == ["success", "resumed"]


def test_a_pair_that_was_not_received_has_a_gap_up_to_when_it_is() -> None:
    world = World()
    world.run(
        world.up,
        lambda: world.memory.subscribe("c0", "T.MSFT"),
        lambda: world.memory.subscribe("c1", "T.AAPL"),
        12,
        *trades(world, 1, 1),
        2,
        lambda: world.memory.leave("c1"),
        1_300,
        come_back(world, "c2", "T.AAPL", "T.MSFT", cursor_of="c1"),
        lambda: world.inbox("at").frames.append([{"ev": "at", "ms": world.ms}]),
        10,
    )
    at = world.inbox("at").items[0]["ms"]
    (gap,) = world.inbox("c2").statuses("gap")
    # It was received for the two minutes of the linger time.
    assert START_MS + 120_000 < gap["from"] <= START_MS + 123_000
    assert gap["to"] == at + 1_000
    assert gap["pairs"] == ["T.AAPL"]
    assert [item["message"] for item in world.inbox("c2").statuses("resumed")] == ["resumed: T.MSFT"]


def test_a_cursor_of_another_generation_has_a_gap_and_a_snapshot_if_wanted() -> None:
    world = World()
    world.run(
        world.up,
        lambda: world.memory.subscribe("c1", "T.AAPL"),
        1,
        *trades(world, 1, 3),
        lambda: world.memory.subscribe("c2", "T.AAPL", since=StreamCursor(3, START_MS - 1_000), snapshot=True),
        *trades(world, 4, 4),
        3,
    )
    inbox = world.inbox("c2")
    (gap,) = inbox.statuses("gap")
    assert (gap["from"], gap["pairs"]) == (START_MS - 1_000, ["T.AAPL"])
    assert inbox.numbers("T.AAPL") == [3, 4]


def test_lost_history_is_named() -> None:
    world = World()
    world.pace = Pace(ring_bytes=200)
    world.run(
        world.up,
        lambda: world.memory.subscribe("c1", "T.AAPL"),
        1,
        *trades(world, 1, 3),
        2,
        lambda: world.memory.leave("c1"),
        *trades(world, 4, 9),
        lambda: setattr(world.memory, "lost_before", world.memory.log[5][0]),
        come_back(world, "c2", "T.AAPL", cursor_of="c1"),
        3,
    )
    inbox = world.inbox("c2")
    (gap,) = inbox.statuses("gap")
    assert StreamCursor(7, gap["from"]).text == world.inbox("c1").cursor
    assert gap["to"] == world.memory.log[5][0]
    assert inbox.numbers("T.AAPL") == [7, 8, 9]


def test_more_than_is_replayed_is_named() -> None:
    world = World()
    world.pace = Pace(replay_bytes=10_000)
    world.run(
        world.up,
        lambda: world.memory.subscribe("c1", "T.AAPL", "T.MSFT"),
        12,
        *trades(world, 1, 1),
        2,
        lambda: world.memory.leave("c1"),
        send(world, *(trade("AAPL", n, size=1_000) for n in range(2, 40))),
        1,
        come_back(world, "c2", "T.AAPL", "T.MSFT", cursor_of="c1"),
        3,
    )
    inbox = world.inbox("c2")
    assert inbox.numbers("T.AAPL")[-1] == 39
    assert inbox.statuses("gap")[0]["pairs"] == ["T.AAPL"]
    assert len(inbox.statuses("resumed")) == 1


def test_a_store_that_fails_meanwhile_leaves_a_gap_with_a_name() -> None:
    world = World()
    world.pace = Pace(ring_bytes=200)
    world.memory.replay_fails = True
    world.run(
        world.up,
        lambda: world.memory.subscribe("c1", "T.AAPL"),
        1,
        *trades(world, 1, 9),
        2,
        lambda: world.memory.subscribe("c2", "T.AAPL", since=StreamCursor(7, START_MS + 300)),
        3,
    )
    assert last_words(world.inbox("c2")) == ["success", "success", "gap"]


def test_all_symbols_are_resumed_too() -> None:
    world = World()
    world.run(
        world.up,
        lambda: world.memory.subscribe("c1", "A.*"),
        1,
        send(world, bar("AAPL", 1)),
        2,
        lambda: world.memory.leave("c1"),
        send(world, bar("AAPL", 2), bar("MSFT", 3)),
        1,
        come_back(world, "c2", "A.*", cursor_of="c1"),
        send(world, bar("AAPL", 4)),
        3,
    )
    inbox = world.inbox("c2")
    assert inbox.numbers("A.AAPL") == [2, 3]
    assert inbox.numbers("A.MSFT") == [1]
    assert last_words(inbox) == ["success", "resumed"]


def test_a_cursor_from_the_future_is_read_as_now() -> None:
    world = World()
    world.run(
        world.up,
        lambda: world.memory.subscribe("c1", "T.AAPL"),
        1,
        *trades(world, 1, 1),
        lambda: world.memory.subscribe("c2", "T.AAPL", since=StreamCursor(7, 10**15)),
        *trades(world, 2, 2),
        2,
    )
    assert world.inbox("c2").numbers("T.AAPL") == [2]


def test_a_resume_after_a_new_relay_began_is_complete_up_to_the_break_and_names_it() -> None:
    world = World()
    world.run(
        world.up,
        lambda: world.memory.subscribe("c1", "T.AAPL"),
        1,
        *trades(world, 1, 2),
        2,
        lambda: world.memory.leave("c1"),
        *trades(world, 3, 5),
        1,
    )
    ended = world.memory.tick
    world.us += 3_000_000
    world.run(
        1,
        world.up,
        1,
        *trades(world, 6, 6),
        lambda: world.memory.subscribe("c0", "T.AAPL"),
        20,
        come_back(world, "c2", "T.AAPL", cursor_of="c1"),
        *trades(world, 7, 7),
        2,
        epoch=2,
    )
    inbox = world.inbox("c2")
    (gap,) = inbox.statuses("gap")
    assert gap["from"] == ended
    assert gap["to"] - gap["from"] > 3_000
    assert inbox.numbers("T.AAPL") == [3, 4, 5, 6, 7]


def test_a_pair_lingers_over_a_new_relay() -> None:
    world = World()
    world.run(
        world.up,
        lambda: world.memory.subscribe("c0", "T.MSFT"),
        lambda: world.memory.subscribe("c1", "T.AAPL"),
        12,
        *trades(world, 1, 1),
        2,
        lambda: world.memory.leave("c1"),
        2,
    )
    ended = world.memory.tick
    world.us += 2_000_000
    world.run(1, world.up, 20, *trades(world, 2, 2), come_back(world, "c2", "T.AAPL", cursor_of="c1"), 3, epoch=2)
    (gap,) = world.inbox("c2").statuses("gap")
    assert gap["from"] == ended
    assert world.inbox("c2").numbers("T.AAPL") == [2]
    assert world.feed.wanted == {"T.AAPL", "T.MSFT"}


def test_a_long_replay_is_read_in_slices_between_which_ticks_are_written() -> None:
    world = World()
    world.pace = Pace(ring_bytes=200)
    world.run(
        world.up,
        lambda: world.memory.subscribe("c1", "T.AAPL"),
        1,
        *trades(world, 1, 1),
        2,
        lambda: world.memory.leave("c1"),
        *(step for n in range(2, 22) for step in (send(world, trade("AAPL", n)), 10)),
        come_back(world, "c2", "T.AAPL", cursor_of="c1"),
        come_back(world, "c3", "T.AAPL", cursor_of="c1"),
        *trades(world, 22, 24),
        3,
    )
    assert world.inbox("c2").numbers("T.AAPL") == world.inbox("c3").numbers("T.AAPL") == list(range(2, 25))
    calls = "".join(world.memory.calls)
    assert "rwr" in calls
    assert calls.count("r") == 10


def test_a_cursor_from_long_ago_reads_no_more_than_the_log_has() -> None:
    world = World()
    world.pace = Pace(ring_bytes=200)
    world.run(
        world.up,
        lambda: world.memory.subscribe("c1", "T.AAPL"),
        1,
        *trades(world, 1, 9),
        lambda: world.memory.subscribe("c2", "T.AAPL", since=StreamCursor(7, 5)),
        20,
    )
    (gap,) = world.inbox("c2").statuses("gap")
    assert gap["from"] == 5
    assert world.inbox("c2").numbers("T.AAPL") == list(range(1, 10))
    assert world.memory.calls.count("r") == 36
