"""Principals of API keys: a real Redis, several sandboxes, a directory in memory and a driven clock."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest

from dekr.access.directory import KeyRecord
from dekr.access.keys import NewKey, new_key
from dekr.access.limits import Limiter
from dekr.access.principal import Principal, Role
from dekr.access.principals import KEYS_OF_AN_ADDRESS, MAX_RECORDS, Principals
from dekr.errors import DekrError, InvalidInput, RateLimited, RoleRequired, Unauthenticated, Unavailable
from dekr.tiers import Tier
from tests.fakes.directory import FakeDirectory
from tests.integration.access.sandboxes import DrivenSandboxes
from tests.redis_servers import RedisServer
from tests.round_trips import counted

ADDRESS = "198.51.100.7"
START_US = 1_795_186_800_000_000


class Sandboxes(DrivenSandboxes):
    """Makes sandboxes that share a Redis, a directory and a clock."""

    def __init__(self, url: str) -> None:
        super().__init__(url, START_US)
        self.directory = FakeDirectory()

    def new(self, directory: FakeDirectory | None = None, url: str | None = None) -> Principals:
        link = self.link(url)
        limiter = Limiter(link, self.clock)
        return Principals(link, lambda: directory or self.directory, limiter, self.clock)

    def issue(self, user: str = "demo", tier: int = 5, role: Role = Role.USER, key: NewKey | None = None) -> NewKey:
        return self.directory.issue(user, tier, role, key or new_key("test", _bytes()))


class _Counter:
    made = 0


def _bytes(key_id: bytes | None = None) -> "FakeRandom":
    _Counter.made += 1
    return FakeRandom(_Counter.made, key_id)


@dataclass
class FakeRandom:
    """Bytes that no other key has; ``key_id`` fixes those of the id."""

    seed: int
    key_id: bytes | None

    def __call__(self, size: int) -> bytes:
        return self.key_id if self.key_id and size == len(self.key_id) else self.seed.to_bytes(size)


@pytest.fixture
def sandboxes(redis: RedisServer) -> Iterator[Sandboxes]:
    with closing(Sandboxes(redis.url)) as made:
        yield made


def refusal(sandbox: Principals, key: str) -> DekrError:
    with pytest.raises(DekrError) as refused:
        sandbox.resolve(key, ADDRESS)
    return refused.value


def code(sandbox: Principals, key: str) -> str:
    return refusal(sandbox, key).code


def test_a_good_key_is_its_user_with_their_tier_and_role(sandboxes: Sandboxes) -> None:
    key = sandboxes.issue("anna", 3, Role.SERVICE)
    principal = sandboxes.new().resolve(key.text, ADDRESS)
    assert principal == Principal("anna", Tier.SECTOR_SPECIALIST, Role.SERVICE, key.id)


def test_the_directory_is_read_once_a_minute_by_all_sandboxes_together(sandboxes: Sandboxes) -> None:
    first, second, key = sandboxes.new(), sandboxes.new(), sandboxes.issue()
    for _ in range(5):
        first.resolve(key.text, ADDRESS)
        second.resolve(key.text, ADDRESS)
        sandboxes.later(11.9)
    assert sandboxes.directory.reads == 1
    sandboxes.later(1)
    second.resolve(key.text, ADDRESS)
    first.resolve(key.text, ADDRESS)
    assert sandboxes.directory.reads == 2


def test_a_key_in_memory_costs_no_round_trip_and_one_in_the_store_costs_one(sandboxes: Sandboxes) -> None:
    first, second, key = sandboxes.new(), sandboxes.new(), sandboxes.issue()
    first.resolve(key.text, ADDRESS)
    with counted(sandboxes.links[1]) as trips:
        second.resolve(key.text, ADDRESS)
        assert trips.count == 1
        second.resolve(key.text, ADDRESS)
        assert trips.count == 1


@pytest.mark.parametrize("copied_after_s", [0, 1, 30, 59.9])
def test_a_revoked_key_is_refused_a_minute_after_the_read_in_every_sandbox(
    sandboxes: Sandboxes, copied_after_s: float
) -> None:
    reader, copier, key = sandboxes.new(), sandboxes.new(), sandboxes.issue()
    reader.resolve(key.text, ADDRESS)
    sandboxes.directory.revoke(key.id)
    sandboxes.later(copied_after_s)
    copier.resolve(key.text, ADDRESS)
    sandboxes.later(60 - copied_after_s)
    for sandbox in (reader, copier, sandboxes.new()):
        assert code(sandbox, key.text) == "revoked_api_key"


def test_the_minute_starts_when_the_read_starts_and_not_when_it_ends(sandboxes: Sandboxes, redis: RedisServer) -> None:
    class Slow(FakeDirectory):
        def find(self, key_id: str) -> KeyRecord | None:
            found = super().find(key_id)
            sandboxes.later(5)
            return found

    sandboxes.directory = Slow()
    reader, key = sandboxes.new(), sandboxes.issue()
    reader.resolve(key.text, ADDRESS)
    with redis.client() as client:
        assert 0 < client.pttl(f"dekr:{{key:{key.id}}}:principal") <= 55_000
    sandboxes.directory.revoke(key.id)
    sandboxes.later(54.9)
    reader.resolve(key.text, ADDRESS)
    sandboxes.later(0.1)
    assert code(reader, key.text) == "revoked_api_key"


def test_an_unknown_key_is_remembered_as_such_for_a_minute(sandboxes: Sandboxes) -> None:
    first, second, key = sandboxes.new(), sandboxes.new(), new_key("test", _bytes())
    for sandbox in (first, second, first):
        assert code(sandbox, key.text) == "invalid_api_key"
    assert sandboxes.directory.reads == 1
    sandboxes.issue(key=key)
    sandboxes.later(60)
    assert second.resolve(key.text, ADDRESS).user_id == "demo"


def test_the_right_id_with_another_secret_is_refused_like_an_unknown_one(sandboxes: Sandboxes) -> None:
    same_id = b"\x07" * 12
    key = sandboxes.issue(key=new_key("test", _bytes(same_id)))
    forged = new_key("test", _bytes(same_id))
    assert forged.id == key.id
    sandbox = sandboxes.new()
    for attempt in (forged.text, new_key("test", _bytes()).text):
        with pytest.raises(Unauthenticated) as refused:
            sandbox.resolve(attempt, ADDRESS)
        assert refused.value.detail == "There is no such API key."
    sandboxes.directory.revoke(key.id)
    sandboxes.later(60)
    assert code(sandbox, forged.text) == "invalid_api_key"


def test_a_key_of_another_environment_is_refused(sandboxes: Sandboxes) -> None:
    same = b"\x05" * 12
    sandboxes.issue(key=new_key("test", FakeRandom(1, same)))
    other = new_key("prod", FakeRandom(1, same))
    assert code(sandboxes.new(), other.text) == "invalid_api_key"


@pytest.mark.parametrize("junk", ["dk_test_junk", "dk_test_\ud800"])
def test_junk_costs_no_look_up(sandboxes: Sandboxes, junk: str) -> None:
    sandbox = sandboxes.new()
    with counted(sandboxes.links[0]) as trips:
        assert code(sandbox, junk) == "invalid_api_key"
    assert (trips.count, sandboxes.directory.reads) == (0, 0)


def test_the_store_holds_the_digest_and_never_the_key(sandboxes: Sandboxes, redis: RedisServer) -> None:
    key = sandboxes.issue()
    sandboxes.new().resolve(key.text, ADDRESS)
    with redis.client() as client:
        kept = " ".join(name + (client.get(name) or "") for name in client.scan_iter("*key:*"))
    assert key.digest in kept
    assert key.text not in kept
    assert key.text.split("_")[3][:43] not in kept


@pytest.mark.parametrize(
    "change",
    [
        {"read_us": START_US + 1_000},
        {"read_us": START_US - 60_000_000},
        {"read_us": "now"},
        {"record": {}},
        {"record": {"id": "x", "hash": "", "user": "root", "tier": 7, "role": "admin", "status": "active"}},
        {"extra": 1},
    ],
)
def test_a_copy_that_is_not_one_of_ours_is_not_believed(
    sandboxes: Sandboxes, redis: RedisServer, change: dict[str, object]
) -> None:
    key = sandboxes.issue()
    sandboxes.new().resolve(key.text, ADDRESS)
    name = f"dekr:{{key:{key.id}}}:principal"
    with redis.client() as client:
        raw = client.get(name)
        assert raw
        client.set(name, json.dumps({**json.loads(raw), **change}))
    assert sandboxes.new().resolve(key.text, ADDRESS).user_id == "demo"
    assert sandboxes.directory.reads == 2


@pytest.mark.parametrize("raw", ["", "[]", "null", "{", "\x00\x01", '{"read_us":1e400}'])
def test_garbage_in_the_store_is_not_believed(sandboxes: Sandboxes, redis: RedisServer, raw: str) -> None:
    key = sandboxes.issue()
    with redis.client() as client:
        client.set(f"dekr:{{key:{key.id}}}:principal", raw)
        assert sandboxes.new().resolve(key.text, ADDRESS).user_id == "demo"
        client.delete(f"dekr:{{key:{key.id}}}:principal")
        client.rpush(f"dekr:{{key:{key.id}}}:principal", raw)
        assert sandboxes.new().resolve(key.text, ADDRESS).user_id == "demo"


def test_an_address_with_too_many_unknown_keys_is_refused_before_the_directory_is_read(sandboxes: Sandboxes) -> None:
    sandbox, known = sandboxes.new(), sandboxes.issue()
    sandboxes.new().resolve(known.text, "198.51.100.8")
    reads = sandboxes.directory.reads
    refused = [refusal(sandbox, new_key("test", _bytes()).text) for _ in range(2 * KEYS_OF_AN_ADDRESS.burst)]
    limited = [error for error in refused if isinstance(error, RateLimited)]
    assert limited
    assert 0 < limited[-1].retry_after_s <= 0.2
    reads_made = len(refused) - len(limited)
    assert KEYS_OF_AN_ADDRESS.burst <= reads_made == sandboxes.directory.reads - reads
    # Known keys of that address go on, and so do other addresses.
    assert sandbox.resolve(known.text, ADDRESS).user_id == "demo"
    assert sandbox.resolve(sandboxes.issue("other").text, "198.51.100.9").user_id == "other"
    sandboxes.later(1)
    assert sandbox.resolve(sandboxes.issue("late").text, ADDRESS).user_id == "late"


def flood(sandbox: Principals) -> None:
    """Try out keys from one address until it is refused."""
    for _ in range(2 * KEYS_OF_AN_ADDRESS.burst):
        if isinstance(refusal(sandbox, new_key("test", _bytes()).text), RateLimited):
            return
    pytest.fail("nothing was refused")


def test_keys_that_are_tried_out_lock_no_good_key_of_the_same_address_out(sandboxes: Sandboxes) -> None:
    key = sandboxes.issue()
    sandboxes.new().resolve(key.text, ADDRESS)
    for minutes in (2, 60, 600):
        sandboxes.later(minutes * 60)
        # Nobody holds the key's record any more: it is read again.
        sandbox = sandboxes.new()
        flood(sandbox)
        reads = sandboxes.directory.reads
        assert sandbox.resolve(key.text, ADDRESS).user_id == "demo"
        assert sandboxes.directory.reads == reads + 1
    sandboxes.directory.revoke(key.id)
    sandboxes.later(61)
    assert code(sandboxes.new(), key.text) == "revoked_api_key"


def test_the_id_of_a_good_key_with_another_secret_is_charged_like_any_other(sandboxes: Sandboxes) -> None:
    key_id = bytes(range(12))
    good = sandboxes.issue(key=new_key("test", _bytes(key_id)))
    sandboxes.new().resolve(good.text, ADDRESS)
    sandboxes.later(61)
    sandbox = sandboxes.new()
    flood(sandbox)
    forged = new_key("test", _bytes(key_id))
    assert (forged.id, code(sandbox, forged.text)) == (good.id, "rate_limited")


def test_without_the_store_a_key_in_memory_is_known_to_have_been_good(sandboxes: Sandboxes) -> None:
    sandbox, key = sandboxes.new(url="redis://127.0.0.1:1"), sandboxes.issue()
    sandbox.resolve(key.text, ADDRESS)
    sandboxes.later(61)
    flood(sandbox)
    assert sandbox.resolve(key.text, ADDRESS).user_id == "demo"


def test_without_the_store_the_directory_is_read_and_the_address_is_still_bounded(sandboxes: Sandboxes) -> None:
    sandbox, key = sandboxes.new(url="redis://127.0.0.1:1"), sandboxes.issue()
    assert sandbox.resolve(key.text, ADDRESS).user_id == "demo"
    assert sandbox.resolve(key.text, ADDRESS).user_id == "demo"
    assert sandboxes.directory.reads == 1
    for _ in range(KEYS_OF_AN_ADDRESS.burst - 1):
        code(sandbox, new_key("test", _bytes()).text)
    with pytest.raises(RateLimited):
        sandbox.resolve(new_key("test", _bytes()).text, ADDRESS)
    sandboxes.directory.revoke(key.id)
    sandboxes.later(60)
    assert code(sandbox, key.text) == "revoked_api_key"


def test_without_the_directory_known_keys_go_on_until_their_minute_ends(sandboxes: Sandboxes) -> None:
    class Down(FakeDirectory):
        def find(self, key_id: str) -> KeyRecord | None:
            raise Unavailable(f"no {key_id}", retry_after_s=1, code="directory_unavailable")

    key = sandboxes.issue()
    sandboxes.new().resolve(key.text, ADDRESS)
    sandbox = sandboxes.new(Down())
    sandboxes.later(59)
    assert sandbox.resolve(key.text, ADDRESS).user_id == "demo"
    sandboxes.later(1)
    with pytest.raises(Unavailable):
        sandbox.resolve(key.text, ADDRESS)


def test_a_sandbox_remembers_a_bounded_number_of_keys(sandboxes: Sandboxes) -> None:
    sandbox = sandboxes.new(url="redis://127.0.0.1:1")
    first = sandboxes.issue()
    sandbox.resolve(first.text, ADDRESS)
    for number in range(MAX_RECORDS):
        code_of = f"203.0.113.{number // KEYS_OF_AN_ADDRESS.burst}"
        with pytest.raises(Unauthenticated):
            sandbox.resolve(new_key("test", _bytes()).text, code_of)
    reads = sandboxes.directory.reads
    sandbox.resolve(first.text, "203.0.113.255")
    assert sandboxes.directory.reads == reads + 1


def test_a_service_acts_for_a_user_with_that_users_tier(sandboxes: Sandboxes) -> None:
    sandbox = sandboxes.new()
    sandboxes.issue("anna", 2)
    service = sandbox.resolve(sandboxes.issue("screener", 7, Role.SERVICE).text, ADDRESS)
    acting = sandbox.acting_for(service, "anna", ADDRESS)
    assert (acting.user_id, acting.tier, acting.key_id) == ("anna", Tier.MARKET_HOURS_PRO, service.key_id)
    assert sandbox.acting_for(service, None, ADDRESS) == service
    assert sandbox.acting_for(service, "screener", ADDRESS) == service


def test_a_users_tier_is_read_once_a_minute_by_all_sandboxes_and_then_anew(sandboxes: Sandboxes) -> None:
    first, second = sandboxes.new(), sandboxes.new()
    anna = sandboxes.issue("anna", 6)
    service = first.resolve(sandboxes.issue("screener", 7, Role.SERVICE).text, ADDRESS)
    reads = sandboxes.directory.reads
    for sandbox in (first, second, first):
        assert sandbox.acting_for(service, "anna", ADDRESS).tier == 6
    assert sandboxes.directory.reads == reads + 1
    sandboxes.directory.revoke(anna.id)
    sandboxes.later(59.9)
    assert second.acting_for(service, "anna", ADDRESS).tier == 6
    sandboxes.later(0.1)
    for sandbox in (first, second):
        with pytest.raises(InvalidInput) as refused:
            sandbox.acting_for(service, "anna", ADDRESS)
        assert (refused.value.field, refused.value.code) == ("X-Dekr-User", "unknown_user")


@pytest.mark.parametrize("role", [Role.USER, Role.ADMIN])
def test_only_a_service_may_name_another_user(sandboxes: Sandboxes, role: Role) -> None:
    sandbox = sandboxes.new()
    sandboxes.issue("anna")
    caller = sandbox.resolve(sandboxes.issue("demo", role=role).text, ADDRESS)
    assert sandbox.acting_for(caller, "demo", ADDRESS) == caller
    for other in ("anna", "nobody", ""):
        with pytest.raises(RoleRequired):
            sandbox.acting_for(caller, other, ADDRESS)


@pytest.mark.parametrize(
    ("user", "reads"), [("", 0), ("x" * 129, 0), ("a\r\nb", 0), ("nobody", 1), ("a}b", 1), ("anna ", 1)]
)
def test_a_service_that_names_nobody_gets_an_error_that_says_so(sandboxes: Sandboxes, user: str, reads: int) -> None:
    sandbox = sandboxes.new()
    sandboxes.issue("anna")
    service = sandbox.resolve(sandboxes.issue("screener", 7, Role.SERVICE).text, ADDRESS)
    reads += sandboxes.directory.reads
    with pytest.raises(InvalidInput) as refused:
        sandbox.acting_for(service, user, ADDRESS)
    assert refused.value.field == "X-Dekr-User"
    assert sandboxes.directory.reads == reads
