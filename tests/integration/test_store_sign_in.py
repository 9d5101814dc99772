"""Signing in to a store that is slow at it, or stuck: TCP, TLS and AUTH have one limit together, which is not that of a reply."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from redis.credentials import CredentialProvider
from redis.exceptions import TimeoutError as RedisTimeoutError

from dekr.errors import StoreDown
from dekr.store import plain
from dekr.store.cluster import ClusterLink
from dekr.store.connection import REPLY_S, SIGN_IN_S, SignInFailed, StoreConnection
from dekr.store.link import FAILURES_TO_OPEN, MAX_OPEN_S, OPEN_S, Link, LinkBreaker
from local.ports import free_port
from tests.patience import HANG_S, patient
from tests.redis_servers import certificate
from tests.slow_store import SLOW_S, SlowStore, Step, slow_store

SHORT_S = SLOW_S / 10
LONG_S = 10 * HANG_S

type AnyLink = Link | ClusterLink
type Open = Callable[[str], AnyLink]
KINDS = pytest.mark.parametrize("open_link", [Link.open, ClusterLink], ids=["single", "cluster"])
STEPS = pytest.mark.parametrize("step", ["TLS", "AUTH"])


@pytest.fixture(scope="module")
def files() -> Iterator[tuple[Path, Path]]:
    with tempfile.TemporaryDirectory() as folder:
        yield certificate(Path(folder))


def url_of(store: SlowStore, files: tuple[Path, Path], *, sign_in_s: float, reply_s: float) -> str:
    """The URL of a store with these limits in seconds."""
    return f"{store.url}?ssl_ca_certs={files[0]}&socket_connect_timeout={sign_in_s}&socket_timeout={reply_s}"


def anonymous(url: str) -> str:
    """The URL without its user and password."""
    return url.replace("user:password@", "")


def connection_of(link: AnyLink) -> StoreConnection:
    """A connection as this link makes them."""
    if isinstance(link, Link):
        return link.connection
    connection = link.pool(host="127.0.0.1", port=urlsplit(link.url).port or 0).make_connection()
    assert isinstance(connection, StoreConnection)
    return connection


def test_a_sign_in_has_more_time_than_a_reply() -> None:
    assert SIGN_IN_S >= 1 > REPLY_S


@STEPS
@KINDS
def test_a_sign_in_that_takes_longer_than_a_reply_may_is_waited_for(
    open_link: Open, step: Step, files: tuple[Path, Path]
) -> None:
    with slow_store(slow=step, certificate=files) as store:
        connection = connection_of(open_link(url_of(store, files, sign_in_s=HANG_S, reply_s=SHORT_S)))
        connection.connect()
        # From here on the limit is that of a reply.
        sock: Any = connection._sock
        assert sock.gettimeout() == SHORT_S
        connection.disconnect()
        assert store.names[0] == "AUTH"


@KINDS
def test_a_store_that_is_slow_at_every_sign_in_is_used(open_link: Open, files: tuple[Path, Path]) -> None:
    with slow_store(slow="AUTH", certificate=files) as store:
        link = open_link(url_of(store, files, sign_in_s=HANG_S, reply_s=HANG_S))
        assert link.run(plain("GET", "a"), plain("GET", "b")) == [b"value", b"value"]
        link.close()


@STEPS
@KINDS
def test_a_sign_in_that_never_ends_is_given_up(open_link: Open, step: Step, files: tuple[Path, Path]) -> None:
    with slow_store(stuck=step, certificate=files) as store:
        link = open_link(url_of(store, files, sign_in_s=SHORT_S, reply_s=LONG_S))
        with pytest.raises(StoreDown) as caught:
            link.run(plain("GET", "a"))
    assert caught.value.fault == "sign-in: TimeoutError"
    # A busy machine may come to the limit in an earlier step; the limit of a reply it never comes to.
    assert False not in store.left


def test_all_steps_together_have_one_limit() -> None:
    now = [0.0]

    class LateCredentials(CredentialProvider):
        def get_credentials(self) -> tuple[str, str]:
            now[0] += SIGN_IN_S
            return "user", "password"

    with slow_store() as store:
        link = patient(Link.open(anonymous(store.url), credentials=LateCredentials()))
        link.connection.socket_connect_timeout = SIGN_IN_S
        link.connection.monotonic = lambda: now[0]
        with pytest.raises(StoreDown):
            link.run(plain("GET", "a"))
        assert "GET" not in store.names


def test_a_connection_that_could_not_get_its_credentials_is_not_used() -> None:
    class NoCredentials(CredentialProvider):
        def get_credentials(self) -> tuple[str, str]:
            raise KeyError("AWS_REGION")

    with slow_store() as store:
        link = patient(Link.open(anonymous(store.url), credentials=NoCredentials()))
        for _ in range(2):
            with pytest.raises(KeyError, match="AWS_REGION"):
                link.run(plain("GET", "a"))
        assert store.names == []


@KINDS
def test_the_certificates_are_read_once(open_link: Open) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = certificate(Path(folder))
        with slow_store(certificate=files) as store:
            link = open_link(url_of(store, files, sign_in_s=HANG_S, reply_s=HANG_S))
            files[0].unlink()
            for _ in range(2):
                assert link.run(plain("GET", "a")) == [b"value"]
                link.close()


def test_a_store_whose_certificate_nobody_vouches_for_is_refused(files: tuple[Path, Path]) -> None:
    with slow_store(certificate=files) as store:
        with pytest.raises(StoreDown):
            patient(Link.open(store.url)).run(plain("GET", "a"))
        assert patient(Link.open(f"{store.url}?ssl_cert_reqs=none")).run(plain("GET", "a")) == [b"value"]


@KINDS
def test_a_store_that_nobody_serves_is_down(open_link: Open) -> None:
    with pytest.raises(StoreDown):
        open_link(f"redis://127.0.0.1:{free_port()}/0").run(plain("GET", "a"))


@pytest.mark.parametrize(
    ("chance", "pauses_s"),
    [(0.0, [1, 1, 1, 1, 1, 1]), (0.5, [1.5, 2.5, 4.5, 8.5, 15.5, 15.5]), (1.0, [2, 4, 8, 16, 30, 30])],
)
def test_an_unreachable_store_is_tried_ever_less_often(chance: float, pauses_s: list[float]) -> None:
    now = [0.0]
    breaker = LinkBreaker(lambda: now[0], lambda: chance)
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.failed(SignInFailed())
        breaker.check()
    for pause_s in pauses_s:
        breaker.failed(SignInFailed())
        now[0] += pause_s / 2
        with pytest.raises(StoreDown):
            breaker.check()
        now[0] += pause_s / 2
        breaker.check()
    for _ in range(2000):
        breaker.failed(SignInFailed())
    assert OPEN_S <= breaker.open_until_s - now[0] <= MAX_OPEN_S
    breaker.worked()
    breaker.check()


def test_a_store_that_answers_too_late_is_tried_again_after_a_second() -> None:
    breaker = LinkBreaker(lambda: 0.0, lambda: 1.0)
    for _ in range(20):
        breaker.failed(RedisTimeoutError())
    assert breaker.open_until_s == OPEN_S


@KINDS
def test_a_failed_sign_in_makes_the_pauses_longer(open_link: Open) -> None:
    now = [0.0]
    link = open_link(f"redis://127.0.0.1:{free_port()}/0")
    breaker = LinkBreaker(lambda: now[0], lambda: 1.0)
    link.breaker = breaker
    for _ in range(FAILURES_TO_OPEN + 2):
        with pytest.raises(StoreDown):
            link.run(plain("GET", "a"))
        pause_s = breaker.open_until_s - now[0]
        now[0] = breaker.open_until_s
    assert pause_s == 8
