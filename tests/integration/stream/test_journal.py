"""The journal on a real store: what a relay finds that goes on after another one."""

from collections.abc import Collection, Iterator
from contextlib import closing

import pytest

from dekr.errors import StoreDown
from dekr.store import Store, plain
from dekr.store.cluster import ClusterLink
from dekr.stream.journal import SHARDS, StoreJournal, shard_of
from dekr.stream.ports import Begun, ChangeKind, NumberedEvent, Tick
from dekr.stream.registry import Registry
from tests.fakes.cut_store import CutStore
from tests.integration.stream.journals import Relay, by_pair, content, logged, lose
from tests.integration.stream.registries import NOW_MS, add, later, listen
from tests.redis_servers import redis_cluster
from tests.round_trips import counted
from tests.still_link import StillLink

PAIRS = (
    "T.AAPL",
    "Q.AAPL",
    "T.MSFT",
    "A.TSLA",
    "A.NVDA",
    "AM.AMD",
    "LULD.IBM",
    "T.BRK.B",
    "T.F",
    "T.GE",
    "T.MA",
    "T.JPM",
    "T.BA",
)
"""In all shards."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[ClusterLink]:
    with redis_cluster() as url, closing(ClusterLink(url)) as link:
        yield link


def test_the_first_relay_finds_nothing(store: StillLink) -> None:
    begun = Relay(store, 1).begun
    assert NOW_MS <= begun.generation < NOW_MS + 1_000
    assert begun == Begun(begun.generation, 0, {}, {}, 0, {}, [], "0-0", complete=0)


def test_the_next_relay_finds_what_was_written(store: StillLink) -> None:
    first = Relay(store, 1)
    ticks = [
        first.write(covered=PAIRS),
        first.write(*PAIRS),
        first.write("T.AAPL", "T.AAPL", uncovered=["T.MSFT"]),
        first.write(),
        first.write("T.AAPL", behind={"c1": NOW_MS + 300, "c2": 7}),
    ]
    second = Relay(store, 2)
    assert second.begun == Begun(
        generation=first.begun.generation,
        tick=ticks[-1].tick,
        numbers={**dict.fromkeys(PAIRS, 1), "T.AAPL": 4},
        covered={pair: ticks[0].tick for pair in PAIRS if pair != "T.MSFT"},
        position=ticks[-1].tick - 1,
        behind=ticks[-1].behind,
        listeners=[],
        changes="0-0",
        complete=ticks[-1].tick,
    )
    assert by_pair(second.replayed()) == by_pair(logged(*ticks))
    assert second.replayed(["T.AAPL"], after=ticks[1].tick) == logged(*ticks[2:])


def test_an_older_relay_writes_nothing(store: StillLink) -> None:
    older = Relay(store, 1)
    older.write(*PAIRS, covered=PAIRS)
    newer = Relay(store, 2)
    before = content(store)
    written = older.send(older.made(*PAIRS, uncovered=PAIRS, behind={"c1": 1}))
    assert (written.fenced, written.changes) == (True, ())
    assert older.journal.stop(older.position)
    assert older.journal.begin(1) is None
    assert content(store) == before
    newer.write(*PAIRS)
    assert content(store) != before


def test_of_two_relays_that_begin_at_once_the_later_one_writes(store: StillLink) -> None:
    older = CutStore(store, [range(5)])
    journal = StoreJournal(older, Registry(older), lambda: NOW_MS)
    with pytest.raises(StoreDown):
        journal.begin(1)
    newer = Relay(store, 2)
    assert journal.begin(1) is None
    newer.write(*PAIRS)


def test_a_generation_is_begun_by_the_latest_relay_alone(store: StillLink) -> None:
    older = CutStore(store, [None, []])
    with pytest.raises(StoreDown):
        StoreJournal(older, Registry(older), lambda: NOW_MS).begin(1)
    newer = Relay(store, 2)
    newer.write(*PAIRS)
    before = content(store)
    assert store.run(*older.sent[-1]) == [0] * (1 + SHARDS)
    assert content(store) == before


def test_a_tick_whose_reply_was_lost_is_written_once(store: StillLink) -> None:
    broken = CutStore(store)
    relay = Relay(broken, 1)
    first = relay.write(*PAIRS, covered=PAIRS)
    for arriving in ([], [0, 3], range(20)):
        tick = relay.made(*PAIRS, behind={"c1": 5})
        broken.cuts = [arriving]
        with pytest.raises(StoreDown):
            relay.send(tick)
        with pytest.raises(ValueError, match="same tick"):
            relay.send(Tick(tick.tick + 1, tick.events))
        assert not relay.send(tick).fenced
        assert not relay.send(Tick(relay.made().tick)).fenced
    numbers = [event.number for _, event in relay.replayed(["T.AAPL"])]
    assert numbers == [1, 2, 3, 4]
    assert Relay(store, 2).begun.covered == dict.fromkeys(PAIRS, first.tick)


def test_what_comes_late_on_a_connection_that_was_given_up_changes_nothing(store: StillLink) -> None:
    noting = CutStore(store)
    relay = Relay(noting, 1)
    relay.write(*PAIRS, uncovered=PAIRS, behind={"c1": 5})
    late = noting.sent[-1]
    relay.write(*PAIRS, covered=PAIRS)
    before = content(store)
    store.run(*late)
    assert content(store) == before


@pytest.mark.parametrize("lost", [None, *range(SHARDS)])
def test_a_lost_memory_begins_a_generation(store: StillLink, lost: int | None) -> None:
    first = Relay(store, 1)
    tick = first.write(*PAIRS, covered=PAIRS)
    name = "{stream}:relay" if lost is None else f"{{s{lost}}}:m"
    lose(store, name)
    assert first.send(first.made(*PAIRS)).fenced
    assert store.run(plain("EXISTS", f"dekr:{name}")) == [0]
    second = Relay(store, 2)
    assert second.begun.generation > first.begun.generation
    known = {pair for pair in PAIRS if shard_of(pair) != lost}
    assert set(second.begun.covered) == known
    assert set(second.begun.numbers) == known
    assert second.begun.tick >= tick.tick
    assert Relay(store, 3).begun.generation == second.begun.generation


@pytest.mark.parametrize("arriving", [range(1), range(5), range(1, 9), [8]])
def test_a_generation_that_began_in_part_is_not_kept(store: StillLink, arriving: Collection[int]) -> None:
    first = Relay(store, 1)
    first.write(*PAIRS)
    lose(store, "{s4}:m", "{s4}:log")
    broken = CutStore(store, [None, arriving])
    with pytest.raises(StoreDown):
        StoreJournal(broken, Registry(broken), lambda: NOW_MS).begin(2)
    third = Relay(store, 3)
    assert third.begun.generation > first.begun.generation
    assert Relay(store, 4).begun.generation == third.begun.generation


def test_a_lost_store_stops_a_relay(store: StillLink) -> None:
    relay = Relay(store, 1)
    relay.write(*PAIRS)
    lose(store, *(f"{{s{number}}}:{name}" for number in range(SHARDS) for name in ("m", "log")))
    lose(store, "{stream}:relay", "{stream}:pos")
    before = content(store)
    assert relay.send(relay.made(*PAIRS)).fenced
    assert content(store) == before


def test_numbers_rise_by_one(store: StillLink) -> None:
    relay = Relay(store, 1)
    relay.write("T.AAPL", "T.AAPL")
    for numbers in ([2], [4], [3, 3], [3, 5]):
        with pytest.raises(ValueError, match="follows"):
            relay.send(Tick(relay.tick + 1, [NumberedEvent("T.AAPL", number, "{}") for number in numbers]))
    with pytest.raises(ValueError, match="follows"):
        relay.send(Tick(relay.tick + 1, [NumberedEvent("T.MSFT", 0, "{}")]))
    assert len(relay.replayed(["T.AAPL"])) == 2


def test_a_tick_is_one_round_trip(store: StillLink) -> None:
    relay = Relay(store, 1)
    relay.write(*PAIRS)
    with counted(store) as trips:
        relay.write(*PAIRS, covered=PAIRS, behind={"c1": 1})
    assert trips.count == 1
    with counted(store) as trips:
        relay.write()
    assert trips.count == 1


def test_a_tick_of_all_symbols_fits(store: StillLink) -> None:
    # The link of these tests takes no command with more arguments than a serverless cache does.
    relay = Relay(store, 1)
    pairs = [
        f"A.{a}{b}{c}"
        for a in "ABCDEFGHIJKLMNOP"
        for b in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    ]
    relay.write(*pairs, covered=pairs, behind={f"connection{i}=": i for i in range(5_000)})
    begun = Relay(store, 2).begun
    assert begun.numbers == dict.fromkeys(pairs, 1)
    assert set(begun.covered) == set(pairs)
    assert len(begun.behind) == 5_000


def test_changes_are_read_with_each_tick(store: StillLink) -> None:
    registry = Registry(store)
    relay = Relay(store, 1)
    listen(registry)
    add(registry, "T.AAPL")
    written = relay.send(relay.made())
    assert [(each.connection, each.kind, each.pairs) for each in written.changes][-1] == (
        "c1",
        ChangeKind.ADD,
        ("T.AAPL",),
    )
    assert relay.send(relay.made()).changes == written.changes
    assert relay.journal.write(relay.made(), written.position).changes == []


def test_a_change_that_was_not_served_is_read_again(store: StillLink) -> None:
    registry = Registry(store)
    listen(registry)
    add(registry, "T.AAPL")
    first = Relay(store, 1)
    assert [each.connection for each in first.begun.listeners] == ["c1"]
    read = first.send(first.made())
    assert [each.pairs for each in read.changes] == [("T.AAPL",)]
    # The first dies before it has written that it went on from there.
    second = Relay(store, 2)
    assert second.begun.changes == "0-0"
    assert second.send(second.made()).changes == read.changes
    second.journal.write(second.made(), read.position)
    third = Relay(store, 3)
    assert third.begun.changes == read.position
    assert third.send(third.made()).changes == []


def test_a_relay_stops_only_where_nothing_is_left_to_serve(store: StillLink) -> None:
    registry = Registry(store)
    listen(registry)
    relay = Relay(store, 1)
    relay.write()
    assert not add(registry, "T.AAPL").wake
    assert not relay.journal.stop(relay.position)
    relay.write()
    assert relay.journal.stop(relay.position)
    assert relay.journal.stop(relay.position)
    before = content(store)
    assert relay.send(relay.made("T.AAPL")).fenced
    assert content(store) == before
    assert add(registry, "T.MSFT", NOW_MS + 1).wake
    successor = Relay(store, 2)
    assert [each.pairs for each in successor.send(successor.made()).changes] == [("T.MSFT",)]


def test_what_comes_late_does_not_let_a_relay_run_again(store: StillLink) -> None:
    noting = CutStore(store)
    relay = Relay(noting, 1)
    relay.write("T.AAPL")
    late = noting.sent[-1]
    assert relay.journal.stop(relay.position)
    before = content(store)
    store.run(*late)
    assert content(store) == before


def test_a_relay_without_a_beat_does_not_run(store: StillLink) -> None:
    registry = Registry(store)
    listen(registry)
    relay = Relay(store, 1)
    later(registry, 9)
    relay.write()
    later(registry, 9)
    assert not add(registry, "T.AAPL").wake
    later(registry, 2)
    assert add(registry, "T.MSFT").wake


def test_a_connection_that_is_gone_is_dropped(store: StillLink) -> None:
    registry = Registry(store)
    listen(registry)
    relay = Relay(store, 1)
    relay.journal.drop("c1")
    assert registry.counts().sockets == 0


def test_the_journal_works_on_a_cluster(cluster: Store) -> None:
    first = Relay(cluster, 1)
    ticks = [first.write(*PAIRS, covered=PAIRS), first.write(*PAIRS, behind={"c1": 5})]
    second = Relay(cluster, 2)
    assert (second.begun.tick, second.begun.complete, second.begun.behind) == (first.tick, first.tick, {"c1": 5})
    assert by_pair(second.replayed()) == by_pair(logged(*ticks))
    assert first.send(first.made(*PAIRS)).fenced
    second.write(*PAIRS)
    assert second.journal.stop(second.position)
    lose(cluster, "{s1}:m")
    assert Relay(cluster, 3).begun.generation > second.begun.generation
