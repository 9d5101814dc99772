"""Coming back after longer than memory reaches: the log is read, within bounds."""

from dekr.stream.cursor import StreamCursor
from dekr.stream.relay.pace import Pace
from tests.fakes.relay_world import START_MS, World, bar, pair_of, trade


def test_a_long_absence_is_made_up_for_from_the_log_and_newer_events_wait() -> None:
    world = World()
    world.pace = Pace(ring_bytes=200)
    world.run(
        world.up,
        world.subscribe("c1", "T.AAPL", "T.MSFT"),
        12,
        *world.trades(1, 3),
        2,
        lambda: world.memory.leave("c1"),
        *world.trades(4, 20),
        world.come_back("c2", "T.AAPL", "T.MSFT", cursor_of="c1"),
        *world.trades(21, 23),
        3,
    )
    inbox = world.inbox("c2")
    assert inbox.numbers("T.AAPL") == list(range(4, 24))
    assert [item["message"] for item in inbox.statuses("resumed")] == ["resumed: T.AAPL", "resumed: T.MSFT"]
    assert not inbox.statuses("gap")


def test_lost_history_is_named() -> None:
    world = World()
    world.pace = Pace(ring_bytes=200)
    world.run(
        world.up,
        world.subscribe("c1", "T.AAPL"),
        1,
        *world.trades(1, 3),
        2,
        lambda: world.memory.leave("c1"),
        *world.trades(4, 9),
        lambda: setattr(world.memory, "lost_before", world.memory.log[5][0]),
        world.come_back("c2", "T.AAPL", cursor_of="c1"),
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
        world.subscribe("c1", "T.AAPL", "T.MSFT"),
        12,
        *world.trades(1, 1),
        2,
        lambda: world.memory.leave("c1"),
        world.sending(*(trade("AAPL", n, size=1_000) for n in range(2, 40))),
        1,
        world.come_back("c2", "T.AAPL", "T.MSFT", cursor_of="c1"),
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
        world.subscribe("c1", "T.AAPL"),
        1,
        *world.trades(1, 9),
        2,
        lambda: world.memory.subscribe("c2", "T.AAPL", since=StreamCursor(7, START_MS + 300)),
        3,
    )
    assert world.inbox("c2").words == ["success", "success", "gap"]


def test_a_long_replay_is_read_in_slices_between_which_ticks_are_written() -> None:
    world = World()
    world.pace = Pace(ring_bytes=200)
    world.run(
        world.up,
        world.subscribe("c1", "T.AAPL"),
        1,
        *world.trades(1, 1),
        2,
        lambda: world.memory.leave("c1"),
        *(step for n in range(2, 22) for step in (world.sending(trade("AAPL", n)), 10)),
        world.come_back("c2", "T.AAPL", cursor_of="c1"),
        world.come_back("c3", "T.AAPL", cursor_of="c1"),
        *world.trades(22, 24),
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
        world.subscribe("c1", "T.AAPL"),
        1,
        *world.trades(1, 9),
        lambda: world.memory.subscribe("c2", "T.AAPL", since=StreamCursor(7, 5)),
        20,
    )
    (gap,) = world.inbox("c2").statuses("gap")
    assert gap["from"] == 5
    assert world.inbox("c2").numbers("T.AAPL") == list(range(1, 10))
    assert world.memory.calls.count("r") == 36


def test_a_snapshot_has_what_was_sent_before_a_new_relay_began() -> None:
    first = World()
    first.run(
        first.up,
        first.subscribe("c1", "T.AAPL", "T.MSFT", "AM.IBM", "T.IBM"),
        12,
        first.sending(trade("AAPL", 1), trade("AAPL", 2), bar("IBM", 1, "AM")),
        70,
        first.sending(trade("AAPL", 3), trade("MSFT", 1)),
        3,
    )
    world = World(first.memory)
    world.us = first.us
    world.run(
        world.up,
        15,
        world.sending(trade("MSFT", 2)),
        1,
        world.subscribe("c2", "T.AAPL", "T.MSFT", "AM.IBM", "T.IBM", "T.TSLA", snapshot=True),
        world.sending(trade("AAPL", 4)),
        40,
        epoch=2,
    )
    events = [(pair_of(item), item["_n"]) for item in world.inbox("c2").items if pair_of(item)]
    assert sorted(events[:3]) == [("AM.IBM", 1), ("T.AAPL", 3), ("T.MSFT", 2)]
    assert events[3:] == [("T.AAPL", 4)]


def test_a_snapshot_comes_without_the_log_where_that_cannot_be_read() -> None:
    first = World()
    first.run(first.up, first.subscribe("c1", "T.AAPL", "T.MSFT"), 12, first.sending(trade("AAPL"), trade("MSFT")), 3)
    world = World(first.memory)
    world.us = first.us
    world.run(
        world.up,
        15,
        world.sending(trade("MSFT", 2)),
        1,
        lambda: setattr(world.memory, "replay_fails", True),
        world.subscribe("c2", "T.AAPL", "T.MSFT", snapshot=True),
        1,
        world.sending(trade("AAPL", 2)),
        8,
        epoch=2,
    )
    events = [(pair_of(item), item["_n"]) for item in world.inbox("c2").items if pair_of(item)]
    assert events == [("T.MSFT", 2), ("T.AAPL", 2)]
