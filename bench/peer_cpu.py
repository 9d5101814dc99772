"""CPU time of each hit, and upstream calls on one trace: the service compared with the peer of bench/peer.

Both use the same Redis and the same sandbox Polygon in the same run. The service is the Lambda handler in a process of
its own: it reads events as text and writes its answers as text, as Lambda's runtime has it do. The peer runs under
uvicorn and receives requests over keep-alive connections from this process, which is not counted. What the peer does
without is in its favour: no rate limits, no sessions, no usage, no ETag. Both write one line a request to a log that is
thrown away.
"""

import asyncio
import json
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType

from bench.connected import connected
from bench.peer.serving import Peer, serving
from bench.savings.trace import TIERS
from bench.stampede import calls, sandbox_polygon
from dekr.tiers import Tier
from local.sandbox.state import KEY as SANDBOX_KEY
from local.sandbox.universe import tickers
from tests.patience import HANG_S
from tests.redis_servers import redis_single
from tests.world import Context, World, event, load

ROUNDS, BAR_ROUNDS = (5, 900), (3, 300)
"""The number of rounds, and of requests in a round: no more than tier 7 may send at once."""

CONNECTIONS = 8
"""The peer receives this many requests at once, which costs it less for each request than one at a time."""

TICKERS = tickers()[:10]
QUOTES = "/quote/{}"
BARS = "/market-data/{}?from=2026-06-01&to=2026-10-30"
PEER_BARS = "/bars/{}?from=2026-06-01&to=2026-10-30"
"""The paths for about a hundred day bars, the service's and the peer's."""

OPEN, CLOSED = "2026-11-20T15:00:00Z", "2026-11-21T12:00:00Z"
"""The service's clock: while the market is closed, entries stay fresh when the clock is driven on past the rate limit."""

ROUND_S = 600
KEYS = {tier: f"{SANDBOX_KEY}-{tier}" for tier in Tier}
"""The peer's API keys by tier."""

TRACE = 2_000
TRACE_TICKERS = 300
REQUESTS_OF_USER = 8
"""The number of requests by each user: fewer than the lowest tier's burst."""


def run() -> dict[str, tuple[float, str]]:
    """Measure ``peer_cpu_ratio``, ``peer_bars_cpu_ratio``, the peer's own figures of both, and ``peer_calls_ratio``.

    Return each figure's value and meaning.
    """
    with redis_single() as server, sandbox_polygon(0) as upstream:
        addresses = server.url, upstream
        with serving(*addresses, SANDBOX_KEY, KEYS) as peer:
            asyncio.run(peer.ready())
            # This comes first, while nothing is cached.
            ours, peers, pairs = upstream_calls(*addresses, peer)
            mine, theirs = cpu(*addresses, peer, "quote", (QUOTES, QUOTES), ROUNDS)
            my_bars, their_bars = cpu(*addresses, peer, "bars", (BARS, PEER_BARS), BAR_ROUNDS)
    return {
        "peer_cpu_ratio": (
            mine / theirs,
            f"CPU of a quote from the cache, {mine:.0f} us, over the FastAPI peer's {theirs:.0f} us (at most 0.5)",
        ),
        "peer_bars_cpu_ratio": (
            my_bars / their_bars,
            f"CPU of a hundred day bars from the cache, {my_bars:.0f} us, over the FastAPI peer's {their_bars:.0f} us",
        ),
        "peer_cpu_us": (theirs, "the peer's CPU of a quote (us)"),
        "peer_bars_cpu_us": (their_bars, "the peer's CPU of a hundred day bars (us)"),
        "peer_calls_ratio": (
            ours / peers,
            f"upstream calls for {TRACE} quotes at one moment ({pairs} pairs of ticker and tier), {ours} over the peer's {peers}",
        ),
    }


def upstream_calls(url: str, upstream: str, peer: Peer, requests: int = TRACE, seed: int = 1) -> tuple[int, int, int]:
    """Count the upstream calls for the same seeded trace of quotes, the service's and the peer's, and its distinct
    pairs of ticker and tier. Return the three numbers.

    The peer's entries expire by the real clock, so the trace takes no time: it is the first moments of a day, when
    nothing grows too old, and what counts is which requests can share an entry.
    """
    chance = random.Random(seed)  # noqa: S311 - a trace
    symbols = tickers()[:TRACE_TICKERS]
    popularity = [1 / (rank + 10) for rank in range(TRACE_TICKERS)]
    of_tickers = chance.choices(symbols, popularity, k=requests)
    quote_requests = list(zip(of_tickers, chance.choices(list(Tier), TIERS, k=requests), strict=True))
    before = calls(upstream)
    _request_service(quote_requests, url, upstream)
    between = calls(upstream)
    asyncio.run(peer.send([(QUOTES.format(ticker), KEYS[tier]) for ticker, tier in quote_requests], 1))
    return between - before, calls(upstream) - between, len(set(quote_requests))


def cpu(
    url: str, upstream: str, peer: Peer, function: str, paths: tuple[str, str], rounds: tuple[int, int]
) -> tuple[float, float]:
    """Measure the microseconds of CPU time for each hit by turns. Return the service's and the peer's.

    ``paths``: the service's and the peer's, with ``{}`` for the ticker; ``rounds``: the number of rounds, and of
    requests in each. Raises AssertionError if an answer was not 200, or if a hit called upstream.
    """
    mine = theirs = 0.0
    path, peer_path = paths
    peer_requests = [(peer_path.format(ticker), KEYS[Tier.INSTITUTIONAL_ELITE]) for ticker in TICKERS]
    count, requests = rounds
    with _ours(url, upstream, function, path) as (our_pid, turn):
        turn(requests)
        for _ in range(count):
            # The peer's entries live for seconds, so each round begins with fetching them.
            asyncio.run(peer.send(peer_requests, 1))
            fetched = calls(upstream)
            used_s = _cpu_s(our_pid)
            turn(requests)
            mine += _cpu_s(our_pid) - used_s
            used_s = _cpu_s(peer.pid)
            asyncio.run(peer.send(peer_requests * (requests // len(peer_requests)), CONNECTIONS))
            theirs += _cpu_s(peer.pid) - used_s
            assert calls(upstream) == fetched, "a hit called upstream"
    hits = count * requests / 1e6
    return mine / hits, theirs / hits


def _request_service(quote_requests: list[tuple[str, Tier]], url: str, upstream: str) -> None:
    context = Context()
    keys: dict[Tier, str] = {}
    with connected(url, upstream) as world, Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        world.to(OPEN)
        module = _module("quote", world)
        for number, (ticker, tier) in enumerate(quote_requests):
            user, nth = divmod(number, REQUESTS_OF_USER)
            if nth == 0:
                keys = {each: world.key(each, f"user-{user}-{each}") for each in Tier}
            sent = event(QUOTES.format(ticker), {"x-api-key": keys[tier]})
            sent["requestContext"]["http"]["sourceIp"] = f"198.51.{user // 250}.{user % 250}"
            answer = module.handler(sent, context)
            assert answer["statusCode"] == 200, answer  # noqa: PLR2004 - OK


@contextmanager
def _ours(url: str, upstream: str, function: str, path: str) -> Iterator[tuple[int, Callable[[int], None]]]:
    """Run the service's handler in a process of its own. Yield its process id, and a function that has it answer that
    many events.
    """
    here, there = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=_serve_events, args=(url, upstream, function, path, there))
    process.start()
    # Only the process keeps this end, so that reading fails if the process dies.
    there.close()

    def turn(requests: int) -> None:
        here.send(requests)
        assert here.poll(HANG_S), "our process does not answer"
        here.recv()

    try:
        assert process.pid
        yield process.pid, turn
    finally:
        process.kill()
        process.join()
        here.close()


def _serve_events(url: str, upstream: str, function: str, path: str, orders: Connection) -> None:
    with connected(url, upstream) as world, Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        world.to(CLOSED)
        module = _module(function, world)
        headers = {"x-api-key": world.key(Tier.INSTITUTIONAL_ELITE), "accept": "application/json"}
        events = [json.dumps(event(path.format(ticker), headers)) for ticker in TICKERS]
        context = Context()
        while True:
            for number in range(orders.recv()):
                answer = module.handler(json.loads(events[number % len(events)]), context)
                assert answer["statusCode"] == 200, answer  # noqa: PLR2004 - OK
                json.dumps(answer)
            world.later(ROUND_S)
            orders.send(None)


def _module(function: str, world: World) -> ModuleType:
    module = load(function)
    module.edge._wire = lambda: world.services  # noqa: SLF001 - the edge takes its services here
    return module


def _cpu_s(pid: int) -> float:
    """Return the CPU seconds that a process has used so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
