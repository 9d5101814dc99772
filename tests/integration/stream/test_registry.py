"""The registry of the stream on a real store: what each message of a client does."""

import pytest

from dekr.store import plain
from dekr.stream.cursor import StreamCursor
from dekr.stream.pairs import Channel, Pair
from dekr.stream.ports import Change, ChangeKind, State
from dekr.stream.registry import Admitted, Changed, Counts, Due, DueReason, Heard, Registry, scripts
from tests.integration.stream.registries import (
    ADDRESS,
    NOW_MS,
    add,
    changes,
    later,
    listen,
    now_ms,
    pairs,
    relay_runs,
    remove,
    subscriber,
)
from tests.round_trips import counted
from tests.still_link import StillLink


def test_a_connection_goes_from_new_to_listening(registry: Registry) -> None:
    assert registry.open("c1", ADDRESS, NOW_MS)
    assert registry.hear("c1") == Heard(State.NEW, False, None, NOW_MS)
    assert registry.admit("c1", subscriber(), NOW_MS + 1) == Admitted(State.ADMITTED)
    assert registry.hear("c1") == Heard(State.ADMITTED, False, subscriber(), NOW_MS)
    assert registry.release("c1") == Changed(State.LISTENING)
    assert registry.hear("c1") == Heard(State.LISTENING, False, subscriber(), NOW_MS)
    registry.close("c1", NOW_MS + 2)
    assert registry.hear("c1") == Heard(State.GONE, False, None, 0)
    assert registry.counts() == Counts(0, 0, 0, 0)


def test_what_comes_before_the_end_of_the_sign_in_is_parked(registry: Registry) -> None:
    registry.open("c1", ADDRESS, NOW_MS)
    assert add(registry, "T.AAPL Q.AAPL", NOW_MS + 1) == Changed(State.NEW, parked=2)
    registry.admit("c1", subscriber(), NOW_MS + 2)
    assert remove(registry, "Q.AAPL", NOW_MS + 3) == Changed(State.ADMITTED, parked=3)
    assert changes(registry) == []
    assert registry.release("c1") == Changed(State.LISTENING, wake=True)
    assert pairs(registry) == {"T.AAPL"}
    assert [(each.kind, each.pairs) for each in changes(registry)] == [
        (ChangeKind.ADD, ("T.AAPL", "Q.AAPL")),
        (ChangeKind.REMOVE, ("Q.AAPL",)),
    ]
    assert registry.release("c1") == Changed(State.LISTENING)
    assert registry.store.run(plain("EXISTS", "dekr:{stream}:parked")) == [0]


def test_the_waiting_room_holds_a_thousand_pairs(registry: Registry) -> None:
    registry.open("c1", ADDRESS, NOW_MS)
    names = [f"T.{chr(65 + i // 26)}{chr(65 + i % 26)}" for i in range(600)]
    assert add(registry, " ".join(names)).parked == 600
    changed = add(registry, " ".join(names))
    assert (changed.parked, changed.over) == (1_000, tuple(names[400:]))
    assert add(registry, "T.ZZ") == Changed(State.NEW, parked=1_000, over=("T.ZZ",))


def test_a_message_has_at_most_a_thousand_pairs(registry: Registry) -> None:
    listen(registry)
    many = [Pair(Channel.TRADES, f"S{i}") for i in range(10_000)]
    changed = registry.change("c1", ChangeKind.ADD, many, NOW_MS)
    assert changed.over == tuple(pair.text for pair in many[1_000:])
    assert registry.counts().pairs == 1_000


def test_a_change_stands_in_the_log_with_all_that_the_relay_needs(registry: Registry) -> None:
    who = subscriber(6, "jwt:Ann é", key_id="", ends_ms=NOW_MS + 600_000)
    listen(registry, who=who)
    add(registry, "T.AAPL T.BRK.B", NOW_MS + 5, since=StreamCursor(7, 8), snapshot=True)
    assert changes(registry) == [
        Change(
            "c1",
            ChangeKind.ADD,
            ("T.AAPL", "T.BRK.B"),
            (),
            NOW_MS + 5,
            StreamCursor(7, 8),
            snapshot=True,
            subscriber=who,
            opened_ms=NOW_MS,
        )
    ]


@pytest.mark.parametrize("first", [add, remove])
def test_the_later_of_two_messages_counts_in_whatever_order_they_arrive(registry: Registry, first: object) -> None:
    listen(registry)
    if first is add:
        add(registry, "T.AAPL", NOW_MS + 2)
        assert remove(registry, "T.AAPL T.MSFT", NOW_MS + 1).state is State.LISTENING
        assert pairs(registry) == {"T.AAPL"}
        assert changes(registry)[-1].overtaken == ("T.AAPL",)
        assert changes(registry)[-1].pairs == ("T.MSFT",)
    else:
        remove(registry, "T.AAPL", NOW_MS + 2)
        add(registry, "T.AAPL T.MSFT", NOW_MS + 1)
        assert pairs(registry) == {"T.MSFT"}
        assert changes(registry)[-1].overtaken == ("T.AAPL",)


def test_of_two_messages_in_a_millisecond_the_last_to_arrive_counts(registry: Registry) -> None:
    listen(registry)
    remove(registry, "T.AAPL")
    add(registry, "T.AAPL")
    assert pairs(registry) == {"T.AAPL"}
    remove(registry, "T.AAPL")
    assert pairs(registry) == set()


def test_removals_are_remembered_up_to_a_bound(registry: Registry) -> None:
    listen(registry)
    for i in range(3):
        gone = [Pair(Channel.TRADES, f"S{chr(65 + i)}"), *(Pair(Channel.TRADES, f"S{i}X{j}") for j in range(999))]
        registry.change("c1", ChangeKind.REMOVE, gone, NOW_MS + i)
    add(registry, "T.AAPL", NOW_MS)
    assert changes(registry)[-1].overtaken == ("T.AAPL",)
    add(registry, "T.AAPL T.SA T.SC", NOW_MS + 1)
    assert pairs(registry) == {"T.AAPL", "T.SA"}


def test_a_subscription_never_creates_a_connection(registry: Registry) -> None:
    assert add(registry, "T.AAPL") == Changed(State.GONE)
    assert registry.admit("c1", subscriber(), NOW_MS) == Admitted(State.GONE)
    assert registry.release("c1") == Changed(State.GONE)
    assert registry.demote("c1", subscriber()) == Changed(State.GONE)
    assert not registry.greet("c1")
    assert registry.hear("c1").state is State.GONE
    registry.store.run()
    assert registry.counts() == Counts(0, 0, 0, 0)
    listen(registry)
    registry.close("c1", NOW_MS)
    assert add(registry, "T.AAPL") == Changed(State.GONE)
    assert registry.counts() == Counts(0, 0, 0, 0)


def test_a_disconnect_that_comes_first_keeps_the_connection_out(registry: Registry) -> None:
    registry.close("c1", NOW_MS)
    assert not registry.open("c1", ADDRESS, NOW_MS)
    later(registry, 599)
    assert not registry.open("c1", ADDRESS, NOW_MS)
    later(registry, 2)
    assert registry.open("c1", ADDRESS, NOW_MS)


def test_what_is_remembered_of_closed_connections_is_bounded(registry: Registry) -> None:
    tombstones = "dekr:{stream}:tombstones"
    many = [plain("ZADD", tombstones, NOW_MS - 1, f"c{i}") for i in range(scripts.MAX_TOMBSTONES)]
    registry.store.run(*many)
    registry.close("last", NOW_MS)
    assert registry.store.run(plain("ZCARD", tombstones)) == [scripts.MAX_TOMBSTONES]
    assert not registry.open("last", ADDRESS, NOW_MS)
    later(registry, 599)
    registry.close("next", NOW_MS)
    later(registry, 2)
    registry.close("next but one", NOW_MS)
    assert registry.store.run(plain("ZRANGE", tombstones, 0, -1)) == [[b"next", b"next but one"]]


def test_one_caller_greets(registry: Registry) -> None:
    registry.open("c1", ADDRESS, NOW_MS)
    assert [registry.greet("c1"), registry.greet("c1")] == [True, False]


def test_a_greeting_that_is_put_off_is_the_next_callers(registry: Registry) -> None:
    registry.put_off("c1")
    registry.open("c1", ADDRESS, NOW_MS)
    assert registry.greet("c1")
    registry.put_off("c1")
    assert [registry.greet("c1"), registry.greet("c1")] == [True, False]


def test_a_greeting_that_is_sent_again_is_still_the_first(link: StillLink) -> None:
    registry = Registry(link, token=lambda: "same")
    registry.open("c1", ADDRESS, NOW_MS)
    assert [registry.greet("c1"), registry.greet("c1")] == [True, True]


def test_connections_without_a_sign_in_are_limited_by_address(registry: Registry) -> None:
    assert all(registry.open(f"c{i}", ADDRESS, NOW_MS) for i in range(20))
    assert not registry.open("c20", ADDRESS, NOW_MS)
    assert registry.open("c0", ADDRESS, NOW_MS), "the same connection again"
    assert registry.open("c21", "203.0.113.8", NOW_MS)
    registry.admit("c0", subscriber(), NOW_MS)
    assert registry.open("c22", ADDRESS, NOW_MS)
    registry.close("c22", NOW_MS)
    assert registry.open("c23", ADDRESS, NOW_MS)
    assert not registry.open("c24", ADDRESS, NOW_MS)


def test_connections_without_a_sign_in_are_limited_in_all(registry: Registry) -> None:
    registry.store.run(plain("HSET", "dekr:{stream}:totals", "unsigned", scripts.MAX_UNSIGNED - 1))
    assert registry.open("c1", ADDRESS, NOW_MS)
    assert not registry.open("c2", "203.0.113.8", NOW_MS)


def test_a_flood_is_noticed(registry: Registry) -> None:
    registry.open("c1", ADDRESS, NOW_MS)
    assert [registry.hear("c1").flooding for _ in range(32)] == [False] * 30 + [True] * 2
    assert not registry.look_up("c1").flooding
    later(registry, 0.1)
    assert [registry.hear("c1").flooding for _ in range(2)] == [False, True]
    later(registry, 60)
    assert [registry.hear("c1").flooding for _ in range(31)] == [False] * 30 + [True]
    later(registry, -3600)
    assert not registry.hear("c1").flooding, "a clock that stepped back is nobody's flood"


def test_the_newest_socket_wins(registry: Registry) -> None:
    for i in range(3):
        listen(registry, f"c{i}", subscriber(6))
    add(registry, "T.AAPL", connection="c0")
    registry.open("c3", ADDRESS, NOW_MS)
    assert registry.admit("c3", subscriber(6), NOW_MS) == Admitted(State.ADMITTED, evicted=("c0",))
    assert registry.hear("c0").state is State.GONE
    assert not registry.open("c0", ADDRESS, NOW_MS)
    assert [(each.connection, each.kind) for each in changes(registry)][-1] == ("c0", ChangeKind.GONE)
    assert registry.counts() == Counts(3, 3, 1, 0)
    assert registry.admit("c3", subscriber(6), NOW_MS).evicted == ("c0",), "the same message, sent again"
    assert registry.admit("c3", subscriber(6), NOW_MS + 1) == Admitted(State.ADMITTED)


def test_after_some_evictions_in_a_minute_the_newcomer_is_refused(registry: Registry) -> None:
    def arrive(i: int) -> Admitted:
        registry.open(f"c{i}", ADDRESS, NOW_MS)
        return registry.admit(f"c{i}", subscriber(5), NOW_MS + i)

    assert arrive(0) == Admitted(State.ADMITTED)
    assert [arrive(i).evicted for i in range(1, 6)] == [(f"c{i}",) for i in range(5)]
    assert arrive(6) == Admitted(State.NEW, refused=True)
    assert registry.hear("c5").state is State.ADMITTED
    later(registry, 61)
    assert registry.admit("c6", subscriber(5), NOW_MS + 7) == Admitted(State.ADMITTED, evicted=("c5",))


def test_tiers_without_streaming_have_one_socket_without_pairs(registry: Registry) -> None:
    listen(registry, who=subscriber(1))
    assert add(registry, "T.AAPL A.*") == Changed(State.LISTENING, refused=("T.AAPL", "A.*"))
    assert changes(registry) == []
    registry.open("c2", ADDRESS, NOW_MS)
    assert registry.admit("c2", subscriber(1), NOW_MS).evicted == ("c1",)


def test_signing_in_again_as_somebody_else_changes_nothing(registry: Registry) -> None:
    listen(registry)
    assert registry.admit("c1", subscriber(user="bob"), NOW_MS) == Admitted(State.LISTENING, other=True)
    assert registry.admit("c1", subscriber(), NOW_MS + 1) == Admitted(State.LISTENING)
    assert registry.hear("c1").subscriber == subscriber()


def test_symbols_are_counted_over_all_sockets_of_a_user(registry: Registry) -> None:
    names = [f"{chr(65 + i // 26)}{chr(65 + i % 26)}" for i in range(200)]
    for i in range(3):
        listen(registry, f"c{i}", subscriber(6))
    add(registry, " ".join(f"T.{name}" for name in names[:150]), connection="c0")
    changed = add(registry, " ".join(f"Q.{name}" for name in [*names[100:], "ZZZ"]), connection="c1")
    assert changed.over == ("Q.ZZZ",)
    assert add(registry, "T.ZZZ Q.AA", connection="c2").over == ("T.ZZZ",)
    remove(registry, "T.AB", connection="c0")
    assert add(registry, "T.ZZZ", connection="c2").over == ()
    registry.close("c1", NOW_MS)
    assert add(registry, "T.YYY", connection="c2").over == ()
    assert registry.counts().pairs == 149 + 3


def test_all_symbols_need_a_feature_and_do_not_count(registry: Registry) -> None:
    listen(registry, who=subscriber(6))
    changed = add(registry, "AM.* A.* T.AAPL")
    assert changed.refused == ("AM.*", "A.*")
    assert pairs(registry) == {"T.AAPL"}
    listen(registry, "c2", subscriber(7, "bob"))
    add(registry, "AM.* A.*", connection="c2")
    assert pairs(registry, "c2") == {"AM.*", "A.*"}
    remove(registry, "A.*", connection="c2", at_ms=NOW_MS + 1)
    assert pairs(registry, "c2") == {"AM.*"}


def test_one_of_those_who_need_a_relay_wakes_it(registry: Registry) -> None:
    listen(registry)
    assert not remove(registry, "T.AAPL").wake
    assert [add(registry, "T.AAPL", NOW_MS + 1).wake, add(registry, "T.MSFT", NOW_MS + 2).wake] == [True, False]
    assert add(registry, "T.AAPL", NOW_MS + 1).wake, "the same message, sent again"
    later(registry, -0.5)
    assert not add(registry, "T.MSFT", NOW_MS + 3).wake, "the clock was set back a little"
    later(registry, 2.4)
    assert not add(registry, "T.MSFT", NOW_MS + 3).wake
    later(registry, 0.2)
    assert add(registry, "T.MSFT", NOW_MS + 4).wake


@pytest.mark.parametrize(
    ("state", "silent_s", "wakes"),
    [("running", 0, False), ("running", 9, False), ("running", 11, True), ("running", -11, True), ("stopped", 0, True)],
)
def test_a_relay_that_runs_is_not_woken(registry: Registry, state: str, silent_s: int, wakes: bool) -> None:
    listen(registry)
    relay_runs(registry, now_ms(registry) * 1_000 - silent_s * 1_000_000, state)
    assert add(registry, "T.AAPL").wake is wakes


def test_a_lower_tier_loses_sockets_features_and_its_newest_symbols(registry: Registry) -> None:
    listen(registry, "c0")
    listen(registry, "c1", at_ms=NOW_MS + 1)
    old = [f"T.{chr(65 + i)}" for i in range(24)]
    add(registry, " ".join(old), NOW_MS + 2)
    add(registry, "T.OLD", NOW_MS + 3)
    add(registry, "Q.OLD T.NEW AM.*", NOW_MS + 4)
    position = registry.listeners()[0]
    changed = registry.demote("c1", subscriber(5))
    assert changed == Changed(
        State.LISTENING,
        over=("T.NEW",),
        refused=("AM.*",),
        evicted=("c0",),
    )
    assert pairs(registry) == {*old, "T.OLD", "Q.OLD"}
    logged = changes(registry, position)
    assert [(each.connection, each.kind, each.pairs) for each in logged] == [
        ("c0", ChangeKind.GONE, ()),
        ("c1", ChangeKind.REMOVE, ("AM.*", "T.NEW")),
    ]
    assert logged[1].subscriber == subscriber(5)
    assert add(registry, "T.NEW", NOW_MS + 5).over == ("T.NEW",)
    assert registry.demote("c1", subscriber(5)) == Changed(State.LISTENING)
    assert registry.counts() == Counts(1, 1, 1, 26)


def test_another_key_of_the_user_keeps_its_sockets_and_pairs(registry: Registry) -> None:
    listen(registry, "c1", subscriber(7))
    listen(registry, "c2", subscriber(7, key_id="k2"))
    add(registry, "AM.*", connection="c2")
    assert registry.demote("c1", subscriber(1)) == Changed(State.LISTENING)
    assert pairs(registry, "c2") == {"AM.*"}
    assert registry.hear("c1").subscriber == subscriber(1)
    assert registry.hear("c2").subscriber == subscriber(7, key_id="k2")


def test_what_is_due(registry: Registry) -> None:
    listen(registry, "old")
    listen(registry, "token", subscriber(user="jwt:x", key_id="", ends_ms=NOW_MS + 3_600_000))
    later(registry, 7_100)
    registry.open("slow", ADDRESS, now_ms(registry))
    registry.open("untold", ADDRESS, now_ms(registry))
    later(registry, 20)
    registry.admit("untold", subscriber(user="bob"), now_ms(registry))
    later(registry, 11)
    assert registry.due(NOW_MS + 1, 10) == []
    assert registry.due(now_ms(registry), 10) == [
        Due("slow", DueReason.AUTH_TIMEOUT),
        Due("token", DueReason.TOKEN_ENDED),
    ]
    later(registry, 100)
    due = registry.due(now_ms(registry), 10)
    assert {each.connection: each.reason for each in due} == {
        "slow": DueReason.AUTH_TIMEOUT,
        "untold": DueReason.AUTH_TIMEOUT,
        "token": DueReason.EXPIRED,
        "old": DueReason.EXPIRED,
    }
    assert len(registry.due(now_ms(registry), 1)) <= 3
    for each in due:
        registry.close(each.connection, now_ms(registry))
    assert registry.due(now_ms(registry), 10) == []


def test_thousands_of_listeners_are_read_in_pages(registry: Registry) -> None:
    for i in range(330):
        listen(registry, f"c{i}", subscriber(user=f"u{i // 10}"))
        add(registry, f"T.{chr(65 + i % 26)}", connection=f"c{i}")
    registry.open("new", ADDRESS, NOW_MS)
    link = registry.store
    assert isinstance(link, StillLink)
    with counted(link) as trips:
        position, listeners = registry.listeners()
    assert trips.count == 1 + 7
    assert {each.connection: each.pairs for each in listeners} == {
        f"c{i}": frozenset({f"T.{chr(65 + i % 26)}"}) for i in range(330)
    }
    assert all(each.subscriber.user == f"u{int(each.connection[1:]) // 10}" for each in listeners)
    assert changes(registry, position) == []
    add(registry, "T.AAPL")
    assert [each.pairs for each in changes(registry, position)] == [("T.AAPL",)]
    assert len(changes(registry)) == 331


def test_the_change_log_is_bounded_by_age_and_by_length(registry: Registry) -> None:
    listen(registry)
    add(registry, "T.A", NOW_MS + 1)
    later(registry, 599)
    add(registry, "T.B", NOW_MS + 2)
    later(registry, 2)
    add(registry, "T.C", NOW_MS + 3)
    assert [each.pairs for each in changes(registry)] == [("T.B",), ("T.C",)]
    later(registry, -3_600)
    add(registry, "T.D", NOW_MS + 4)
    assert [each.pairs for each in changes(registry)] == [("T.B",), ("T.C",), ("T.D",)]
    newest = NOW_MS + 601_000
    filling = plain("XADD", "dekr:{stream}:chg", f"{newest}-*", "field", "value")
    registry.store.run(*[filling] * (scripts.MAX_CHANGES + 200))
    add(registry, "T.E", NOW_MS + 5)
    (length,) = registry.store.run(plain("XLEN", "dekr:{stream}:chg"))
    assert scripts.MAX_CHANGES <= length <= scripts.MAX_CHANGES + 100


def test_who_is_signed_in(registry: Registry) -> None:
    listen(registry, "c1")
    registry.open("c2", ADDRESS, NOW_MS)
    registry.admit("c2", subscriber(5, "bob"), NOW_MS)
    registry.open("c3", ADDRESS, NOW_MS)
    assert registry.signed_in() == {"c1": subscriber(), "c2": subscriber(5, "bob")}


def test_each_method_is_one_round_trip(registry: Registry) -> None:
    link = registry.store
    assert isinstance(link, StillLink)
    listen(registry)
    registry.demote("c1", subscriber())
    for method in (
        lambda: registry.open("c2", ADDRESS, NOW_MS),
        lambda: registry.greet("c2"),
        lambda: registry.hear("c2"),
        lambda: registry.admit("c2", subscriber(), NOW_MS),
        lambda: registry.release("c2"),
        lambda: add(registry, "T.AAPL"),
        lambda: registry.find("c1"),
        lambda: registry.demote("c2", subscriber(5)),
        lambda: registry.close("c2", NOW_MS),
        lambda: registry.due(NOW_MS, 10),
        registry.counts,
    ):
        with counted(link) as trips:
            method()
        assert trips.count == 1


def test_nothing_of_a_living_connection_expires(registry: Registry) -> None:
    listen(registry, who=subscriber(ends_ms=NOW_MS + 1_000_000))
    add(registry, "T.AAPL")
    remove(registry, "T.AAPL", NOW_MS + 1)
    registry.open("c2", ADDRESS, NOW_MS)
    add(registry, "T.AAPL", connection="c2")
    registry.hear("c1")
    for name in (
        "connections",
        "opened",
        "signing",
        "ends",
        "addresses",
        "users",
        "pairs",
        "parked",
        "arrivals",
        "chg",
    ):
        assert registry.store.run(plain("TTL", f"dekr:{{stream}}:{name}")) == [-1], name


def test_a_registry_from_which_all_are_gone_keeps_only_what_ages(registry: Registry) -> None:
    listen(registry, who=subscriber(ends_ms=NOW_MS + 1_000_000))
    add(registry, "T.AAPL")
    registry.open("c2", ADDRESS, NOW_MS)
    add(registry, "T.AAPL", connection="c2")
    for connection in ("c1", "c2"):
        registry.hear(connection)
        registry.close(connection, NOW_MS)
    (names,) = registry.store.run(plain("KEYS", "*"))
    assert {name.decode().rpartition(":")[2] for name in names} == {"tombstones", "chg", "wake"}
