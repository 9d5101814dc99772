"""Batches through the Lambda handlers: 100 cached quotes compared with one, and 250 quotes that are not cached."""

import contextlib
import itertools
import json
import os
from pathlib import Path

from bench.pairs import paired
from dekr.store.link import Link
from tests.patience import patient
from tests.redis_servers import redis_single
from tests.round_trips import counted
from tests.world import Context, World, event, load

ROUNDS = 2_000
ROUNDS_PER_SECOND = 50
"""After this many rounds the clocks are driven on by a second, so that the rate limits are never reached."""

TICKERS = [f"{a}{b}{c}" for a in "ABCDEFGHIJ" for b in "KLMNO" for c in "PQRST"]


def run() -> dict[str, tuple[float, str]]:
    """Measure ``batch100_ratio``, ``batch100_round_trips`` and ``batch250_calls``.

    Return each figure's value and meaning. Raises AssertionError if an answer is not 200.
    """
    with redis_single() as server, Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        # Two functions, two sandboxes: neither pays for the commands that the other has to send to the store.
        links = {name: patient(Link.open(server.url)) for name in ("quote", "batch")}
        worlds = {name: World(link) for name, link in links.items()}
        modules = {name: load(name) for name in worlds}
        for name, world in worlds.items():
            world.to("2026-11-21T12:00:00Z")  # closed: entries stay fresh while the benchmark runs
            modules[name].edge._wire = lambda world=world: world.services  # noqa: SLF001 - the edge takes its services here
        keys = {name: {"x-api-key": world.key(7), "content-type": "application/json"} for name, world in worlds.items()}
        context = Context()
        one = event(f"/quote/{TICKERS[0]}", keys["quote"])
        hundred = event("/quotes/batch", keys["batch"], "POST", json.dumps(TICKERS[:100]).encode())

        def handle(function: str, api_event: dict[str, object]) -> None:
            assert modules[function].handler(api_event, context)["statusCode"] == 200  # noqa: PLR2004 - OK

        def later(seconds: float) -> None:
            for world in worlds.values():
                world.later(seconds)

        handle("batch", event("/quotes/batch", keys["batch"], "POST", json.dumps(TICKERS).encode()))
        calls = len(worlds["batch"].upstream.calls)
        for _ in range(200):
            handle("batch", hundred)
            handle("quote", one)
            later(1)
        rounds = itertools.count(1)
        ratio, ours, theirs = paired(
            lambda: handle("batch", hundred),
            lambda: handle("quote", one),
            lambda: later(next(rounds) % ROUNDS_PER_SECOND == 0),
            ROUNDS,
        )
        with counted(links["batch"]) as trips:
            for _ in range(50):
                handle("batch", hundred)
    return {
        "batch100_ratio": (
            ratio,
            f"100 cached quotes p50 {ours * 1e6:.0f} us over one p50 {theirs * 1e6:.0f} us, both handlers (at most 3)",
        ),
        "batch100_round_trips": (
            trips.count / 50,
            "round trips of a batch of 100 cached quotes, counted on its connection (1)",
        ),
        "batch250_calls": (calls, "upstream calls for a batch of 250 that are not cached (1)"),
    }
