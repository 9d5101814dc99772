"""A cold key that many processes ask for at once: how many upstream calls it costs, how long the slowest waits, and what a
killed leader costs.

Every process is a warm sandbox of its own with its own connection; the upstream is the sandbox Polygon with 500 ms latency.
The processes are forked from one that has the modules: a hundred interpreters that import them on two cores take minutes.
"""

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import httpx

from dekr.access.directory import KeyRecord
from dekr.market.demand.record import Demand
from dekr.polygon.connect import connect
from dekr.polygon.endpoints import MARKET
from dekr.store.link import Link
from local.sandbox.universe import tickers
from tests.fakes.directory import FakeDirectory
from tests.redis_servers import redis_single
from tests.world import Context, World, event, load

PROCESSES = 100
LATENCY_MS = 500
PATH, BAD_PATH = "/quote/AAPL", "/quote/WRONG.."
NICE = 10
PATIENCE_S = 10.0
BUSY_TICKERS = 4_000
FAKE_KEY = "sandbox-key-not-real"
PRELOADED = ["bench.stampede", "dekr.http", "dekr.market.quotes.service"]
"""What a warm sandbox has loaded."""


def run() -> dict[str, tuple[float, str]]:
    """``stampede100_calls``, ``stampede100_ratio``, ``stampede100_busy_calls`` and ``stampede_killed_calls``."""
    calm, slowest = stampede(PROCESSES)
    busy, all_of_it = stampede(PROCESSES, busy=True)
    killed, late = stampede(PROCESSES, kill_leader=True)
    latency_s = LATENCY_MS / 1000
    return {
        "stampede100_calls": (calm, f"upstream calls when {PROCESSES} processes ask for one cold key at once (1)"),
        "stampede100_ratio": (
            slowest / latency_s,
            f"its slowest answer, {slowest:.2f} s, over the upstream's latency of {latency_s:.1f} s (below 2)",
        ),
        "stampede100_busy_calls": (
            busy,
            f"the same where so much is asked for that the whole market is fetched; slowest answer {all_of_it:.2f} s (1)",
        ),
        "stampede_killed_calls": (
            killed,
            f"calls of the same with the leader killed after it sent its own; slowest answer {late:.2f} s (2)",
        ),
    }


def stampede(
    processes: int, *, kill_leader: bool = False, busy: bool = False, latency_ms: int = LATENCY_MS, nice: int = NICE
) -> tuple[int, float]:
    """Upstream calls for one cold key asked for by so many processes, and the slowest answer in seconds. ``busy``: the record of
    demand is that of a busy day. ``nice``: by how much the processes stand back for Redis and the upstream, which matter to
    all of them.

    Raises AssertionError where a process that was not killed got no answer.
    """
    # Semaphores of a stampede before are let go of here. The collector would otherwise meet them while new ones are being
    # registered, and the tracker of semaphores cannot be called from within itself.
    gc.collect()
    context = _nursery()
    with redis_single() as server, sandbox_polygon(latency_ms) as upstream:
        keys = World(_link(server.url))
        text = keys.key(7)
        record = next(iter(keys.directory.records.values()))
        if busy:
            busy_day(keys.services.demand)
            # The simulated market takes seconds to begin a day, which no upstream does.
            httpx.get(f"{upstream}{MARKET.path}", headers={"Authorization": f"Bearer {FAKE_KEY}"}, timeout=60)
        before = calls(upstream)
        go, answers = context.Event(), context.Queue()
        ready = context.Semaphore(0)
        # Made here, because finding a request's route means reading the template.
        events = [event(path, {"x-api-key": text}) for path in (BAD_PATH, PATH)]
        arguments = (server.url, upstream, nice, events, record, ready, go, answers)
        leader_go = context.Event()
        leader = context.Process(target=_ask, args=(*arguments[:-2], leader_go, answers)) if kill_leader else None
        others = [context.Process(target=_ask, args=arguments) for _ in range(processes - bool(kill_leader))]
        started = [*others, leader] if leader else others
        try:
            for process in started:
                process.start()
            for _ in started:
                assert ready.acquire(timeout=120), "a process did not become ready"
            if leader:
                leader_go.set()
                while calls(upstream) == before:
                    time.sleep(0.005)
                os.kill(leader.pid or 0, signal.SIGKILL)
            go.set()
            found = [answers.get(timeout=60) for _ in others]
        finally:
            for process in started:
                process.kill()
                process.join()
        assert all(status == 200 for status, _ in found), found  # noqa: PLR2004 - OK
        return calls(upstream) - before, max(seconds for _, seconds in found)


def _nursery() -> ForkServerContext:
    """The context whose processes are forked from one with the modules loaded."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    # It finds modules by its environment alone, not by the path of this interpreter, and would go without them silently.
    before = dict(os.environ)
    os.environ.update(_environment())
    try:
        forkserver.ensure_running()
    finally:
        os.environ.clear()
        os.environ.update(before)
    return context


def _environment() -> dict[str, str]:
    root = Path(__file__).parents[1]
    return {**os.environ, "PYTHONPATH": f"{root}:{root / 'layers/common'}"}


def busy_day(demand: Demand) -> None:
    """Leave a record in which thousands of tickers are asked for often."""
    for rank, ticker in enumerate(tickers()[:BUSY_TICKERS]):
        for _ in range(1 + BUSY_TICKERS // (10 * (rank + 1))):
            demand.note(ticker, 0, 30)
    demand.store.run(*demand.all())


def calls(upstream: str) -> int:
    """How many calls the upstream has had."""
    return int(httpx.get(f"{upstream}/_control/calls").json()["total"])


@contextmanager
def sandbox_polygon(latency_ms: int) -> Iterator[str]:
    """A sandbox Polygon in a process of its own; yields its address."""
    arguments = ["--port", "0", "--key", FAKE_KEY, "--latency-ms", str(latency_ms)]
    command = [sys.executable, "-m", "local.sandbox", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_environment()) as process:  # noqa: S603 - ours
        try:
            assert process.stdout
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()


def _link(url: str) -> Link:
    """A link that takes no store for dead which has to wait for a processor."""
    link = Link.open(url)
    link.connection.socket_timeout = PATIENCE_S
    return link


def _ask(
    url: str,
    upstream: str,
    nice: int,
    events: list[dict[str, Any]],
    record: KeyRecord,
    ready: "multiprocessing.synchronize.Semaphore",
    go: Event,
    answers: "multiprocessing.Queue[tuple[int, float]]",
) -> None:
    # Where it matters Redis and the upstream have processors of their own; here they must not wait for those of a hundred.
    os.nice(nice)
    directory = FakeDirectory()
    directory.put(record)
    world = World(_link(url), directory=directory, client=lambda now_us: connect(upstream, lambda: FAKE_KEY, now_us))
    module = load("quote")
    module.edge._wire = lambda: world.services  # noqa: SLF001 - the seam of the edge
    context = Context()
    first, asked = events
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        module.handler(first, context)
        ready.release()
        go.wait()
        started = time.perf_counter()
        answer = module.handler(asked, context)
    answers.put((answer["statusCode"], time.perf_counter() - started))
