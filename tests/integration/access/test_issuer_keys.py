"""The issuer's keys: a real Redis, several sandboxes, an issuer in memory and a driven clock."""

import json
from collections.abc import Iterator
from contextlib import closing

import pytest

from dekr.access.issuer_keys import IssuerKeys
from dekr.access.jwks import PublicKey
from dekr.access.limits import Limiter
from dekr.errors import Unavailable
from tests.fakes.issuer import START_S, FakeIssuer, public_jwk
from tests.integration.access.sandboxes import DrivenSandboxes
from tests.redis_servers import RedisServer
from tests.round_trips import counted

URL = "https://issuer.example/keys"


class Sandboxes(DrivenSandboxes):
    """Makes sandboxes that share a Redis, an issuer and a clock."""

    def __init__(self, url: str) -> None:
        super().__init__(url, START_S * 1_000_000)
        self.issuer = FakeIssuer("RS256", "key-1", "key-2")

    def new(self, url: str | None = None, jwks_url: str = URL) -> IssuerKeys:
        link = self.link(url)
        limiter = Limiter(link, self.clock)
        return IssuerKeys(jwks_url, "RS256", self.issuer.fetch, link, limiter, self.clock)


@pytest.fixture
def sandboxes(redis: RedisServer) -> Iterator[Sandboxes]:
    with closing(Sandboxes(redis.url)) as made:
        yield made


def n_of(key: PublicKey | None) -> str:
    assert key is not None
    return str(key.model_dump()["n"])


def test_all_sandboxes_read_the_keys_once_in_ten_minutes(sandboxes: Sandboxes) -> None:
    made = [sandboxes.new() for _ in range(5)]
    for seconds in (0, 300, 299):
        sandboxes.later(seconds)
        for sandbox in made:
            assert n_of(sandbox.find("key-1")) == public_jwk("RS256", "key-1")["n"]
            assert sandbox.find("key-2") is not None
    assert sandboxes.issuer.fetches == 1
    sandboxes.later(1)
    for sandbox in made:
        sandbox.find("key-1")
    assert sandboxes.issuer.fetches == 2


def test_a_known_key_costs_no_round_trip_and_one_in_the_store_costs_one(sandboxes: Sandboxes) -> None:
    first, second = sandboxes.new(), sandboxes.new()
    first.find("key-1")
    with counted(sandboxes.links[1]) as trips:
        second.find("key-1")
        assert trips.count == 1
        second.find("key-2")
        assert second.find("unknown") is None
        assert trips.count == 1


def test_random_kids_in_many_sandboxes_are_one_read_a_minute(sandboxes: Sandboxes) -> None:
    made = [sandboxes.new() for _ in range(8)]
    for minute in range(5):
        for number in range(20):
            for sandbox in made:
                assert sandbox.find(f"random-{minute}-{number}") is None
        assert sandboxes.issuer.fetches == minute + 1
        sandboxes.later(60)


def test_a_new_key_is_known_within_a_minute_everywhere(sandboxes: Sandboxes) -> None:
    first, second = sandboxes.new(), sandboxes.new()
    assert first.find("key-1")
    assert second.find("key-3") is None
    sandboxes.issuer.keys = [public_jwk("RS256", "key-3")]
    sandboxes.later(59)
    assert first.find("key-3") is None
    sandboxes.later(1)
    assert first.find("key-3") is not None
    assert second.find("key-3") is not None
    assert second.find("key-1") is None
    assert sandboxes.issuer.fetches == 2


def test_a_key_that_was_withdrawn_is_unknown_after_ten_minutes(sandboxes: Sandboxes) -> None:
    sandbox = sandboxes.new()
    sandbox.find("key-1")
    sandboxes.issuer.keys = [public_jwk("RS256", "key-2")]
    sandboxes.later(599.9)
    assert sandbox.find("key-1") is not None
    sandboxes.later(0.1)
    assert sandbox.find("key-1") is None


@pytest.mark.parametrize(
    "document", [None, b"", b"<html>", b'{"keys":[]}', b'{"keys":[{"kty":"oct","k":"eA","kid":"key-1"}]}']
)
def test_while_the_issuer_fails_the_last_keys_go_on_for_an_hour(sandboxes: Sandboxes, document: bytes | None) -> None:
    sandbox = sandboxes.new()
    sandbox.find("key-1")
    sandboxes.issuer.down, sandboxes.issuer.document = document is None, document
    for _ in range(59):
        sandboxes.later(61)
        assert sandbox.find("key-1") is not None
        assert sandboxes.new().find("key-1") is not None
        with pytest.raises(Unavailable):
            sandbox.find("key-3")
    sandboxes.later(1)
    for other in (sandbox, sandboxes.new()):
        with pytest.raises(Unavailable) as refused:
            other.find("key-1")
        assert (refused.value.code, refused.value.status) == ("token_keys_unavailable", 503)
    sandboxes.issuer.down, sandboxes.issuer.document = False, None
    sandboxes.later(60)
    assert sandbox.find("key-1") is not None


def test_an_issuer_that_fails_is_noted_while_older_keys_go_on(sandboxes: Sandboxes) -> None:
    keys = sandboxes.new()
    keys.find("key-1")
    sandboxes.later(601)
    sandboxes.issuer.document = b"{}"
    assert keys.find("key-1") is not None
    assert [str(failure) for failure in keys.passed_over.take()] == ["upstream_invalid: jwks: no usable key"]


def test_an_issuer_that_fails_is_read_every_half_minute_by_all_together(sandboxes: Sandboxes) -> None:
    sandboxes.issuer.down = True
    made = [sandboxes.new() for _ in range(4)]
    for _ in range(300):
        for sandbox in made:
            with pytest.raises(Unavailable):
                sandbox.find("key-1")
        sandboxes.later(1)
    assert 9 <= sandboxes.issuer.fetches <= 10


def test_a_sandbox_without_keys_looks_for_them_once_a_second(sandboxes: Sandboxes) -> None:
    sandboxes.issuer.down = True
    sandbox = sandboxes.new()
    with counted(sandboxes.links[0]) as trips:
        for _ in range(50):
            with pytest.raises(Unavailable):
                sandbox.find("key-1")
        assert trips.count == 2  # a look and a charge


def test_another_sandboxes_keys_are_taken_as_soon_as_they_are_there(sandboxes: Sandboxes) -> None:
    sandboxes.issuer.down = True
    early = sandboxes.new()
    with pytest.raises(Unavailable):
        early.find("key-1")
    sandboxes.issuer.down = False
    sandboxes.later(31)
    sandboxes.new().find("key-1")
    assert early.find("key-1") is not None
    assert sandboxes.issuer.fetches == 2


def test_without_the_store_a_sandbox_reads_for_itself_as_rarely(sandboxes: Sandboxes) -> None:
    sandbox = sandboxes.new(url="redis://127.0.0.1:1")
    for _ in range(100):
        assert sandbox.find("key-1") is not None
        assert sandbox.find("unknown") is None
    assert sandboxes.issuer.fetches == 1
    sandboxes.issuer.down = True
    for _ in range(120):
        sandboxes.later(1)
        assert sandbox.find("key-1") is not None
    with pytest.raises(Unavailable):
        sandbox.find("unknown")
    sandboxes.later(480)
    assert sandbox.find("key-1") is not None


def test_the_age_counts_from_before_the_issuer_was_read(sandboxes: Sandboxes) -> None:
    sandbox = sandboxes.new()
    fetch = sandbox.fetch

    def slow() -> bytes:
        document = fetch()
        sandboxes.later(10)
        return document

    sandbox.fetch = slow
    sandbox.find("key-1")
    sandboxes.later(589)
    sandbox.find("key-1")
    assert sandboxes.issuer.fetches == 1
    sandboxes.later(1)
    sandbox.find("key-1")
    assert sandboxes.issuer.fetches == 2


def test_a_clock_that_was_set_back_makes_no_keys_younger(sandboxes: Sandboxes) -> None:
    sandbox = sandboxes.new()
    sandbox.find("key-1")
    sandboxes.later(-3_600)
    assert sandbox.find("key-1") is not None
    assert sandboxes.issuer.fetches == 2


def test_two_issuers_on_one_store_keep_apart(sandboxes: Sandboxes) -> None:
    sandboxes.new().find("key-1")
    sandboxes.issuer.keys = [public_jwk("RS256", "key-3")]
    assert sandboxes.new(jwks_url="https://other.example/keys").find("key-1") is None


@pytest.mark.parametrize("raw", ["", "[]", "null", "{", "\x00", '{"read_us":1e400}', '{"read_us":0,"keys":{}}'])
def test_garbage_in_the_store_is_not_believed(sandboxes: Sandboxes, redis: RedisServer, raw: str) -> None:
    sandboxes.new().find("key-1")
    with redis.client() as client:
        (name,) = client.scan_iter("dekr:{jwks:*}:keys")
        client.set(name, raw)
        sandboxes.later(31)
        assert sandboxes.new().find("key-1") is not None
        assert sandboxes.issuer.fetches == 2


@pytest.mark.parametrize(
    "change",
    [
        {"read_us": (START_S + 90) * 1_000_000},
        {"read_us": (START_S - 3_600) * 1_000_000},
        {"keys": {"key-1": {"kty": "oct", "k": "eA"}}},
        {"keys": {"a b": {}}},
        {"extra": 1},
    ],
)
def test_a_set_that_is_not_one_of_ours_is_not_believed(
    sandboxes: Sandboxes, redis: RedisServer, change: dict[str, object]
) -> None:
    sandboxes.new().find("key-1")
    with redis.client() as client:
        (name,) = client.scan_iter("dekr:{jwks:*}:keys")
        client.set(name, json.dumps({**json.loads(client.get(name) or ""), **change}))
    sandboxes.later(31)
    assert sandboxes.new().find("key-1") is not None
    assert sandboxes.issuer.fetches == 2


def test_an_older_set_in_the_store_does_not_replace_a_newer_one(sandboxes: Sandboxes, redis: RedisServer) -> None:
    sandbox = sandboxes.new()
    sandbox.find("key-1")
    with redis.client() as client:
        (name,) = client.scan_iter("dekr:{jwks:*}:keys")
        old = client.get(name) or ""
        sandboxes.issuer.keys = [public_jwk("RS256", "key-3")]
        sandboxes.later(60)
        assert sandbox.find("key-3") is not None
        client.set(name, old)
    sandboxes.issuer.down = True
    sandboxes.later(60)
    with pytest.raises(Unavailable):
        sandbox.find("unknown")
    assert sandbox.find("key-3") is not None


def test_what_is_kept_ends_after_an_hour(sandboxes: Sandboxes, redis: RedisServer) -> None:
    sandboxes.new().find("key-1")
    with redis.client() as client:
        (name,) = client.scan_iter("dekr:{jwks:*}:keys")
        assert 3_590_000 < client.pttl(name) <= 3_600_000
