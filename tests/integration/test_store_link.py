"""The link to real servers: one node, a cluster of three, TLS; and what happens when they misbehave."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from dekr.errors import StoreDown
from dekr.store import Script, Store, call, plain
from dekr.store.cluster import ClusterLink
from dekr.store.link import FAILURES_TO_OPEN, Link, LinkBreaker
from local.ports import free_port
from local.stack.store_server import installed_server
from tests.patience import HANG_S, patient
from tests.redis_servers import RedisServer, redis_cluster, redis_single, redis_tls
from tests.round_trips import counted
from tests.world import World

ROOT = Path(__file__).parents[2]


def python(code: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run code in a fresh interpreter that has the layer on its path."""
    return subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "layers/common")},
    )


ECHO = Script("echo", "redis.call('SET', KEYS[1], ARGV[2]) return {ARGV[1], ARGV[2]}")


@pytest.fixture(scope="module", params=["single", "cluster", "tls"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """A store of each kind."""
    if request.param == "single":
        with redis_single() as server:
            yield patient(Link.open(server.url))
    elif request.param == "cluster":
        with redis_cluster() as url:
            link = ClusterLink(url)
            yield link
            link.close()
    else:
        # Only `make test` without a server that speaks TLS leaves it out.
        if installed_server() is None and os.environ.get("CI") != "true":
            pytest.skip("a store behind TLS needs an installed server: `make system`")
        with redis_tls() as (url, _):
            yield patient(Link.open(url))


def test_replies_come_in_order_over_several_slots(store: Store) -> None:
    store.clock_offset_us = 42
    store.run(call(ECHO, ["{a}x"], "zero"), call(ECHO, ["{b}x"], "zero"), call(ECHO, ["{c}x"], "zero"))
    replies = store.run(
        call(ECHO, ["{a}x"], "one"), plain("GET", "{a}x"), call(ECHO, ["{b}x"], "two"), plain("GET", "{b}x")
    )
    assert replies == [[b"42", b"one"], b"one", [b"42", b"two"], b"two"]


def test_replies_are_raw(store: Store) -> None:
    store.run(plain("DEL", "{r}s", "{r}h"))
    store.run(plain("XADD", "{r}s", "1-0", "a", "b"), plain("HSET", "{r}h", "a", "b"))
    entry = [b"1-0", [b"a", b"b"]]
    assert store.run(
        plain("XRANGE", "{r}s", "-", "+"), plain("XREVRANGE", "{r}s", "+", "-"), plain("HGETALL", "{r}h")
    ) == [[entry], [entry], [b"a", b"b"]]


def test_a_command_that_is_sent_again_takes_the_clock_of_then(store: Store) -> None:
    command = call(ECHO, ["{a}x"], "one")
    store.clock_offset_us = 1
    first = store.run(command)
    store.clock_offset_us = 2
    assert (first, store.run(command)) == ([[b"1", b"one"]], [[b"2", b"one"]])


def test_a_script_that_the_server_lost_is_sent_again(store: Store) -> None:
    lost = Script("lost", f"-- {id(store)}\nreturn {{KEYS[1], ARGV[2]}}")
    assert store.run(call(lost, ["{a}"], 1), call(lost, ["{b}"], 2)) == [[b"{a}", b"1"], [b"{b}", b"2"]]


def test_a_refused_command_is_an_error(store: Store) -> None:
    store.run(plain("SET", "{a}text", "x"))
    with pytest.raises(StoreDown):
        store.run(plain("HGET", "{a}text", "field"))


def test_quotes_and_bars_work_on_every_kind(store: Store) -> None:
    world = World(store)
    world.to("2026-11-20T15:00:00Z")
    world.upstream.listed = ("AAPL", "MSFT")
    key = world.key()
    for path in ("/quote/AAPL", "/market-data/AAPL?limit=400", "/quote/MSFT"):
        assert world.get(path, key).headers["Cache-Status"] == "dekr; fwd=miss; stored"
        assert world.get(path, key).headers["Cache-Status"].startswith("dekr; hit")
    assert len(world.upstream.calls) == 3


def test_a_hit_is_one_round_trip_and_a_miss_three_or_four(world: World, link: Link) -> None:
    world.to("2026-11-20T15:00:00Z")
    key = world.key()
    world.get("/quote/AAPL", key)
    world.get("/market-data/WARM", key)
    world.later(40)
    with counted(link) as trips:
        for path in ("/quote/AAPL", "/market-data/AAPL?limit=400", "/market-data/AAPL?timespan=minute&limit=10"):
            before = trips.count
            assert world.get(path, key).headers["Cache-Status"] == "dekr; fwd=miss; stored"
            # A quote's miss also looks at what else is worth fetching.
            assert trips.count - before == (4 if "quote" in path else 3), path
            before = trips.count
            assert world.get(path, key).headers["Cache-Status"].startswith("dekr; hit")
            assert trips.count - before == 1, path


def test_a_connection_that_the_server_closed_is_made_again(link: Link, redis: RedisServer) -> None:
    link.run(plain("SET", "a", 1))
    with redis.client() as client:
        client.client_kill_filter(_type="normal", skipme=True)
    assert link.run(plain("GET", "a")) == [b"1"]


def test_a_restarted_server_is_found_again() -> None:
    port = free_port()
    with redis_single(port=port) as server:
        link = patient(Link.open(server.url))
        link.run(plain("SET", "a", 1))
    with pytest.raises(StoreDown):
        link.run(plain("GET", "a"))
    with redis_single(port=port):
        assert link.run(plain("GET", "a")) == [None]


def test_a_command_whose_reply_stays_half_is_sent_again_on_a_new_connection() -> None:
    answers = [b"$5\r\nfirst\r\n$6\r\nsec", b"$5\r\nfirst\r\n$6\r\nsecond\r\n"]
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            # Each connection stays open until the link has left it: the first one never says the rest.
            for answer in answers:
                connection, _ = server.accept()
                with connection:
                    connection.recv(1024)
                    with suppress(ConnectionError):
                        connection.sendall(answer)
                        assert connection.recv(1024) == b""

        def leave(*arguments: object) -> None:
            # The first reply is late for good. However late the second one is, it is waited for.
            link.connection.socket_timeout = HANG_S
            disconnect(*arguments)

        serving = threading.Thread(target=serve)
        serving.start()
        link: Any = Link.open(f"redis://127.0.0.1:{server.getsockname()[1]}/0")
        disconnect, link.connection.disconnect = link.connection.disconnect, leave
        assert link.run(plain("GET", "a"), plain("GET", "b")) == [b"first", b"second"]
        link.close()
        serving.join()


def test_a_read_only_replica_is_left_for_the_new_master(redis: RedisServer) -> None:
    port = free_port()
    with redis_single("--replicaof", "127.0.0.1", str(redis.port), port=port) as replica, replica.client() as client:
        link = patient(Link.open(replica.url))
        with pytest.raises(StoreDown):
            link.run(plain("SET", "a", 1))
        client.replicaof("NO", "ONE")
        assert link.run(plain("SET", "a", 1)) == [b"OK"]


def test_a_dead_store_is_not_tried_again_for_a_moment() -> None:
    now = [0.0]
    link = Link.open(f"redis://127.0.0.1:{free_port()}/0")
    link.breaker = LinkBreaker(lambda: now[0], lambda: 0.0)
    with counted(link) as trips:
        for _ in range(FAILURES_TO_OPEN + 5):
            with pytest.raises(StoreDown):
                link.run(plain("GET", "a"))
        # A connection that could not be made is not made again for the same request.
        assert trips.count == FAILURES_TO_OPEN
        now[0] = 1.1
        with pytest.raises(StoreDown):
            link.run(plain("GET", "a"))
        assert trips.count == FAILURES_TO_OPEN + 1


def test_a_cluster_link_works_after_a_link_was_imported_on_its_own() -> None:
    """In a function the link loads parts of redis-py without the package; a cluster link then needs all of it."""
    code = (
        "import sys; from dekr.store.link import Link; assert 'redis.cluster' not in sys.modules;"
        "from dekr.store.cluster import ClusterLink; from dekr.store import plain;"
        "link = ClusterLink(sys.argv[1]); print(link.run(plain('SET', 'a', 1), plain('GET', 'a'), plain('GET', 'b')))"
    )
    with redis_cluster() as url:
        done = python(code, url)
    assert done.stdout == "[True, b'1', None]\n", done.stderr


def test_importing_a_function_loads_no_client_that_a_hit_does_not_need() -> None:
    banned = ("boto3", "botocore", "httpx", "tenacity", "pydantic_settings", "redis.cluster", "redis.asyncio")
    code = f"import sys; sys.path.insert(0, 'functions/quote'); import app; print([m for m in {banned} if m in sys.modules])"
    done = python(code)
    assert done.stdout == "[]\n", done.stderr
