"""Coming back with a cursor: what was missed comes first, and what is missing is named."""

from dekr.stream.cursor import StreamCursor
from tests.fakes.relay_world import START_MS, World, bar, pair_of, trade


def test_a_short_absence_is_made_up_for_from_memory() -> None:
    world = World()
    world.memory.replay_forbidden = True
    world.run(
        world.up,
        world.subscribe("c1", "T.AAPL"),
        1,
        *world.trades(1, 3),
        2,
        lambda: world.memory.leave("c1"),
        *world.trades(4, 6),
        world.come_back("c2", "T.AAPL", cursor_of="c1"),
        *world.trades(7, 8),
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
        world.subscribe("c1", "T.AAPL"),
        1,
        *world.trades(1, 1),
        2,
        lambda: world.memory.leave("c1"),
        *(world.sending(*(trade("AAPL", n, size=1_000) for n in range(2, 100))), 1),
        world.come_back("c2", "T.AAPL", cursor_of="c1"),
        *world.trades(100, 100),
        3,
    )
    old, inbox = world.inbox("c1").cursor, world.inbox("c2")
    cursors = [frame[-1]["_c"] for frame in inbox.frames]
    assert cursors[:4] == [old] * 4
    assert old not in cursors[4:]
    assert inbox.numbers("T.AAPL") == list(range(2, 101))


def test_a_pair_that_lingers_can_be_resumed() -> None:
    world = World()
    world.run(
        world.up,
        world.subscribe("c0", "T.MSFT"),
        world.subscribe("c1", "T.AAPL"),
        1,
        *world.trades(1, 1),
        2,
        lambda: world.memory.leave("c1"),
        1_150,
        *world.trades(2, 2),
        world.come_back("c2", "T.AAPL", cursor_of="c1"),
        3,
    )
    assert world.inbox("c2").numbers("T.AAPL") == [2]
    assert world.inbox("c2").words == ["success", "resumed"]


def test_a_pair_that_was_not_received_has_a_gap_up_to_when_it_is() -> None:
    world = World()
    world.run(
        world.up,
        world.subscribe("c0", "T.MSFT"),
        world.subscribe("c1", "T.AAPL"),
        12,
        *world.trades(1, 1),
        2,
        lambda: world.memory.leave("c1"),
        1_300,
        world.come_back("c2", "T.AAPL", "T.MSFT", cursor_of="c1"),
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
        world.subscribe("c1", "T.AAPL"),
        1,
        *world.trades(1, 3),
        lambda: world.memory.subscribe("c2", "T.AAPL", since=StreamCursor(3, START_MS - 1_000), snapshot=True),
        *world.trades(4, 4),
        3,
    )
    inbox = world.inbox("c2")
    (gap,) = inbox.statuses("gap")
    assert (gap["from"], gap["pairs"]) == (START_MS - 1_000, ["T.AAPL"])
    assert inbox.numbers("T.AAPL") == [3, 4]


def test_all_symbols_are_resumed_too() -> None:
    world = World()
    world.run(
        world.up,
        world.subscribe("c1", "A.*"),
        1,
        world.sending(bar("AAPL", 1)),
        2,
        lambda: world.memory.leave("c1"),
        world.sending(bar("AAPL", 2), bar("MSFT", 3)),
        1,
        world.come_back("c2", "A.*", cursor_of="c1"),
        world.sending(bar("AAPL", 4)),
        3,
    )
    inbox = world.inbox("c2")
    assert inbox.numbers("A.AAPL") == [2, 3]
    assert inbox.numbers("A.MSFT") == [1]
    assert inbox.words == ["success", "resumed"]


def test_a_cursor_from_the_future_is_read_as_now() -> None:
    world = World()
    world.run(
        world.up,
        world.subscribe("c1", "T.AAPL"),
        1,
        *world.trades(1, 1),
        lambda: world.memory.subscribe("c2", "T.AAPL", since=StreamCursor(7, 10**15)),
        *world.trades(2, 2),
        2,
    )
    assert world.inbox("c2").numbers("T.AAPL") == [2]


def test_a_resume_after_a_new_relay_began_is_complete_up_to_the_break_and_names_it() -> None:
    world = World()
    world.run(
        world.up,
        world.subscribe("c1", "T.AAPL"),
        1,
        *world.trades(1, 2),
        2,
        lambda: world.memory.leave("c1"),
        *world.trades(3, 5),
        1,
    )
    ended = world.memory.tick
    world.us += 3_000_000
    world.run(
        1,
        world.up,
        1,
        *world.trades(6, 6),
        world.subscribe("c0", "T.AAPL"),
        20,
        world.come_back("c2", "T.AAPL", cursor_of="c1"),
        *world.trades(7, 7),
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
        world.subscribe("c0", "T.MSFT"),
        world.subscribe("c1", "T.AAPL"),
        12,
        *world.trades(1, 1),
        2,
        lambda: world.memory.leave("c1"),
        2,
    )
    ended = world.memory.tick
    world.us += 2_000_000
    world.run(1, world.up, 20, *world.trades(2, 2), world.come_back("c2", "T.AAPL", cursor_of="c1"), 3, epoch=2)
    (gap,) = world.inbox("c2").statuses("gap")
    assert gap["from"] == ended
    assert world.inbox("c2").numbers("T.AAPL") == [2]
    assert world.feed.wanted == {"T.AAPL", "T.MSFT"}
