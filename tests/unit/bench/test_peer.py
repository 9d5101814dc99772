"""The peer is a working service: it answers, caches for callers of the same tier, and checks its API keys."""

import asyncio
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from bench.peer.serving import Peer, serving
from bench.peer_cpu import KEYS, QUOTES, cpu, upstream_calls
from bench.stampede import calls, sandbox_polygon
from dekr.tiers import Tier
from local.sandbox.state import KEY as SANDBOX_KEY
from tests.patience import HANG_S
from tests.redis_servers import RedisServer

FREE, ELITE = KEYS[Tier.FREEMIUM], KEYS[Tier.INSTITUTIONAL_ELITE]


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with sandbox_polygon(0) as url:
        yield url


@pytest.fixture(scope="module")
def running(redis_server: RedisServer, upstream: str) -> Iterator[Peer]:
    with serving(redis_server.url, upstream, SANDBOX_KEY, KEYS) as peer:
        asyncio.run(peer.ready())
        yield peer


@pytest.fixture
def peer(running: Peer, redis: RedisServer) -> Peer:  # noqa: ARG001 - it empties Redis
    """The running peer with an empty Redis."""
    return running


def get(peer: Peer, path: str, key: str = FREE) -> tuple[int, Any]:
    async def request() -> tuple[int, Any]:
        async with (
            aiohttp.ClientSession(peer.url, timeout=aiohttp.ClientTimeout(total=HANG_S)) as client,
            client.get(path, headers={"x-api-key": key}) as answer,
        ):
            return answer.status, await answer.json()

    return asyncio.run(request())


def test_a_quote_is_kept_for_callers_of_one_tier(peer: Peer, upstream: str) -> None:
    before = calls(upstream)
    status, quote = get(peer, "/quote/AAPL")
    assert status == 200 and quote["symbol"] == "AAPL" and 0 < quote["bid"] <= quote["ask"]
    assert get(peer, "/quote/AAPL") == (200, quote)
    assert calls(upstream) == before + 1
    assert get(peer, "/quote/AAPL", ELITE)[0] == 200
    assert calls(upstream) == before + 2


def test_bars_are_kept_for_the_same_query(peer: Peer, upstream: str) -> None:
    before = calls(upstream)
    status, bars = get(peer, "/bars/AAPL?from=2026-10-01&to=2026-10-30")
    assert status == 200 and len(bars) == 22 and bars[0]["low"] <= bars[0]["close"] <= bars[0]["high"]
    assert get(peer, "/bars/AAPL?from=2026-10-01&to=2026-10-30") == (200, bars)
    assert calls(upstream) == before + 1
    assert get(peer, "/bars/AAPL?from=2026-10-01&to=2026-10-29")[1] == bars[:-1]
    assert calls(upstream) == before + 2


def test_unknown_keys_malformed_symbols_and_unknown_symbols_are_refused(peer: Peer) -> None:
    assert get(peer, "/quote/AAPL", "fake-unknown")[0] == 401
    assert get(peer, "/quote/1")[0] == 422
    assert get(peer, "/quote/ZZZZZZZ")[0] == 404


def test_the_trace_costs_the_peer_one_call_for_each_pair(peer: Peer, redis: RedisServer, upstream: str) -> None:
    ours, theirs, pairs = upstream_calls(redis.url, upstream, peer, requests=30)
    assert theirs == pairs > 20
    assert 0 < ours < pairs


def test_cpu_of_hits_is_measured_for_both(peer: Peer, redis: RedisServer, upstream: str) -> None:
    mine, theirs = cpu(redis.url, upstream, peer, "quote", (QUOTES, QUOTES), (1, 200))
    assert mine > 0 and theirs > 0
