"""Seeded traces of many clients, in any order, against the slow model; and what holds after any order of arrival."""

import random
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dekr.store import Command, plain
from dekr.stream.pairs import Pair, pairs_of
from dekr.stream.ports import ChangeKind, State, Subscriber
from dekr.stream.registry import Registry
from dekr.tiers import Tier
from tests.integration.stream.registries import NOW_MS, changes, later, listen, now_ms, now_us, pairs, relay_runs
from tests.integration.stream.registry_model import Model, replayed
from tests.still_link import StillLink, still_link

STEPS = 1_500
NAMES = [f"{first}{second}" for first in "ABCDEF" for second in "GHIJKL"]
KEYS = [
    "connections",
    "opened",
    "signing",
    "ends",
    "addresses",
    "users",
    "symbols",
    "pairs",
    "parked",
    "totals",
    "chg",
    "tombstones",
]
CHANNELS = ["T", "Q", "A", "AM", "LULD"]


class Trace:
    """Random messages of clients. Each goes to the registry, through one of several links, and to the model."""

    def __init__(self, registries: list[Registry], seed: int) -> None:
        self.rng = random.Random(seed)
        self.registries = registries
        self.model = Model()
        self.users = [
            Subscriber(f"user {i % 3}", Tier(tier), f"k{i}", self._end()) for i, tier in enumerate([5, 6, 7, 1, 6, 7])
        ]
        self.ids = [f"c{i}=" for i in range(16)]
        self.seen: Counter[str] = Counter()

    def _end(self) -> int | None:
        return self.rng.choice([None, NOW_MS + self.rng.randrange(3_600_000)])

    def step(self) -> None:
        rng, model, registry = self.rng, self.model, self.rng.choice(self.registries)
        later(registry, rng.choices([0, 0.001, 0.02, 0.3, 2, 40, 700], [30, 15, 15, 15, 3, 1, 0.3])[0])
        # API Gateway's moment of a message that has been on its way for a while.
        connection, at_ms = self.connection(), now_ms(registry) - rng.choice([0, 0, 1, 50, 3_000, 90_000])
        if model.running:
            relay_runs(registry, now_us(registry))
        made = rng.choices(
            ["open", "greet", "hear", "admit", "release", "change", "close", "demote", "relay", "arrive"],
            [6, 2, 6, 6, 6, 45, 2, 3, 1, 12],
        )[0]
        {
            "open": self.open,
            "greet": self.greet,
            "hear": self.hear,
            "admit": self.admit,
            "release": self.release,
            "change": self.change,
            "close": self.close,
            "demote": self.demote,
            "relay": self.relay,
            "arrive": self.arrive,
        }[made](registry, connection, at_ms)

    def connection(self) -> str:
        """Any connection. Most that were closed are followed by a new one."""
        i = self.rng.randrange(len(self.ids))
        if self.ids[i] in self.model.closed and self.rng.random() < 0.5:
            self.ids[i] = f"{self.ids[i]}="
        return self.ids[i]

    def open(self, registry: Registry, connection: str, at_ms: int) -> None:
        address = self.rng.choice(["203.0.113.7", "203.0.113.8"])
        self.same(
            registry.open(connection, address, at_ms), self.model.at(now_us(registry)).open(connection, address, at_ms)
        )

    def greet(self, registry: Registry, connection: str, _: int) -> None:
        self.same(registry.greet(connection), self.model.at(now_us(registry)).greet(connection))

    def hear(self, registry: Registry, connection: str, _at_ms: int) -> None:
        for _ in range(self.rng.choice([1, 5, 40])):
            found = registry.hear(connection)
            self.same(found, self.model.at(now_us(registry)).hear(connection))
            self.seen["flooding"] += found.flooding

    def admit(self, registry: Registry, connection: str, at_ms: int) -> None:
        who = self.rng.choice(self.users)
        found, expected = (
            registry.admit(connection, who, at_ms),
            self.model.at(now_us(registry)).admit(connection, who, at_ms),
        )
        self.same(found, expected)
        self.seen.update(evicted=bool(found.evicted), refused=found.refused, other=found.other)

    def release(self, registry: Registry, connection: str, _: int) -> None:
        self.changed(registry.release(connection), self.model.at(now_us(registry)).release(connection))

    def change(self, registry: Registry, connection: str, at_ms: int) -> None:
        kind, chosen = self.rng.choice([ChangeKind.ADD, ChangeKind.ADD, ChangeKind.REMOVE]), self.pairs()
        found = registry.change(connection, kind, chosen, at_ms)
        self.changed(found, self.model.at(now_us(registry)).change(connection, kind, chosen, at_ms))

    def close(self, registry: Registry, connection: str, at_ms: int) -> None:
        registry.close(connection, at_ms)
        self.model.at(now_us(registry)).close(connection, at_ms)

    def demote(self, registry: Registry, connection: str, _: int) -> None:
        known = self.model.connections.get(connection)
        who = (known and known.who) or self.rng.choice(self.users)
        other = Subscriber(who.user, Tier(self.rng.choice([1, 5, 6, 7])), who.key_id)
        found = registry.demote(connection, other)
        self.changed(found, self.model.at(now_us(registry)).demote(connection, other))
        self.seen.update(demoted=bool(found.over or found.refused), closed=bool(found.evicted))

    def arrive(self, registry: Registry, connection: str, at_ms: int) -> None:
        self.open(registry, connection, at_ms)
        self.admit(registry, connection, at_ms)
        if self.rng.random() < 0.8:
            self.release(registry, connection, at_ms)

    def relay(self, registry: Registry, _connection: str, _at_ms: int) -> None:
        self.model.running = self.rng.random() < 0.5
        if not self.model.running:
            relay_runs(registry, now_us(registry), "stopped")

    def changed(self, found: object, expected: object) -> None:
        self.same(found, expected)
        for name in ("parked", "over", "refused", "wake"):
            self.seen[f"change {name}"] += bool(getattr(found, name))

    def same(self, found: object, expected: object) -> None:
        assert found == expected
        self.seen[type(found).__name__] += 1

    def pairs(self) -> list[Pair]:
        count = self.rng.choice([1, 1, 2, 5, 40])
        texts = [f"{self.rng.choice(CHANNELS)}.{self.rng.choice(NAMES)}" for _ in range(count)]
        return pairs_of([*texts, *self.rng.choice([[], [], [], ["A.*"], ["AM.*", "A.*"]])])

    def compare(self) -> None:
        """Hold the whole registry against the model, and against what a relay knows that follows the log."""
        registry, model = self.registries[0], self.model
        _, found = registry.listeners()
        listeners = {each.connection: each for each in found}
        assert listeners == model.listeners()
        assert registry.counts() == model.counts()
        at_ms = now_ms(registry) + self.rng.choice([0, 0, 7_200_000])
        assert {each.connection: each.reason for each in registry.due(at_ms, 100)} == model.due(at_ms)
        assert replayed(model.log) == {name: each.pairs for name, each in listeners.items() if each.pairs}
        logged = changes(registry)
        assert logged == (model.log[-len(logged) :] if logged else [])


@pytest.mark.parametrize("seed", range(3))
def test_it_does_what_the_model_does(registry: Registry, seed: int) -> None:
    first = registry.store
    assert isinstance(first, StillLink)
    others = [still_link(f"redis://127.0.0.1:{first.connection.port}/0") for _ in range(2)]
    for each in others:
        each.clock = first.clock
    trace = Trace([registry, *map(Registry, others)], seed)
    for step in range(STEPS):
        trace.step()
        if step % 50 == 0:
            trace.compare()
    trace.compare()
    for each in others:
        each.close()
    rare = [
        "evicted",
        "refused",
        "other",
        "change over",
        "change refused",
        "change parked",
        "change wake",
        "demoted",
        "closed",
        "flooding",
    ]
    assert [name for name in rare if not trace.seen[name]] == []


small = st.lists(
    st.tuples(st.sampled_from([ChangeKind.ADD, ChangeKind.REMOVE]), st.sampled_from(["T.A", "Q.A", "T.B"])), max_size=8
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=small, data=st.data())
def test_the_order_of_arrival_does_not_matter(
    registry: Registry, sent: list[tuple[ChangeKind, str]], data: st.DataObject
) -> None:
    """Messages before and after the end of the sign-in alike: the pairs are those of the order in which they were sent."""
    registry.store.run(Command(("FLUSHALL",), ()))
    messages = data.draw(st.permutations([(kind, pair, NOW_MS + i) for i, (kind, pair) in enumerate(sent)]))
    released = data.draw(st.integers(0, len(messages)))
    registry.open("c1", "203.0.113.7", NOW_MS)
    registry.admit("c1", Subscriber("ann", Tier(7), "k1"), NOW_MS)
    for i, (kind, pair, at_ms) in enumerate(messages):
        if i == released:
            registry.release("c1")
        registry.change("c1", kind, pairs_of([pair]), at_ms)
    registry.release("c1")
    expected: set[str] = set()
    for kind, pair in sent:
        (expected.add if kind is ChangeKind.ADD else expected.discard)(pair)
    assert pairs(registry) == expected
    assert replayed(changes(registry)).get("c1", frozenset()) == expected
    ids = [entry[0] for entry in registry.store.run(registry.read_changes("0-0"))[0]]
    assert all(earlier != after for earlier, after in pairwise(ids))


@pytest.mark.parametrize("lost", KEYS)
def test_nothing_breaks_for_good_where_a_key_is_lost(registry: Registry, lost: str) -> None:
    """The store may be emptied, or lose a key. Whoever connects anew is served, and what is left goes as it is closed."""
    who = Subscriber("ann", Tier(6), "k1", NOW_MS + 900_000)
    for i in range(3):
        listen(registry, f"c{i}", who)
        registry.change(f"c{i}", ChangeKind.ADD, pairs_of(["T.AAPL", "Q.AAPL"]), NOW_MS)
    registry.open("new", "203.0.113.7", NOW_MS)
    registry.change("new", ChangeKind.ADD, pairs_of(["T.AAPL"]), NOW_MS)
    registry.store.run(plain("DEL", f"dekr:{{stream}}:{lost}"))
    registry.close("c2", NOW_MS)
    if lost != "connections":
        assert registry.demote("c1", who).state is State.LISTENING
    for connection in ("c0", "c1", "c2", "new"):
        registry.hear(connection)
        registry.admit(connection, who, NOW_MS)
        registry.release(connection)
        registry.change(connection, ChangeKind.REMOVE, pairs_of(["T.AAPL", "T.X"]), NOW_MS)
        registry.demote(connection, who)
    registry.listeners()
    registry.due(NOW_MS + 9_000_000, 10)
    for i in range(4):
        registry.open(f"d{i}", "203.0.113.7", NOW_MS)
        assert registry.admit(f"d{i}", who, NOW_MS + i).state is State.ADMITTED
        assert registry.release(f"d{i}").state is State.LISTENING
        assert registry.change(f"d{i}", ChangeKind.ADD, pairs_of(["T.MSFT"]), NOW_MS).over == ()
    assert pairs(registry, "d3") == {"T.MSFT"}
    for connection in ("c0", "c1", "c2", "new", "d0", "d1", "d2", "d3"):
        registry.close(connection, NOW_MS)
    assert registry.listeners()[1] == []
