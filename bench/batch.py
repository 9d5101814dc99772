"""Batches: 100 cached quotes against one, and 250 that are not cached, through the Lambda handlers."""

import contextlib
import itertools
import json
import os
from pathlib import Path

from bench.pairs import paired
from dekr.store.link import Link
from tests.redis_servers import redis_single
from tests.round_trips import counted
from tests.world import Context, World, event, load

ROUNDS = 2_000
ROUNDS_A_SECOND = 50
"""The clocks are driven on by a second after so many rounds, so that the rate limits are never met."""

TICKERS = [f"{a}{b}{c}" for a in "ABCDEFGHIJ" for b in "KLMNO" for c in "PQRST"]


def run() -> dict[str, tuple[float, str]]:
    """``batch100_ratio``, ``batch100_round_trips`` and ``batch250_calls``."""
    with redis_single() as server, Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        # Two functions, two sandboxes: neither pays for what the other has to tell the store.
        links = {name: Link.open(server.url) for name in ("quote", "batch")}
        worlds = {name: World(link) for name, link in links.items()}
        modules = {name: load(name) for name in worlds}
        for name, world in worlds.items():
            world.to("2026-11-21T12:00:00Z")  # closed: entries stay fresh while the benchmark runs
            modules[name].edge._wire = lambda world=world: world.services  # noqa: SLF001 - the seam of the edge
        keys = {name: {"x-api-key": world.key(7), "content-type": "application/json"} for name, world in worlds.items()}
        context = Context()
        one = event(f"/quote/{TICKERS[0]}", keys["quote"])
        hundred = event("/quotes/batch", keys["batch"], "POST", json.dumps(TICKERS[:100]).encode())

        def ask(function: str, asked: dict[str, object]) -> None:
            assert modules[function].handler(asked, context)["statusCode"] == 200  # noqa: PLR2004 - OK

        def later(seconds: float) -> None:
            for world in worlds.values():
                world.later(seconds)

        ask("batch", event("/quotes/batch", keys["batch"], "POST", json.dumps(TICKERS).encode()))
        calls = len(worlds["batch"].upstream.calls)
        for _ in range(200):
            ask("batch", hundred)
            ask("quote", one)
            later(1)
        rounds = itertools.count(1)
        ratio, ours, theirs = paired(
            lambda: ask("batch", hundred),
            lambda: ask("quote", one),
            lambda: later(next(rounds) % ROUNDS_A_SECOND == 0),
            ROUNDS,
        )
        with counted(links["batch"]) as trips:
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
