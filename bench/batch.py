"""Batches: 100 cached quotes against one, and 250 that are not cached, through the Lambda handlers."""

import contextlib
import json
import os
from pathlib import Path

from bench.pairs import paired
from dekr.store.link import Link
from tests.redis_servers import redis_single
from tests.round_trips import counted
from tests.world import Context, World, event, load

ROUNDS = 2_000
ROUND_S = 0.02
"""How far the clock is driven after each round, so that the rate limit is never met."""

TICKERS = [f"{a}{b}{c}" for a in "ABCDEFGHIJ" for b in "KLMNO" for c in "PQRST"]


def run() -> dict[str, tuple[float, str]]:
    """``batch100_ratio``, ``batch100_round_trips`` and ``batch250_calls``."""
    with redis_single() as server, Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        link = Link.open(server.url)
        world = World(link)
        world.to("2026-11-21T12:00:00Z")  # closed: entries stay fresh while the benchmark runs
        modules = {name: load(name) for name in ("quote", "batch")}
        for module in modules.values():
            module.edge._wire = lambda: world.services  # noqa: SLF001 - the seam of the edge
        key = {"x-api-key": world.key(7), "content-type": "application/json"}
        context = Context()
        one = event(f"/quote/{TICKERS[0]}", key)
        hundred = event("/quotes/batch", key, "POST", json.dumps(TICKERS[:100]).encode())

        def ask(function: str, asked: dict[str, object]) -> None:
            assert modules[function].handler(asked, context)["statusCode"] == 200  # noqa: PLR2004 - OK

        ask("batch", event("/quotes/batch", key, "POST", json.dumps(TICKERS).encode()))
        calls = len(world.upstream.calls)
        for _ in range(200):
            ask("batch", hundred)
            ask("quote", one)
            world.later(1)
        ratio, ours, theirs = paired(
            lambda: ask("batch", hundred), lambda: ask("quote", one), lambda: world.later(ROUND_S), ROUNDS
        )
        with counted(link) as trips:
            for _ in range(50):
                ask("batch", hundred)
    return {
        "batch100_ratio": (
            ratio,
            f"100 cached quotes p50 {ours * 1e6:.0f} us over one p50 {theirs * 1e6:.0f} us, both handlers (at most 3)",
        ),
        "batch100_round_trips": (trips.count / 50, "round trips of such a batch, counted on its connection (1)"),
        "batch250_calls": (calls, "upstream calls for a batch of 250 that are not cached (1)"),
    }
