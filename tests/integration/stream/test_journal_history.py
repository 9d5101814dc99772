"""The log of events on a real store: what is replayed, and how what was lost shows."""

from dekr.store import plain
from dekr.stream.journal import shard_of
from dekr.stream.ports import NumberedEvent, Tick
from tests.integration.stream.journals import Relay, by_pair, logged, lose
from tests.still_link import StillLink


def test_a_replay_ends_where_it_should(store: StillLink) -> None:
    relay = Relay(store, 1)
    ticks = [relay.write("T.AAPL", "Q.AAPL") for _ in range(5)]
    for first, last in ((0, 4), (1, 3), (2, 2), (4, 4)):
        replay = relay.journal.replay(["T.AAPL"], ticks[first].tick, ticks[last].tick)
        expected = [(tick, event) for tick, event in logged(*ticks[first + 1 : last + 1]) if event.pair == "T.AAPL"]
        assert (list(replay.events), replay.complete_from) == (expected, ticks[first].tick)
    assert relay.journal.replay([], 0, relay.tick).events == []


def test_a_long_replay_is_read_in_pages(store: StillLink) -> None:
    relay = Relay(store, 1)
    ticks = [relay.write("T.AAPL", "A.MSFT") for _ in range(450)]
    assert by_pair(relay.replayed()) == by_pair(logged(*ticks))
    half = ticks[225].tick
    assert relay.replayed(["A.MSFT"], after=half) == by_pair(logged(*ticks[226:]))["A.MSFT"]


def test_all_pairs_of_a_channel_are_replayed(store: StillLink) -> None:
    relay = Relay(store, 1)
    tick = relay.write("A.AAPL", "AM.AAPL", "A.MSFT", "T.TSLA")
    assert {event.pair for _, event in relay.replayed(["A.*"])} == {"A.AAPL", "A.MSFT"}
    assert {event.pair for _, event in relay.replayed(["A.*", "T.TSLA"])} == {"A.AAPL", "A.MSFT", "T.TSLA"}
    assert len(relay.replayed()) == len(tick.events)


def test_any_text_of_an_event_is_replayed(store: StillLink) -> None:
    relay = Relay(store, 1)
    texts = ['{"ev":"T","sym":"A","x":"\u2028 \x85 \x0b é 你"}', '{"ev":"T","sym":"A"}', '{"x":" T.A 3 "}']
    events = [NumberedEvent("T.A", i, text) for i, text in enumerate(texts, 1)]
    relay.send(Tick(relay.tick + 1, events))
    assert [event for _, event in relay.journal.replay(["T.A"], 0, relay.tick + 1).events] == events


def test_events_of_a_lost_shard_are_not_replayed_as_if_they_were_all(store: StillLink) -> None:
    first = Relay(store, 1)
    first.write("T.AAPL", "T.MSFT")
    last = first.write("T.AAPL", "T.MSFT")
    shard = shard_of("T.AAPL")
    assert shard != shard_of("T.MSFT")
    # Its log is still there, but nobody knows what was in it at last.
    lose(store, f"{{s{shard}}}:m")
    second = Relay(store, 2)
    replay = second.journal.replay(["T.AAPL"], first.tick - 100, last.tick)
    assert (replay.events, replay.complete_from) == ([], last.tick)
    assert len(second.replayed(["T.MSFT"])) == 2
    again = second.write("T.AAPL")
    assert second.replayed(["T.AAPL"], after=last.tick) == logged(again)
    assert again.events[0].number == 1


def test_a_log_that_was_evicted_is_missed(store: StillLink) -> None:
    relay = Relay(store, 1)
    ticks = [relay.write("T.AAPL") for _ in range(3)]
    lose(store, f"{{s{shard_of('T.AAPL')}}}:log")
    replay = relay.journal.replay(["T.AAPL"], ticks[0].tick, ticks[2].tick)
    assert (replay.events, replay.complete_from) == ([], ticks[2].tick)
    assert relay.replayed(["T.AAPL"], after=ticks[2].tick) == []
    newest = relay.write("T.AAPL")
    replay = relay.journal.replay(["T.AAPL"], ticks[0].tick, newest.tick)
    assert (replay.events, replay.complete_from) == (logged(newest), ticks[2].tick)
    replay = relay.journal.replay(["T.AAPL"], ticks[0].tick, ticks[1].tick)
    assert (replay.events, replay.complete_from) == ([], ticks[1].tick)
    assert Relay(store, 2).begun.generation == relay.begun.generation


def test_history_ends_and_says_so(store: StillLink) -> None:
    relay = Relay(store, 1, history_ms=5_000)
    ticks = [relay.write("T.AAPL") for _ in range(400)]
    replay = relay.journal.replay(["T.AAPL"], 0, relay.tick)
    kept = [tick for tick in ticks if tick.tick > replay.complete_from]
    assert 50 <= len(kept) < 300
    assert list(replay.events) == logged(*kept)
    assert relay.replayed(["T.AAPL"], after=relay.tick - 5_000) == logged(*ticks[-50:])
    (life_ms,) = store.run(plain("PTTL", f"dekr:{{s{shard_of('T.AAPL')}}}:log"))
    assert 0 < life_ms <= 5_000
