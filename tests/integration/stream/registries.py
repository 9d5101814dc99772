"""Steps that tests of the registry share."""

from typing import Any, Final

from dekr.store import plain
from dekr.stream.pairs import pairs_of
from dekr.stream.ports import Change, ChangeKind, Subscriber
from dekr.stream.registry import Changed, Registry
from dekr.tiers import Tier
from tests.still_link import StillLink

NOW_MS: Final = 1_795_190_400_000
ADDRESS: Final = "203.0.113.7"


def subscriber(tier: int = 7, user: str = "ann", **more: Any) -> Subscriber:
    return Subscriber(user, Tier(tier), **{"key_id": "k1", **more})


def clock(registry: Registry) -> StillLink:
    assert isinstance(registry.store, StillLink)
    return registry.store


def now_us(registry: Registry) -> int:
    return clock(registry).clock.at_us


def now_ms(registry: Registry) -> int:
    return now_us(registry) // 1_000


def later(registry: Registry, seconds: float) -> None:
    clock(registry).clock.at_us += int(seconds * 1_000_000)


def listen(registry: Registry, connection: str = "c1", who: Subscriber | None = None, at_ms: int = NOW_MS) -> Changed:
    """Open a connection, sign it in and release it."""
    assert registry.open(connection, ADDRESS, at_ms)
    registry.admit(connection, who or subscriber(), at_ms)
    return registry.release(connection)


def add(registry: Registry, pairs: str, at_ms: int = NOW_MS, connection: str = "c1", **more: Any) -> Changed:
    return registry.change(connection, ChangeKind.ADD, pairs_of(pairs.split()), at_ms, **more)


def remove(registry: Registry, pairs: str, at_ms: int = NOW_MS, connection: str = "c1") -> Changed:
    return registry.change(connection, ChangeKind.REMOVE, pairs_of(pairs.split()), at_ms)


def pairs(registry: Registry, connection: str = "c1") -> set[str]:
    """The pairs that a connection listens to."""
    found = registry.find(connection)
    assert found is not None
    return set(found.pairs)


def changes(registry: Registry, after: str = "0-0") -> list[Change]:
    """All entries of the change log."""
    read: list[Change] = []
    while True:
        more, after = registry.changes_of(registry.store.run(registry.read_changes(after))[0], after)
        if not more:
            return read
        read += more


def relay_runs(registry: Registry, beat_us: int, state: str = "running") -> None:
    """Write what a relay writes about itself."""
    registry.store.run(plain("HSET", "dekr:{stream}:relay", "state", state, "beat", beat_us))
