"""The registry over several links at once, on a cluster, and with messages that never came."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from dekr.store.cluster import ClusterLink
from dekr.stream.cursor import StreamCursor
from dekr.stream.pairs import pairs_of
from dekr.stream.ports import ChangeKind, State
from dekr.stream.registry import Admitted, Changed, Counts, DueReason, Registry
from tests.integration.stream.registries import (
    ADDRESS,
    NOW_MS,
    add,
    changes,
    later,
    listen,
    now_ms,
    pairs,
    remove,
    subscriber,
)
from tests.redis_servers import redis_cluster
from tests.still_link import StillLink, still_link

THREADS = 8


@pytest.fixture
def registries(registry: Registry) -> Iterator[list[Registry]]:
    """Several registries on one store, each with a link of its own, on one clock."""
    first = registry.store
    assert isinstance(first, StillLink)
    links = [still_link(f"redis://127.0.0.1:{first.connection.port}/0") for _ in range(THREADS)]
    for link in links:
        link.clock = first.clock
    yield [Registry(link) for link in links]
    for link in links:
        link.close()


def at_once[Result](registries: list[Registry], act: Callable[[Registry, int], Result]) -> list[Result]:
    """Let each registry act in a thread of its own, all at the same time."""
    barrier = Barrier(len(registries))

    def wait_and_act(i: int) -> Result:
        barrier.wait()
        return act(registries[i], i)

    with ThreadPoolExecutor(len(registries)) as threads:
        return list(threads.map(wait_and_act, range(len(registries))))


def test_of_many_wake_ups_at_once_one_wins(registry: Registry, registries: list[Registry]) -> None:
    for i in range(THREADS):
        listen(registry, f"c{i}", subscriber(user=f"u{i}"))
    woken = at_once(registries, lambda each, i: add(each, "T.AAPL", NOW_MS + i, f"c{i}").wake)
    assert sorted(woken) == [False] * (THREADS - 1) + [True]
    assert registry.counts() == Counts(THREADS, THREADS, THREADS, THREADS)
    assert {each.connection for each in changes(registry)} == {f"c{i}" for i in range(THREADS)}


def test_of_many_greetings_at_once_one_is_sent(registry: Registry, registries: list[Registry]) -> None:
    registry.open("c1", ADDRESS, NOW_MS)
    greeted = at_once(registries, lambda each, _: each.greet("c1"))
    assert sorted(greeted) == [False] * (THREADS - 1) + [True]


def test_sockets_that_sign_in_at_once_are_never_too_many(registry: Registry, registries: list[Registry]) -> None:
    for i in range(THREADS):
        registry.open(f"c{i}", ADDRESS, NOW_MS)
    admitted = at_once(registries, lambda each, i: each.admit(f"c{i}", subscriber(6), NOW_MS + i))
    assert sum(len(each.evicted) for each in admitted) == THREADS - 3
    assert registry.counts() == Counts(3, 3, 1, 0)


def test_symbols_that_are_added_at_once_are_never_too_many(registry: Registry, registries: list[Registry]) -> None:
    listen(registry, "c0", subscriber(5))
    at_once(
        registries,
        lambda each, i: add(each, " ".join(f"T.{chr(65 + i)}{chr(65 + j)}" for j in range(10)), connection="c0"),
    )
    assert registry.counts().pairs == len(pairs(registry, "c0")) == 25


def test_a_lost_disconnect_keeps_nobody_out(registry: Registry) -> None:
    listen(registry, "half open", subscriber(5))
    add(registry, "T.AAPL", connection="half open")
    later(registry, 60)
    registry.open("next", ADDRESS, now_ms(registry))
    admitted = registry.admit("next", subscriber(5), now_ms(registry))
    assert admitted == Admitted(State.ADMITTED, evicted=("half open",))
    registry.release("next")
    later(registry, 7_200)
    assert [(each.connection, each.reason) for each in registry.due(now_ms(registry), 10)] == [
        ("next", DueReason.EXPIRED)
    ]


def test_a_disconnect_that_comes_twice_or_late_changes_nothing_more(registry: Registry) -> None:
    listen(registry)
    add(registry, "T.AAPL")
    for _ in range(2):
        registry.close("c1", NOW_MS + 1)
    assert [each.kind for each in changes(registry)] == [ChangeKind.ADD, ChangeKind.GONE]
    listen(registry, "c2")
    registry.close("c1", NOW_MS + 2)
    assert registry.counts() == Counts(1, 1, 1, 0)


def test_it_works_on_a_cluster() -> None:
    with redis_cluster() as url:
        link = ClusterLink(url)
        registry = Registry(link)
        now = 1_900_000_000_000
        for i in range(60):
            assert registry.open(f"c{i}", f"203.0.113.{i}", now)
            assert registry.greet(f"c{i}")
            registry.change(f"c{i}", ChangeKind.ADD, pairs_of(["T.AAPL"]), now, since=StreamCursor(1, 2))
            assert registry.admit(f"c{i}", subscriber(user=f"u{i // 10}"), now).state is State.ADMITTED
            assert registry.release(f"c{i}").state is State.LISTENING
        remove(registry, "T.AAPL", now + 1, "c59")
        add(registry, "T.AAPL", now + 2, "c59")
        assert registry.demote("c9", subscriber(6, "u0")) == Changed(
            State.LISTENING, evicted=tuple(f"c{i}" for i in range(7))
        )
        registry.close("c9", now)
        position, listeners = registry.listeners()
        assert {each.connection for each in listeners} == {f"c{i}" for i in range(7, 60) if i != 9}
        assert changes(registry, position) == []
        assert registry.counts() == Counts(52, 52, 6, 52)
        assert registry.due(1, 10) == []
        assert registry.hear("c8").subscriber == subscriber(6, "u0")
        link.close()
