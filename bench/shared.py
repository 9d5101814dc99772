"""The additional wait of a reader whose miss also fetches what others will request: one ticker, 250, the whole market.

Each scope has a Redis of its own whose record of demand makes the service choose that scope; the misses take turns in
one process. The upstream answers at once, with bodies as large as the real ones, so the service's own part is measured:
parsing, validating, making entries, writing them.
"""

import contextlib
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx

from bench.stampede import busy_day
from dekr.polygon.client import PolygonClient
from dekr.polygon.endpoints import MARKET
from dekr.polygon.transport import Transport
from dekr.store.link import Link
from local.sandbox.universe import tickers
from tests.patience import patient
from tests.redis_servers import redis_single
from tests.world import World

ROUNDS: Final = 7
AT_NS: Final = 1_795_186_800 * 1_000_000_000
"""The moment of all prices: 11:00 in New York on Friday, 20 November 2026."""

UPSTREAM_S: Final = 0.1
"""The approximate time of one call of the real upstream, in seconds."""


def run() -> dict[str, tuple[float, str]]:
    """Measure ``shared250_ratio`` and ``shared_market_ratio``. Return each figure's value and meaning."""
    with contextlib.ExitStack() as stack:
        nowhere = stack.enter_context(Path(os.devnull).open("w"))
        stack.enter_context(contextlib.redirect_stdout(nowhere))
        one, many, market = [stack.enter_context(_miss(kind)) for kind in ("nbbo", "universal", "market")]
        taken: dict[Callable[[], float], list[float]] = {one: [], many: [], market: []}
        for _ in range(ROUNDS):
            for miss, seconds in taken.items():
                seconds.append(miss())
        alone, best, whole = (statistics.median(seconds) for seconds in taken.values())
    return {
        "shared250_ratio": (
            (UPSTREAM_S + best) / (UPSTREAM_S + alone),
            (
                f"a miss that fetches 250 tickers, {best * 1000:.0f} ms, over one that fetches 1, {alone * 1000:.0f} ms, "
                "each plus 0.1 s upstream (1.5)"
            ),
        ),
        "shared_market_ratio": (
            (UPSTREAM_S + whole) / (UPSTREAM_S + alone),
            (
                f"a miss that fetches all {len(tickers())} tickers, {whole * 1000:.0f} ms, over one that fetches 1, "
                "each plus 0.1 s upstream (10)"
            ),
        ),
    }


@contextlib.contextmanager
def _miss(kind: str) -> Iterator[Callable[[], float]]:
    """Yield a function that makes a miss with this kind of upstream call and returns the seconds that it took."""
    called: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        requested_kind = "market" if path == MARKET.path else "universal" if path == "/v3/snapshot" else "nbbo"
        called.append(requested_kind)
        if requested_kind == "market" and kind != "market":
            return httpx.Response(403, json={"status": "NOT_AUTHORIZED"})
        return httpx.Response(200, content=_BODIES[requested_kind](request))

    def client(now_us: Callable[[], int]) -> PolygonClient:
        http = httpx.Client(base_url="http://upstream.invalid", transport=httpx.MockTransport(answer))
        # Its clock stands still, so that a busy machine cuts off no answer.
        transport = Transport(http, lambda: "fake-upstream-key", lambda: 0.0)
        return PolygonClient(transport, now_us, lambda: 0.0, lambda _: None)

    with redis_single() as server:
        link = patient(Link.open(server.url))
        world = World(link, client=client)
        world.to("2026-11-20T16:00:01Z")
        key = world.key(7)

        def miss() -> float:
            world.later(120)
            if kind != "nbbo":
                busy_day(world.services.demand)
            called.clear()
            started = time.perf_counter()
            answered = world.get(f"/quote/{tickers()[0]}", key)
            seconds = time.perf_counter() - started
            assert (answered.status, called[-1]) == (200, kind), (answered, called)
            return seconds

        miss()
        yield miss
        link.close()


def _nbbo(_: httpx.Request) -> bytes:
    return json.dumps({"status": "OK", "results": {"T": tickers()[0], **_quote()}}).encode()


def _universal(request: httpx.Request) -> bytes:
    bar = {"open": 10.5, "high": 11.25, "low": 10.1, "close": 11.0, "volume": 1234567}
    session = {**bar, "change": 0.5, "change_percent": 4.76, "previous_close": 10.5, "early_trading_change": 0.1}
    quote = {"bid": 10.99, "bid_size": 2, "ask": 11.01, "ask_size": 3, "last_updated": AT_NS, "timeframe": "REAL-TIME"}
    trade = {"price": 11.0, "size": 100, "sip_timestamp": AT_NS, "id": "5000", "exchange": 4, "conditions": [14, 41]}
    minute = {**bar, "vwap": 10.9, "transactions": 120, "last_updated": AT_NS}
    item = {"type": "stocks", "name": "A company", "market_status": "open", "session": session, "last_quote": quote}
    rest = {"last_trade": trade, "last_minute": minute}
    requested = request.url.params["ticker.any_of"].split(",")
    return json.dumps({"status": "OK", "results": [{"ticker": name, **item, **rest} for name in requested]}).encode()


def _market(_: httpx.Request) -> bytes:
    bar = {"o": 10.5, "h": 11.25, "l": 10.1, "c": 11.0, "v": 1234567, "vw": 10.9123}
    rest: dict[str, Any] = {
        "todaysChange": 0.5,
        "todaysChangePerc": 4.76,
        "updated": AT_NS,
        "day": bar,
        "lastQuote": _quote(),
        "lastTrade": {"c": [14, 41], "i": "5000", "p": 11.0, "s": 100, "t": AT_NS, "x": 4},
        "min": {**bar, "av": 55555, "t": AT_NS // 1_000_000, "n": 12},
        "prevDay": bar,
    }
    return json.dumps({"status": "OK", "tickers": [{"ticker": name, **rest} for name in tickers()]}).encode()


def _quote() -> dict[str, float]:
    return {"p": 10.99, "s": 2, "P": 11.01, "S": 3, "t": AT_NS}


_BODIES: Final = {"nbbo": _nbbo, "universal": _universal, "market": _market}
