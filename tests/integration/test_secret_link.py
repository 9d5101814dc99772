"""A store whose URL is in a secret: read once, never written down, and read again when the password was changed."""

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
import redis
from moto import mock_aws

from dekr import secret, wiring
from dekr.config import Settings
from dekr.errors import StoreDown, Unavailable
from dekr.store import Store, plain
from dekr.store.link import FAILURES_TO_OPEN, Link, LinkBreaker
from dekr.store.secret_link import SecretLink, url_of
from tests.patience import patient, patient_url
from tests.redis_servers import RedisServer, redis_single, redis_tls
from tests.world import CURSOR_SECRET

PASSWORD = "only-in-the-secret"
CHANGED = "changed-by-its-owner"


class Vault:
    """A secret, and how often it was read."""

    def __init__(self, text: str | None) -> None:
        self.text = text
        self.reads = 0

    def read(self) -> str:
        self.reads += 1
        if self.text is None:
            raise Unavailable("no", retry_after_s=5, fault="Secrets Manager: ConnectTimeoutError")
        return self.text


def connect(url: str) -> Store:
    return patient(Link.open(url))


@pytest.fixture
def guarded() -> Iterator[RedisServer]:
    """A server that admits nobody without the password."""
    with redis_single() as server:
        with server.client() as client:
            client.config_set("requirepass", PASSWORD)
        yield server


def with_password(server: RedisServer, password: str) -> str:
    return server.url.replace("redis://", f"redis://:{password}@")


def test_the_secret_is_read_with_the_first_command_and_once(guarded: RedisServer) -> None:
    vault = Vault(with_password(guarded, PASSWORD) + "\n")
    link = SecretLink(vault.read, connect)
    assert vault.reads == 0
    assert link.run(plain("SET", "a", 1), plain("GET", "a")) == [b"OK", b"1"]
    assert [each.run(plain("GET", "a")) for each in link.shards()] == [[b"1"]]
    assert vault.reads == 1


def test_a_password_that_was_changed_is_read_anew(guarded: RedisServer) -> None:
    vault = Vault(with_password(guarded, PASSWORD))
    link = SecretLink(vault.read, connect)
    link.run(plain("GET", "a"))
    with redis.Redis.from_url(patient_url(vault.text or "")) as owner:
        owner.config_set("requirepass", CHANGED)
        owner.client_kill_filter(_type="normal", skipme=True)
    vault.text = with_password(guarded, CHANGED)
    with pytest.raises(StoreDown):
        link.run(plain("GET", "a"))
    assert link.run(plain("GET", "a")) == [None]
    assert vault.reads == 2


def test_a_secret_that_cannot_be_read_is_not_asked_for_by_every_request() -> None:
    vault, now = Vault(None), [0.0]
    link = SecretLink(vault.read, connect, breaker=LinkBreaker(lambda: now[0]))
    for _ in range(FAILURES_TO_OPEN + 5):
        with pytest.raises(StoreDown):
            link.run(plain("GET", "a"))
    assert vault.reads == FAILURES_TO_OPEN
    now[0] = 1.1
    with pytest.raises(StoreDown) as caught:
        link.run(plain("GET", "a"))
    assert (vault.reads, caught.value.fault) == (FAILURES_TO_OPEN + 1, "Secrets Manager: ConnectTimeoutError")


@pytest.mark.parametrize(
    "text", ["", "placeholder", "http://:pw@host", '{"ca": "x"}', '{"url": "redis://:pw@host", "ca": "x"}']
)
def test_a_secret_with_anything_else_is_the_store_down_and_never_shown(text: str) -> None:
    with pytest.raises(StoreDown) as caught:
        url_of(text)
    assert "pw" not in f"{caught.value} {caught.value.fault} {caught.value.__cause__}"


def test_a_private_ca_is_trusted_when_it_is_given_and_only_then() -> None:
    with redis_tls() as (url, certificate):
        address = url.split("?")[0]
        given = json.dumps({"url": address, "ca": Path(certificate).read_text()})
        assert SecretLink(Vault(given).read, connect).run(plain("GET", "a")) == [None]
        with pytest.raises(StoreDown):
            SecretLink(Vault(address).read, connect).run(plain("GET", "a"))


def test_the_clock_offset_reaches_the_link(redis_server: RedisServer) -> None:
    link = SecretLink(Vault(redis_server.url).read, connect)
    link.clock_offset_us = 42
    link.run(plain("GET", "a"))
    assert link.shards()[0].clock_offset_us == 42


def test_the_service_reads_the_secret_that_its_settings_name(
    guarded: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        url = with_password(guarded, PASSWORD)
        arn = boto3.client("secretsmanager").create_secret(Name="redis", SecretString=url)["ARN"]
        environment = {
            "REDIS_SECRET_ARN": arn,
            "KEYS_TABLE": "keys",
            "POLYGON_SECRET_ARN": "arn:fake",
            "KEY_PREFIX": "x:",
            "CURSOR_SECRET": CURSOR_SECRET,
        }
        secret._provider.cache_clear()
        store = wiring.store_of(Settings.read(environment))
        assert isinstance(store, SecretLink)
        store.connect = connect
        assert (store.prefix, store.run(plain("GET", "a"))) == ("x:", [None])
        secret._provider.cache_clear()
