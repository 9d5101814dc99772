"""``GET /health`` tells the truth about the store, the upstream as a whole, and each family of its endpoints."""

from typing import Any

import httpx
import pytest

from dekr.models.operations import Health
from tests.redis_servers import RedisServer
from tests.shapes import shaped
from tests.world import Answer, World

FULL = "1mb"
"""Less memory than any Redis uses: every write is refused."""


def down(_: httpx.Request) -> httpx.Response:
    """Fail as an upstream that is down."""
    return httpx.Response(503)


def unreachable(request: httpx.Request) -> httpx.Response:
    """Fail as where nobody answers."""
    raise httpx.ConnectError("refused", request=request)


def health(world: World) -> tuple[int, Any]:
    answer = world.get("/health")
    return answer.status, shaped(Health, Answer(200, answer.headers, answer.text))


def endpoint(world: World, name: str) -> Any:
    return health(world)[1]["endpoints"][name]


def test_before_the_first_request_nothing_is_known_of_the_upstream(world: World) -> None:
    status, found = health(world)
    assert (status, found["status"], found["store"], found["upstream"]) == (200, "ok", "up", "up")
    assert {each["state"] for each in found["endpoints"].values()} == {"unused"}
    assert {"nbbo", "snapshot", "aggs", "news", "tickers", "marketstatus"} <= set(found["endpoints"])


def test_each_endpoint_says_when_it_last_brought_data(world: World) -> None:
    world.get("/quote/AAPL", world.key())
    first = endpoint(world, "nbbo")
    assert (first["state"], first["until"]) == ("up", None)
    assert first["last_success"].startswith("2026-11-20T15:00:0")
    world.later(60)
    world.upstream.answer = down
    world.get("/quote/AAPL", world.key())
    assert endpoint(world, "nbbo")["last_success"] == first["last_success"]


def test_an_open_breaker_of_any_endpoint_is_shown_and_degrades(world: World) -> None:
    key = world.key()
    world.get("/market-data/AAPL?limit=5", key)
    world.upstream.answer = down
    for ticker in ("MSFT", "KO", "GOOG"):
        assert world.get(f"/market-data/{ticker}?limit=5", key).status == 503
    status, found = health(world)
    assert (status, found["status"], found["upstream"]) == (200, "degraded", "failing: aggs")
    assert found["endpoints"]["aggs"]["state"] == "failing"
    assert found["endpoints"]["aggs"]["until"] > found["time"]
    world.later(60)
    # That nobody has tried since does not make it well.
    assert (health(world)[1]["status"], endpoint(world, "aggs")["until"]) == ("degraded", None)
    world.upstream.answer = lambda _: None
    assert world.get("/market-data/GE?limit=5", key).status == 200
    assert (health(world)[1]["status"], endpoint(world, "aggs")["state"]) == ("ok", "up")


def test_an_upstream_that_cannot_be_reached_is_named_at_once_and_spends_no_budget(world: World) -> None:
    key = world.key()
    small = World(world.store, world.upstream, world.directory, per_minute=5)
    world.upstream.answer = unreachable
    for ticker in ("AAPL", "MSFT", "KO", "GOOG", "GE", "T", "F"):
        refused = small.get(f"/quote/{ticker}", key)
        assert (refused.status, refused.json["code"]) == (503, "upstream_unreachable")
        assert refused.json["detail"] == "This service cannot reach the data provider."
        found = health(small)[1]
        assert (found["status"], found["upstream"]) == ("degraded", "unreachable")
        assert found["endpoints"]["nbbo"]["state"] == "unreachable"
    small.later(10)
    world.upstream.answer = lambda _: None
    assert small.get("/quote/PEP", key).status == 200
    assert (health(small)[1]["status"], endpoint(small, "nbbo")["state"]) == ("ok", "up")


def test_a_host_that_another_endpoint_has_reached_since_can_be_reached(world: World) -> None:
    key = world.key()
    world.upstream.answer = unreachable
    world.get("/quote/AAPL", key)
    world.later(1)
    world.upstream.answer = lambda _: None
    world.get("/market-data/AAPL?limit=5", key)
    assert health(world)[1]["upstream"] == "up"


def test_what_the_plan_never_had_is_shown_and_is_no_trouble(world: World) -> None:
    key = world.key()
    world.upstream.denied = {"v3/quotes"}
    for ticker in ("AAPL", "MSFT"):
        world.get(f"/v3/quotes/{ticker}", key)
        world.later(10)
    found = health(world)[1]
    assert (found["status"], found["endpoints"]["quotes"]["state"]) == ("ok", "denied")
    assert found["endpoints"]["quotes"]["until"] > found["time"]


def test_what_the_plan_had_and_refuses_now_degrades(world: World) -> None:
    key = world.key()
    world.get("/quote/AAPL", key)
    world.upstream.denied = {"nbbo", "snapshot"}
    for ticker in ("KO", "MSFT"):
        world.get(f"/quote/{ticker}", key)
        world.later(10)
    found = health(world)[1]
    assert (found["status"], found["endpoints"]["nbbo"]["state"]) == ("degraded", "denied")


@pytest.fixture
def full(redis: RedisServer, world: World) -> World:
    """The service on a store that refuses writes."""
    world.get("/quote/AAPL", world.key())
    with redis.client() as client:
        client.config_set("maxmemory", FULL)
        client.config_set("maxmemory-policy", "noeviction")
    return world


def test_a_store_that_refuses_writes_is_not_up(full: World, redis: RedisServer) -> None:
    try:
        status, found = health(full)
    finally:
        with redis.client() as client:
            client.config_set("maxmemory", "0")
    assert (status, found["status"], found["store"]) == (503, "unavailable", "read_only")
    assert found["endpoints"]["nbbo"]["state"] == "up"
    assert health(full)[0] == 200
