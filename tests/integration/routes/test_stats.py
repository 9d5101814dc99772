"""The admin routes: figures of the cache, and the removal of a symbol, on one node and on a cluster."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from dekr.access.principal import Role
from dekr.models.operations import CacheStats, Dropped, ForgottenDenials
from dekr.store import Store, plain
from dekr.store.cluster import ClusterLink
from dekr.store.link import Link
from local.sandbox.universe import tickers
from tests.markets import Market
from tests.markets import market as open_market
from tests.patience import patient
from tests.redis_servers import RedisServer, redis_cluster
from tests.shapes import shaped
from tests.world import World


@pytest.fixture(scope="module")
def cluster_url() -> Iterator[str]:
    with redis_cluster() as url:
        yield url


@pytest.fixture(params=["single", "cluster"])
def closed_market(request: pytest.FixtureRequest) -> Iterator[Market]:
    """The service after Friday's close, on a single node and on a cluster."""
    store: Store = request.getfixturevalue("link") if request.param == "single" else _cluster(request)
    with open_market(store) as found:  # type: ignore[arg-type] # any store will do
        found.to("2026-11-21T07:00:00Z")
        yield found
    if isinstance(store, ClusterLink):
        store.close()


def _cluster(request: pytest.FixtureRequest) -> ClusterLink:
    store = ClusterLink(request.getfixturevalue("cluster_url"))
    for shard in store.shards():
        assert isinstance(shard, Link)
        patient(shard)
        shard.connection.send_command("FLUSHALL")
        shard.connection.read_response()
    return store


def _stats(market: Market, admin: str) -> dict[str, Any]:
    found: dict[str, Any] = shaped(CacheStats, market.world.get("/cache/stats", admin))
    return found


def test_the_days_figures_add_up(closed_market: Market) -> None:
    ann, ben = closed_market.world.key(5, "ann"), closed_market.world.key(7, "ben")
    admin = closed_market.world.key(1, "root", Role.ADMIN)
    closed_market.world.post("/quotes/batch", ben, ["AAPL", "TSLA", "SPY"])
    for symbol in ("AAPL", "TSLA", "SPY"):
        closed_market.world.get(f"/quote/{symbol}", ann)
        closed_market.world.get(f"/quote/{symbol}", ben)
    closed_market.world.get("/news?symbol=AAPL", ann)
    closed_market.world.get("/market-data/AAPL?timespan=day&limit=5", ann)
    found = _stats(closed_market, admin)
    assert found["requests"] == 9
    assert found["data"] == 3 + 3 + 3 + 1 + 1
    assert found["fetched"] == 3 + 1 + 1
    assert found["upstream_calls"] == closed_market.calls == 1 + 1 + 1
    assert found["saved_calls"] == 11 - 3
    assert found["hit_ratio"] == pytest.approx(6 / 11)
    assert found["complete"] is True
    assert found["entries"] == {"quote": 3, "trade": 3, "universal": 3, "news": 1, "bars": 1}


def test_the_stores_own_figures_are_those_of_the_store(closed_market: Market) -> None:
    admin = closed_market.world.key(1, "root", Role.ADMIN)
    before = _stats(closed_market, admin)
    for _ in range(5):
        closed_market.world.get("/quote/AAPL", admin)
    after = _stats(closed_market, admin)
    for name in ("total_commands_processed", "keyspace_hits", "keyspace_misses", "used_memory", "connected_clients"):
        assert isinstance(before[name], int) and isinstance(after[name], int)
        assert after[name] >= 1
    assert after["total_commands_processed"] >= before["total_commands_processed"] + 10
    assert after["keyspace_hits"] >= before["keyspace_hits"] + 4


def test_the_figures_are_those_of_all_nodes(closed_market: Market) -> None:
    admin = closed_market.world.key(1, "root", Role.ADMIN)
    closed_market.world.post("/quotes/batch", admin, list(tickers()[:10]))
    found = _stats(closed_market, admin)
    misses = [_misses(shard) for shard in closed_market.world.store.shards()]
    assert all(misses)
    assert found["keyspace_misses"] == sum(misses)


def _misses(shard: Store) -> int:
    (info,) = shard.run(plain("INFO", "stats"))
    return int(re.findall(rb"keyspace_misses:(\d+)", info)[0])


def test_a_single_nodes_figures_are_redis_own(link: Link, redis: RedisServer) -> None:
    with open_market(link) as market, redis.client() as client:
        admin = market.world.key(1, "root", Role.ADMIN)
        market.world.get("/quote/AAPL", admin)
        market.world.get("/quote/AAPL", admin)
        found = _stats(market, admin)
        info = client.info()
    # This client of ours came after that look, which went on with a look at the one caller.
    assert found["connected_clients"] == info["connected_clients"] - 1
    assert found["keyspace_hits"] == info["keyspace_hits"] - 1
    assert found["keyspace_misses"] == info["keyspace_misses"]
    assert 0 < info["total_commands_processed"] - int(str(found["total_commands_processed"])) < 10
    assert abs(int(str(found["used_memory"])) - info["used_memory"]) < 2_000_000


def test_yesterday_is_not_counted(closed_market: Market) -> None:
    admin = closed_market.world.key(1, "root", Role.ADMIN)
    closed_market.world.get("/quote/AAPL", closed_market.world.key(7, "ann"))
    closed_market.to("2026-11-22T00:00:01Z")
    found = _stats(closed_market, admin)
    assert (found["requests"], found["data"], found["hit_ratio"]) == (0, 0, None)
    assert found["entries"] == {"quote": 1}


def test_what_is_dropped_costs_a_call_again(closed_market: Market) -> None:
    admin, reader = closed_market.world.key(1, "root", Role.ADMIN), closed_market.world.key(7, "ann")
    paths = (
        "/quote/AAPL",
        "/trade/AAPL",
        "/snapshot/AAPL",
        "/news?symbol=AAPL",
        "/market-data/AAPL?timespan=day&limit=5",
    )
    for path in (*paths, "/snapshot/MSFT"):
        assert closed_market.world.get(path, reader).status == 200
    calls = closed_market.calls
    dropped = shaped(Dropped, closed_market.world.send("DELETE", "/admin/cache/aapl", admin))
    assert dropped == {"symbol": "AAPL", "dropped": 5}
    assert _stats(closed_market, admin)["entries"] == {"quote": 1, "trade": 1, "snapshot": 1}
    assert closed_market.world.get("/snapshot/MSFT", reader).headers["Cache-Status"].startswith("dekr; hit")
    assert closed_market.calls == calls
    for path in paths:
        answer = closed_market.world.get(path, reader)
        assert answer.headers["Cache-Status"] == "dekr; fwd=miss; stored", path
    assert closed_market.calls == calls + 5


def test_a_remembered_absence_is_dropped_too(closed_market: Market) -> None:
    admin = closed_market.world.key(1, "root", Role.ADMIN)
    closed_market.world.get("/quote/QQQQQ", admin)
    calls = closed_market.calls
    assert closed_market.world.send("DELETE", "/admin/cache/QQQQQ", admin).json["dropped"] == 1
    closed_market.world.get("/quote/QQQQQ", admin)
    assert closed_market.calls > calls


def test_what_is_not_there_cannot_be_dropped(closed_market: Market) -> None:
    admin = closed_market.world.key(1, "root", Role.ADMIN)
    assert closed_market.world.send("DELETE", "/admin/cache/AAPL", admin).json == {"symbol": "AAPL", "dropped": 0}
    refused = closed_market.world.send("DELETE", "/admin/cache/A*", admin)
    assert (refused.status, refused.json["code"]) == (422, "invalid_symbol")


def test_what_the_plan_is_believed_to_lack_is_tried_again_after_an_operator_forgot_it(world: World) -> None:
    admin, reader = world.key(1, "root", Role.ADMIN), world.key()
    world.upstream.denied = {"v3/quotes"}
    for ticker in ("AAPL", "MSFT"):
        assert world.get(f"/v3/quotes/{ticker}", reader).status == 403
        world.later(10)
    calls = len(world.upstream.calls)
    assert world.get("/v3/quotes/GOOG", reader).status == 403
    assert len(world.upstream.calls) == calls
    assert shaped(ForgottenDenials, world.send("DELETE", "/admin/denials", admin)) == {"families": ["quotes"]}
    assert world.get("/v3/quotes/GOOG", reader).status == 403
    assert len(world.upstream.calls) == calls + 1


@pytest.mark.parametrize("role", [Role.USER, Role.SERVICE])
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/cache/stats"), ("DELETE", "/admin/cache/AAPL"), ("DELETE", "/admin/denials")]
)
def test_only_admins_may(night_with_aapl: Market, role: Role, method: str, path: str) -> None:
    market = night_with_aapl
    key = market.world.key(7, "somebody", role)
    refused = market.world.send(method, path, key)
    assert (refused.status, refused.json["code"]) == (403, "role_required")
    assert market.world.get("/quote/AAPL", key).headers["Cache-Status"].startswith("dekr; hit")
    assert market.world.send(method, path).status == 401


@pytest.fixture
def night_with_aapl(link: Link) -> Iterator[Market]:
    with open_market(link) as found:
        found.to("2026-11-21T07:00:00Z")
        found.world.get("/quote/AAPL", found.world.key())
        yield found
