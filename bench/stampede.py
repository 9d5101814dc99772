"""A cold key that many processes request at once: the upstream calls it costs, the longest wait, and the cost of a
killed leader (the process that fetches).

Every process is a warm sandbox of its own with its own connection; the upstream is the sandbox Polygon with 500 ms
latency. The processes are forked from one that has loaded the modules: a hundred interpreters that import them on two
cores take minutes.
"""

import gc
import multiprocessing
import os
import signal
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
from local.sandbox.state import KEY as SANDBOX_KEY
from local.sandbox.universe import tickers
from tests.fakes.directory import FakeDirectory
from tests.patience import HANG_S, patient, unhurried
from tests.redis_servers import redis_single
from tests.sandbox_program import PYTHONPATH, sandbox_program
from tests.world import Context, World, event

PROCESSES = 100
LATENCY_MS = 500
PATH, BAD_PATH = "/quote/AAPL", "/quote/WRONG.."
NICE = 10
"""The niceness of the processes: Redis and the upstream, which serve all of them, come first."""

BUSY_TICKERS = 4_000
"""The number of tickers that are requested often on a busy day."""

PRELOADED = ["bench.stampede", "dekr.http", "dekr.market.quotes.service"]
"""The modules that a warm sandbox has loaded."""


def run() -> dict[str, tuple[float, str]]:
    """Measure ``stampede100_calls``, ``stampede100_ratio``, ``stampede100_busy_calls`` and ``stampede_killed_calls``.

    Return each figure's value and meaning.
    """
    calls_calm, slowest_calm_s = stampede(PROCESSES)
    calls_busy, slowest_busy_s = stampede(PROCESSES, busy=True)
    calls_killed, slowest_killed_s = stampede(PROCESSES, kill_leader=True)
    latency_s = LATENCY_MS / 1000
    return {
        "stampede100_calls": (
            calls_calm,
            f"upstream calls when {PROCESSES} processes ask for one cold key at once (1)",
        ),
        "stampede100_ratio": (
            slowest_calm_s / latency_s,
            f"the slowest of these answers, {slowest_calm_s:.2f} s, over the upstream's latency of {latency_s:.1f} s (below 2)",
        ),
        "stampede100_busy_calls": (
            calls_busy,
            f"upstream calls if demand is so high that the whole market is fetched; slowest answer {slowest_busy_s:.2f} s (1)",
        ),
        "stampede_killed_calls": (
            calls_killed,
            f"upstream calls if the fetching process is killed after it sent its call; slowest answer {slowest_killed_s:.2f} s (2)",
        ),
    }


def stampede(
    processes: int, *, kill_leader: bool = False, busy: bool = False, latency_ms: int = LATENCY_MS, nice: int = NICE
) -> tuple[int, float]:
    """Have that many processes request one cold key at once. Return the upstream calls, and the slowest answer in
    seconds.

    ``busy``: the record of demand is that of a busy day, so the whole market is fetched; ``kill_leader``: the process
    that fetches first is killed after it sent its call; ``nice``: the niceness of the processes. Raises AssertionError
    if a process that was not killed got no answer.
    """
    # Release the semaphores of an earlier stampede now. Otherwise the collector may release them while new ones are being
    # registered, and the tracker of semaphores cannot be called from within itself.
    gc.collect()
    context = _preloaded_context()
    with redis_single() as server, sandbox_polygon(latency_ms) as upstream:
        keys = World(_link(server.url))
        text = keys.key(7)
        record = next(iter(keys.directory.records.values()))
        if busy:
            busy_day(keys.services.demand)
            # The simulated market needs seconds for its first answer of a day, which no real upstream does.
            httpx.get(f"{upstream}{MARKET.path}", headers={"Authorization": f"Bearer {SANDBOX_KEY}"}, timeout=HANG_S)
        before = calls(upstream)
        go, answers = context.Event(), context.Queue()
        ready = context.Semaphore(0)
        # Events are made once, here, because finding a request's route means reading the template.
        events = [event(path, {"x-api-key": text}) for path in (BAD_PATH, PATH)]
        arguments = (server.url, upstream, nice, events, record, ready, go, answers)
        leader_go = context.Event()
        leader = (
            context.Process(target=_request_key, args=(*arguments[:-2], leader_go, answers)) if kill_leader else None
        )
        others = [context.Process(target=_request_key, args=arguments) for _ in range(processes - bool(kill_leader))]
        started = [*others, leader] if leader else others
        try:
            for process in started:
                process.start()
            for _ in started:
                assert ready.acquire(timeout=HANG_S), "a process did not become ready"
            if leader:
                # Its call hangs, so that it is killed in the middle of it however long the machine takes for that.
                httpx.post(
                    f"{upstream}/_control/faults", json={"kind": "hang", "count": 1}, timeout=HANG_S
                ).raise_for_status()
                leader_go.set()
                while calls(upstream) == before:
                    time.sleep(0.005)
                os.kill(leader.pid or 0, signal.SIGKILL)
            go.set()
            received = [answers.get(timeout=HANG_S) for _ in others]
        finally:
            for process in started:
                process.kill()
                process.join()
        assert all(status == 200 for status, _ in received), received  # noqa: PLR2004 - OK
        return calls(upstream) - before, max(seconds for _, seconds in received)


def _preloaded_context() -> ForkServerContext:
    """Return the multiprocessing context whose processes are forked from one that has loaded the modules."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    # The fork server finds modules by its environment alone, and silently starts without those that it does not find.
    before = dict(os.environ)
    os.environ["PYTHONPATH"] = PYTHONPATH
    try:
        forkserver.ensure_running()
    finally:
        os.environ.clear()
        os.environ.update(before)
    return context


def busy_day(demand: Demand) -> None:
    """Write a record of demand in which thousands of tickers are requested often."""
    for rank, ticker in enumerate(tickers()[:BUSY_TICKERS]):
        for _ in range(1 + BUSY_TICKERS // (10 * (rank + 1))):
            demand.count_served(ticker, 0)
    demand.store.run(*demand.all())


def calls(upstream: str) -> int:
    """Return the number of calls that the sandbox Polygon has received."""
    return int(httpx.get(f"{upstream}/_control/calls", timeout=HANG_S).json()["total"])


@contextmanager
def sandbox_polygon(latency_ms: int) -> Iterator[str]:
    """Run a sandbox Polygon in a process of its own while the context lasts, and yield its address."""
    with sandbox_program("--latency-ms", str(latency_ms)) as (_, url):
        yield url


def _link(url: str) -> Link:
    """Open a link that does not mistake a store that waits for a processor for one that is down."""
    return patient(Link.open(url))


def _request_key(
    url: str,
    upstream: str,
    nice: int,
    events: list[dict[str, Any]],
    record: KeyRecord,
    ready: "multiprocessing.synchronize.Semaphore",
    go: Event,
    answers: "multiprocessing.Queue[tuple[int, float]]",
) -> None:
    # In production Redis and the upstream have processors of their own; here they must not wait for a hundred processes.
    os.nice(nice)
    directory = FakeDirectory()
    directory.put(record)
    world = World(
        _link(url),
        directory=directory,
        client=lambda now_us: unhurried(connect(upstream, lambda: SANDBOX_KEY, now_us)),
    )
    # Its deadlines stand still: a machine on which a hundred processes share two cores ends no request.
    handler, context = world.handler("quote"), Context()
    warm_up_event, measured_event = events
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        handler(warm_up_event, context)
        ready.release()
        go.wait()
        started = time.perf_counter()
        answer = handler(measured_event, context)
    answers.put((answer["statusCode"], time.perf_counter() - started))
