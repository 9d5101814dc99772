"""The relay's loop between an upstream, clients, a memory and a clock that the test drives."""

from dekr.stream.pace import Ending
from tests.fakes.relay_world import START_MS, World, trade


def test_a_subscription_is_acknowledged_before_its_events() -> None:
    world = World()
    ending = world.run(
        world.up,
        1,
        lambda: world.memory.subscribe("c1", "T.AAPL"),
        1,
        lambda: world.send(trade("AAPL"), trade("MSFT")),
        3,
    )
    frames = world.inbox("c1").frames
    assert ending is Ending.STOPPED
    assert [(item["status"], item["message"]) for item in frames[0]] == [("success", "subscribed to: T.AAPL")]
    assert [(item["sym"], item["_n"]) for item in frames[1]] == [("AAPL", 1)]
    assert world.feed.wanted == {"T.AAPL"}


def test_the_last_item_of_each_frame_has_the_cursor() -> None:
    world = World()
    world.run(
        world.up,
        1,
        lambda: world.memory.subscribe("c1", "T.AAPL"),
        1,
        lambda: world.send(trade("AAPL", 1), trade("AAPL", 2)),
        2,
    )
    first, last = world.inbox("c1").frames[-1]
    assert "_c" not in first
    assert last["_c"] == f"7-{START_MS + 200}"
