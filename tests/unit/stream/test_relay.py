"""The relay's loop between an upstream, clients, a memory and a clock that the test drives."""

from collections.abc import Callable

from dekr.stream.relay.pace import Ending
from tests.fakes.relay_world import START_MS, World, bar, pair_of, quote, trade

LINGER_TICKS = 1_200
HOURS_MS = 3_600_000


def test_a_subscription_is_acknowledged_before_its_events() -> None:
    world = World()
    ending = world.run(world.up, 1, world.subscribe("c1", "T.AAPL"), 1, world.sending(trade("AAPL"), trade("MSFT")), 3)
    frames = world.inbox("c1").frames
    assert ending is Ending.STOPPED
    assert [(item["status"], item["message"]) for item in frames[0]] == [("success", "subscribed to: T.AAPL")]
    assert [(item["sym"], item["_n"]) for item in frames[1]] == [("AAPL", 1)]
    assert world.feed.wanted == {"T.AAPL"}


def test_the_last_item_of_each_frame_has_the_cursor() -> None:
    world = World()
    world.run(world.up, 1, world.subscribe("c1", "T.AAPL"), 1, world.sending(trade("AAPL", 1), trade("AAPL", 2)), 2)
    first, last = world.inbox("c1").frames[-1]
    assert "_c" not in first
    assert last["_c"] == f"7-{START_MS + 200}"


def test_an_event_that_comes_with_the_subscription_follows_its_acknowledgement() -> None:
    world = World()
    world.run(world.up, 1, world.subscribe("c1", "T.AAPL"), world.sending(trade("AAPL")), 2)
    assert [pair_of(item) for item in world.inbox("c1").items] == ["", "T.AAPL"]


def test_whoever_listened_before_the_relay_began_gets_events() -> None:
    world = World()
    world.memory.subscribe("c1", "T.AAPL", "Q.MSFT")
    world.run(world.up, 1, world.sending(trade("AAPL"), quote("MSFT")), 2)
    assert world.feed.wanted == {"T.AAPL", "Q.MSFT"}
    assert world.inbox("c1").numbers("Q.MSFT") == [1]
    assert world.inbox("c1").at("subscribed to: T.AAPL") == 0


def test_a_subscription_that_was_overtaken_by_its_end_is_acknowledged_and_so_is_the_end() -> None:
    world = World()
    world.run(1, lambda: world.memory.subscribe("c1", overtaken=("T.AAPL",)), 1, world.sending(trade("AAPL")), 2)
    assert [item["message"] for item in world.inbox("c1").items] == [
        "subscribed to: T.AAPL",
        "unsubscribed to: T.AAPL",
    ]
    assert world.feed.wanted == set()


def test_the_end_of_a_subscription_that_was_overtaken_by_a_new_one_is_acknowledged_and_so_is_that_one() -> None:
    world = World()
    world.run(
        world.up,
        world.subscribe("c1", "T.AAPL"),
        1,
        lambda: world.memory.unsubscribe("c1", "T.IBM", overtaken=("T.AAPL",)),
        world.sending(trade("AAPL")),
        3,
    )
    assert [item.get("message") for item in world.inbox("c1").items] == [
        "subscribed to: T.AAPL",
        "unsubscribed to: T.IBM",
        "unsubscribed to: T.AAPL",
        "subscribed to: T.AAPL",
        None,
    ], "no event comes between an end that was acknowledged and a beginning"


def test_nothing_of_a_pair_comes_after_the_end_of_its_subscription() -> None:
    world = World()
    world.run(
        world.up,
        world.subscribe("c1", "T.AAPL", "T.MSFT"),
        1,
        lambda: world.hold("c1"),
        world.sending(trade("AAPL"), trade("MSFT")),
        1,
        world.sending(trade("AAPL"), trade("MSFT")),
        1,
        lambda: world.memory.unsubscribe("c1", "T.AAPL"),
        world.sending(trade("AAPL"), trade("MSFT")),
        1,
        world.sending(trade("AAPL"), trade("MSFT")),
        lambda: world.let_go("c1"),
        5,
    )
    inbox = world.inbox("c1")
    end = inbox.at("unsubscribed to: T.AAPL")
    assert inbox.numbers("T.AAPL") == [1, 2]
    assert "T.AAPL" not in {pair_of(item) for item in inbox.items[end:]}
    assert inbox.numbers("T.MSFT") == [1, 2, 3, 4]


def test_events_of_each_pair_come_once_and_in_order_however_they_are_mixed() -> None:
    world = World()
    steps: list[Callable[[], None] | int] = [world.up, world.subscribe("c1", "T.AAPL", "Q.AAPL", "T.MSFT"), 1]
    for n in range(50):
        steps += [world.sending(trade("AAPL", n), quote("AAPL", n), trade("MSFT", n), trade("AAPL", n)), 1]
    world.run(*steps, 3)
    inbox = world.inbox("c1")
    assert inbox.numbers("T.AAPL") == list(range(1, 101))
    assert inbox.numbers("Q.AAPL") == inbox.numbers("T.MSFT") == list(range(1, 51))


def test_a_tick_that_is_larger_than_a_frame_comes_at_once_in_several() -> None:
    world = World()
    world.run(
        world.up,
        world.subscribe("c1", "T.AAPL"),
        1,
        world.sending(*(trade("AAPL", n, size=1_000) for n in range(100))),
        1,
        world.sending(trade("AAPL")),
        3,
    )
    inbox = world.inbox("c1")
    cursors = [frame[-1]["_c"] for frame in inbox.frames]
    assert inbox.numbers("T.AAPL") == list(range(1, 102))
    assert len(cursors) == 6
    assert cursors[1:5] == [f"7-{START_MS + 99}"] * 3 + [f"7-{START_MS + 100}"]


def test_whoever_listens_to_all_gets_each_aggregate_as_it_was_sent_last_and_once() -> None:
    world = World()
    world.run(
        world.up,
        world.subscribe("c1", "A.*", "A.AAPL", "T.AAPL"),
        1,
        # A late trade: the aggregate of the second before is sent again, with the one of this second or with its own.
        world.sending(bar("AAPL", 2_000), bar("MSFT", 1_000), bar("AAPL", 1_000), bar("MSFT", 1_000)),
        world.sending(bar("AAPL", 3_000), bar("AAPL", 4_000, "AM"), trade("AAPL")),
        2,
    )
    events = [(pair_of(item), item["_n"], item.get("s")) for item in world.inbox("c1").items if pair_of(item)]
    assert sorted(events) == [
        ("A.AAPL", 1, 2_000),
        ("A.AAPL", 2, 1_000),
        ("A.AAPL", 3, 3_000),
        ("A.MSFT", 2, 1_000),
        ("T.AAPL", 1, 10),
    ]


def test_after_the_end_of_all_symbols_those_that_were_named_go_on() -> None:
    world = World()
    world.run(
        world.up,
        world.subscribe("c1", "A.*", "A.AAPL"),
        1,
        lambda: world.memory.unsubscribe("c1", "A.*"),
        1,
        world.sending(bar("AAPL", 1), bar("MSFT", 2), bar("AAPL", 3)),
        2,
    )
    assert world.inbox("c1").numbers("A.AAPL") == [1, 2]
    assert world.inbox("c1").numbers("A.MSFT") == []


def test_a_snapshot_is_the_latest_event_of_each_pair_and_comes_first() -> None:
    world = World()
    world.run(
        world.up,
        world.subscribe("c1", "T.AAPL", "T.MSFT"),
        1,
        world.sending(trade("AAPL", 1), trade("AAPL", 2), trade("MSFT", 3)),
        1,
        world.subscribe("c2", "T.AAPL", "T.IBM", snapshot=True),
        world.sending(trade("AAPL", 4)),
        4,
    )
    assert [(pair_of(i), i.get("_n")) for i in world.inbox("c2").items] == [
        ("", None),
        ("", None),
        ("T.AAPL", 2),
        ("T.AAPL", 3),
    ]
