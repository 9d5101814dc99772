"""Connections that must not go on are told, closed and taken out."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from dekr.errors import StoreDown, Unavailable
from dekr.passed_over import PassedOver
from dekr.stream.ports import ChangeKind, Delivered, Subscriber
from dekr.stream.registry import Registry
from dekr.stream.shift.guard import Guard
from dekr.stream.shift.rounds import CHECK_S, Rounds
from dekr.tiers import Tier
from tests.fakes.directory import FakeDirectory, key_record
from tests.fakes.driven_time import DrivenTime, settle
from tests.fakes.sink import FakeSink
from tests.integration.stream.registries import ADDRESS, NOW_MS, add, changes, later, listen, now_ms, pairs


@dataclass
class Post:
    """A guard on its rounds, with keys ``k1`` of ann (tier 7) and ``k2`` of bob (tier 5)."""

    registry: Registry
    directory: FakeDirectory = field(default_factory=FakeDirectory)
    sink: FakeSink = field(default_factory=FakeSink)
    time: DrivenTime = field(default_factory=DrivenTime)
    fails: list[Exception] = field(default_factory=list)
    passed_over: PassedOver = field(default_factory=PassedOver)
    rounds: Rounds = field(init=False)

    def __post_init__(self) -> None:
        self.put("k1", "ann", 7)
        self.put("k2", "bob", 5)
        guard = Guard(self.registry, lambda: self.directory, lambda: now_ms(self.registry))
        self.rounds = Rounds(guard, self.sink, self.in_thread, self.time.sleep, self.passed_over)

    def put(self, key_id: str, user: str, tier: int) -> None:
        self.directory.put(key_record(key_id, user, tier))

    async def in_thread[T](self, work: Callable[[], T]) -> T:
        if self.fails:
            raise self.fails.pop()
        return work()

    def once(self) -> None:
        asyncio.run(self.rounds.once())

    @property
    def told(self) -> dict[str, str]:
        return {connection: frame[0]["status"] for connection, frame in self.sink.posted}


def who(key_id: str = "k1", user: str = "ann", tier: int = 7, ends_ms: int | None = None) -> Subscriber:
    return Subscriber(user, Tier(tier), key_id, ends_ms)


@pytest.fixture
def post(registry: Registry) -> Post:
    made = Post(registry)
    listen(registry, "ann1", who())
    listen(registry, "bob1", who("k2", "bob", 5))
    return made


def test_good_keys_are_left_alone(post: Post) -> None:
    add(post.registry, "T.AAPL", connection="ann1")
    before = changes(post.registry)
    post.once()
    assert post.sink.posted == []
    assert post.sink.closed == []
    assert changes(post.registry) == before
    assert post.directory.reads == 1


@pytest.mark.parametrize("gone", [False, True])
def test_a_revoked_or_deleted_key_loses_its_sockets(post: Post, gone: bool) -> None:
    listen(post.registry, "ann2", who())
    if gone:
        del post.directory.records["k1"]
    else:
        post.directory.revoke("k1")
    post.once()
    assert post.told == {"ann1": "force_disconnect", "ann2": "force_disconnect"}
    assert sorted(post.sink.closed) == ["ann1", "ann2"]
    assert set(post.registry.signed_in()) == {"bob1"}
    assert {each.connection for each in changes(post.registry) if each.kind is ChangeKind.GONE} == {"ann1", "ann2"}
    post.once()
    assert len(post.sink.posted) == 2


def test_a_lower_tier_loses_surplus_sockets_and_pairs_once(post: Post) -> None:
    listen(post.registry, "ann2", who(), NOW_MS + 1)
    listen(post.registry, "ann3", who(), NOW_MS + 2)
    add(post.registry, "A.* T.AAPL", connection="ann3")
    post.put("k1", "ann", 5)
    allowed = Tier(5).policy.sockets
    post.once()
    gone = ["ann1", "ann2"][: 3 - allowed]
    assert post.told == dict.fromkeys(gone, "max_connections")
    assert sorted(post.sink.closed) == gone
    assert pairs(post.registry, "ann3") == {"T.AAPL"}
    found = post.registry.find("ann3")
    assert found
    assert found.subscriber.tier == 5
    before = changes(post.registry)
    post.once()
    assert changes(post.registry) == before
    assert len(post.sink.posted) == len(gone)


def test_a_higher_tier_is_given_too(post: Post) -> None:
    post.put("k2", "bob", 7)
    post.once()
    assert post.told == {}
    assert post.registry.signed_in()["bob1"].tier == 7


def test_a_user_for_whom_a_module_started_a_stream_has_the_users_own_tier(post: Post) -> None:
    listen(post.registry, "c1=", who("k1", "bob", 5))
    post.once()
    assert post.told == {}
    assert post.registry.signed_in()["c1="].tier == 5, "not that of the module's key"
    post.put("k2", "bob", 6)
    post.once()
    assert post.registry.signed_in()["c1="].tier == 6
    post.directory.revoke("k2")
    post.once()
    assert post.told == {"c1=": "force_disconnect"}


def test_what_is_due_is_told_closed_and_taken_out(post: Post) -> None:
    later(post.registry, 3_600)
    post.registry.open("mute", ADDRESS, now_ms(post.registry))
    listen(post.registry, "token", who("", "jwt:x:eve", 5, now_ms(post.registry) + 60_000), now_ms(post.registry))
    post.once()
    assert post.told == {}
    later(post.registry, 31)
    post.once()
    assert post.told == {"mute": "auth_timeout"}
    later(post.registry, 30)
    post.once()
    assert post.told == {"mute": "auth_timeout", "token": "force_disconnect"}
    assert post.directory.reads == 3
    later(post.registry, 3_600)
    post.once()
    assert set(post.told) == {"mute", "token", "ann1", "bob1"}
    assert sorted(post.sink.closed) == ["ann1", "bob1", "mute", "token"]
    assert post.registry.counts().sockets == 0


def test_who_is_gone_already_is_only_taken_out(post: Post) -> None:
    post.directory.revoke("k1")
    post.sink.outcomes["ann1"] = Delivered.GONE
    post.once()
    assert post.sink.closed == []
    assert set(post.registry.signed_in()) == {"bob1"}


def test_rounds_go_on_where_store_or_directory_fail_and_notice_within_a_minute(post: Post) -> None:
    async def story() -> None:
        running = asyncio.create_task(post.rounds.run())
        await settle()
        assert post.directory.reads == 1
        post.directory.revoke("k1")
        post.fails = [StoreDown(), Unavailable("x", retry_after_s=1, fault="overloaded"), StoreDown()]
        await post.time.go(2 * CHECK_S)
        assert post.rounds.failures == 3
        assert {str(failure) for failure in post.passed_over.take()} == {
            "store_unavailable: guard",
            f"{Unavailable.code}: guard: overloaded",
        }
        assert post.told == {"ann1": "force_disconnect"}
        running.cancel()

    asyncio.run(story())
    assert 3 * CHECK_S <= 60
