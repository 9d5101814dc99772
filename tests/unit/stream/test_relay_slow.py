"""Connections that take little, nothing, or are gone; and posts that fail."""

from collections import deque
from collections.abc import Callable

from dekr.stream.delivery.batches import Batch, event_chunks
from dekr.stream.delivery.conflation import conflate
from dekr.stream.ports import Delivered
from dekr.stream.relay.pace import Pace
from tests.fakes.relay_world import World, bar, pair_of, quote, trade


def listening(world: World, *connections: str) -> tuple[Callable[[], None] | int, ...]:
    """The first steps of a run: each of these connections listens to trades and quotes of AAPL."""
    return (world.up, *(world.subscribe(each, "T.AAPL", "Q.AAPL", "A.AAPL") for each in connections), 2)


def send(world: World, n: int, size: int = 0) -> Callable[[], None]:
    return lambda: world.send(trade("AAPL", n, size=size), quote("AAPL", n), bar("AAPL", n))


def answer(world: World, connection: str, *answers: Delivered) -> Callable[[], None]:
    return lambda: world.answers.__setitem__(connection, deque(answers))


def test_a_slow_connection_delays_nobody() -> None:
    world = World()
    world.run(
        *listening(world, "c1", "c2"), lambda: world.hold("c1"), send(world, 1), 1, send(world, 2), 1, send(world, 3), 2
    )
    assert world.inbox("c1").numbers("T.AAPL") == [1]
    assert world.inbox("c2").numbers("T.AAPL") == [1, 2, 3]


def test_a_connection_that_was_busy_gets_all_that_gathered_in_one_frame() -> None:
    world = World()
    steps = [step for n in range(2, 12) for step in (send(world, n), 1)]
    world.run(
        *listening(world, "c1"), lambda: world.hold("c1"), send(world, 1), 1, *steps, lambda: world.let_go("c1"), 3
    )
    inbox = world.inbox("c1")
    assert inbox.numbers("Q.AAPL") == inbox.numbers("T.AAPL") == list(range(1, 12))
    assert len(inbox.frames) == 3
    assert inbox.statuses("conflated") == []


def test_a_full_buffer_keeps_the_latest_quote_and_the_newest_trades_and_the_count_is_told() -> None:
    world = World()
    world.pace = Pace(buffer_bytes=20_000)
    steps = [step for n in range(2, 60) for step in (send(world, n, 500), 1)]
    world.run(
        *listening(world, "c1"), lambda: world.hold("c1"), send(world, 1), 1, *steps, lambda: world.let_go("c1"), 5
    )
    inbox = world.inbox("c1")
    trades, quotes = inbox.numbers("T.AAPL"), inbox.numbers("Q.AAPL")
    assert trades == sorted(set(trades))
    assert trades[-1] == quotes[-1] == inbox.numbers("A.AAPL")[-1] == 59
    told = sum(item["dropped"] for item in inbox.statuses("conflated"))
    assert told == 3 * 59 - len(trades) - len(quotes) - len(inbox.numbers("A.AAPL"))
    assert told > 80
    for frame in inbox.frames:
        assert all(item.get("status") != "conflated" for item in frame[:-1])
        assert frame[0].get("status") != "conflated"
    assert world.relay
    assert world.relay.stats().dropped == told


def test_a_connection_that_is_full_for_long_is_closed_as_a_slow_consumer() -> None:
    world = World()
    world.pace = Pace(buffer_bytes=20_000)
    steps = [step for n in range(2, 160) for step in (send(world, n, 500), 1)]
    world.run(
        *listening(world, "c1", "c2"),
        lambda: world.hold("c1"),
        send(world, 1),
        1,
        *steps,
        lambda: world.let_go("c1"),
        2,
        send(world, 160),
        3,
    )
    inbox = world.inbox("c1")
    assert inbox.items[-1]["status"] == "slow_consumer"
    assert inbox.closed
    assert world.memory.dropped == ["c1"]
    assert world.inbox("c2").numbers("T.AAPL") == list(range(1, 161))
    assert not world.inbox("c2").statuses("conflated")
    assert world.relay
    assert world.relay.stats().slow_closed == 1


def test_a_connection_that_catches_up_is_not_closed() -> None:
    world = World()
    world.pace = Pace(buffer_bytes=20_000)
    steps: list[Callable[[], None] | int] = []
    for n in range(2, 300):
        steps += [send(world, n, 500), 1]
        if n % 90 == 0:
            steps += [lambda: world.let_go("c1"), 6, lambda: world.hold("c1")]
    world.run(
        *listening(world, "c1"), lambda: world.hold("c1"), send(world, 1), 1, *steps, lambda: world.let_go("c1"), 5
    )
    assert len(world.inbox("c1").statuses("conflated")) >= 4
    assert world.memory.dropped == []


def test_a_full_buffer_of_all_symbols_keeps_the_latest_of_each() -> None:
    world = World()
    world.pace = Pace(buffer_bytes=5_000)
    all_four = [bar(symbol) for symbol in ("A", "B", "C", "D")]
    steps = [step for _ in range(20) for step in (lambda: world.send(*all_four), 1)]
    world.run(
        world.up,
        lambda: world.memory.subscribe("c1", "A.*"),
        2,
        lambda: world.hold("c1"),
        *steps,
        lambda: world.let_go("c1"),
        3,
    )
    last = {pair_of(item): item["_n"] for item in world.inbox("c1").items if pair_of(item)}
    assert last == {"A.A": 20, "A.B": 20, "A.C": 20, "A.D": 20}
    assert world.inbox("c1").statuses("conflated")


def test_of_aggregates_the_newest_is_kept_and_not_the_correction_of_an_older_one() -> None:
    world = World()
    world.pace = Pace(buffer_bytes=2_000)
    corrected = [
        step for n in range(20, 40) for step in (world.sending(bar("A", n * 1_000), bar("A", (n - 4) * 1_000)), 1)
    ]
    world.run(
        world.up,
        lambda: world.memory.subscribe("c1", "A.A"),
        2,
        lambda: world.hold("c1"),
        *corrected,
        lambda: world.memory.subscribe("c2", "A.A", snapshot=True),
        1,
        lambda: world.let_go("c1"),
        3,
    )
    assert world.inbox("c1").statuses("conflated")
    assert 39_000 in [item["s"] for item in world.inbox("c1").items if pair_of(item)]
    assert [item["s"] for item in world.inbox("c2").items if pair_of(item)] == [39_000]


def test_a_connection_that_is_gone_is_dropped_and_never_posted_to_again() -> None:
    world = World()
    world.run(
        *listening(world, "c1", "c2"),
        answer(world, "c1", Delivered.GONE),
        send(world, 1),
        1,
        send(world, 2),
        lambda: world.memory.subscribe("c1", "T.MSFT"),
        2,
        send(world, 3),
        2,
    )
    assert world.posted.count("c1") == 2
    assert world.memory.dropped == ["c1"]
    assert world.inbox("c2").numbers("T.AAPL") == [1, 2, 3]
    assert world.feed.wanted == {"T.AAPL", "Q.AAPL", "A.AAPL"}


def test_a_drop_that_fails_is_made_later() -> None:
    world = World()
    world.run(
        *listening(world, "c1"),
        answer(world, "c1", Delivered.GONE),
        send(world, 1),
        1,
        lambda: setattr(world.memory, "down", 3),
        5,
    )
    assert world.memory.dropped == ["c1"]


def test_a_post_without_an_answer_which_the_sink_has_repeated_is_repeated_after_a_pause_and_counted() -> None:
    world = World()
    numbers: list[list[int]] = []
    world.run(
        *listening(world, "c1"),
        answer(world, "c1", Delivered.UNKNOWN),
        send(world, 1),
        1,
        lambda: numbers.append(world.inbox("c1").numbers("T.AAPL")),
        send(world, 2),
        4,
    )
    inbox = world.inbox("c1")
    assert numbers == [[1]]
    assert inbox.numbers("T.AAPL") == [1, 1, 2]
    assert world.relay
    assert world.relay.stats().repeats == 1


def test_a_post_that_stays_without_an_answer_is_repeated_more_slowly_and_loses_nothing() -> None:
    world = World()
    world.run(
        *listening(world, "c1"), answer(world, "c1", *[Delivered.UNKNOWN] * 5), send(world, 1), 1, send(world, 2), 70
    )
    inbox = world.inbox("c1")
    assert inbox.unique("T.AAPL") == [1, 2]
    assert inbox.numbers("T.AAPL").count(1) == 6


def test_a_full_connection_is_left_alone_for_a_while_and_loses_nothing() -> None:
    world = World()
    world.run(
        *listening(world, "c1", "c2"),
        answer(world, "c1", Delivered.SLOW, Delivered.SLOW),
        send(world, 1),
        1,
        send(world, 2),
        1,
        send(world, 3),
        15,
    )
    assert world.posted.count("c1") == 1 + 2 + 2
    assert world.inbox("c1").numbers("T.AAPL") == [1, 2, 3]
    assert world.inbox("c2").numbers("T.AAPL") == [1, 2, 3]


def test_the_rate_of_the_account_slows_the_whole_relay_and_loses_nothing() -> None:
    world = World()
    counts: list[int] = []
    world.run(
        *listening(world, "c1", "c2"),
        answer(world, "c1", Delivered.THROTTLED),
        send(world, 1),
        1,
        lambda: counts.append(len(world.posted)),
        send(world, 2),
        1,
        lambda: counts.append(len(world.posted)),
        5,
    )
    assert counts[0] == counts[1]
    assert world.inbox("c1").numbers("T.AAPL") == world.inbox("c2").numbers("T.AAPL") == [1, 2]
    assert world.relay
    assert world.relay.stats().throttled == 1


def test_a_slow_consumer_that_refuses_the_frame_on_its_way_is_closed_all_the_same() -> None:
    world = World()
    world.pace = Pace(buffer_bytes=20_000)
    steps = [step for n in range(2, 160) for step in (send(world, n, 500), 1)]
    world.run(
        *listening(world, "c1"),
        lambda: world.hold("c1"),
        answer(world, "c1", Delivered.SLOW),
        send(world, 1),
        1,
        *steps,
        lambda: world.let_go("c1"),
        2,
    )
    assert world.inbox("c1").closed
    assert world.memory.dropped == ["c1"]


def test_of_a_symbols_aggregates_that_wait_the_one_of_the_latest_start_is_kept() -> None:
    second, corrected, next_quote = (text.encode() for text in (bar("A", 5_000), bar("A", 1_000), quote("A", 2)))
    batch = Batch(
        1, event_chunks([("A.A", second), ("Q.A", quote("A").encode()), ("A.A", corrected), ("Q.A", next_quote)])
    )
    assert conflate([batch], 0) == 2
    assert [text for chunk in batch.chunks for text in chunk.texts] == [second, next_quote]
