"""A cold key that many processes ask for at once: how many upstream calls it costs, and what a killed leader costs.

Every process is a sandbox of its own with its own connection; the upstream is the sandbox Polygon with 500 ms latency.
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
from multiprocessing.synchronize import Event
from pathlib import Path

import httpx

from dekr.access.directory import KeyRecord
from dekr.polygon.connect import connect
from dekr.store.link import Link
from tests.fakes.directory import FakeDirectory
from tests.redis_servers import redis_single
from tests.world import World

PROCESSES = 48
LATENCY_MS = 500
PATH = "/v2/last/nbbo/AAPL"
FAKE_KEY = "sandbox-key-not-real"


def run() -> dict[str, tuple[float, str]]:
    """``stampede_calls`` and ``stampede_killed_calls``."""
    calm, slowest = stampede(PROCESSES)
    killed, _ = stampede(PROCESSES, kill_leader=True)
    return {
        "stampede_calls": (calm, f"upstream calls for {PROCESSES} processes, slowest answer {slowest:.2f} s (1)"),
        "stampede_killed_calls": (killed, "the same with the leader killed after it sent its call (2)"),
    }


def stampede(processes: int, *, kill_leader: bool = False, latency_ms: int = LATENCY_MS) -> tuple[int, float]:
    """Upstream calls for one cold key asked for by so many processes, and the slowest answer in seconds.

    Raises AssertionError where a process that was not killed got no answer.
    """
    # Semaphores of a stampede before are let go of here. The collector would otherwise meet them while new ones are being
    # registered, and the tracker of semaphores cannot be called from within itself.
    gc.collect()
    context = multiprocessing.get_context("spawn")
    with redis_single() as server, sandbox_polygon(latency_ms) as upstream:
        keys = World(Link.open(server.url))
        text = keys.key(7)
        record = next(iter(keys.directory.records.values()))
        go, answers = context.Event(), context.Queue()
        ready = context.Semaphore(0)
        arguments = (server.url, upstream, text, record, ready, go, answers)
        leader_go = context.Event()
        leader = context.Process(target=_ask, args=(*arguments[:5], leader_go, answers)) if kill_leader else None
        others = [context.Process(target=_ask, args=arguments) for _ in range(processes - bool(kill_leader))]
        started = [*others, leader] if leader else others
        try:
            for process in started:
                process.start()
            for _ in started:
                assert ready.acquire(timeout=120), "a process did not become ready"
            if leader:
                leader_go.set()
                while calls(upstream) == 0:
                    time.sleep(0.005)
                os.kill(leader.pid or 0, signal.SIGKILL)
            go.set()
            found = [answers.get(timeout=60) for _ in others]
        finally:
            for process in started:
                process.kill()
                process.join()
        assert all(status == 200 for status, _ in found), found  # noqa: PLR2004 - OK
        return calls(upstream), max(seconds for _, seconds in found)


def calls(upstream: str) -> int:
    """How often the cold key was asked for upstream."""
    by_path = httpx.get(f"{upstream}/_control/calls").json()["by_path"]
    return int(by_path.get(PATH, 0))


@contextmanager
def sandbox_polygon(latency_ms: int) -> Iterator[str]:
    """A sandbox Polygon in a process of its own; yields its address."""
    arguments = ["--port", "0", "--key", FAKE_KEY, "--latency-ms", str(latency_ms)]
    root = Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": f"{root}:{root / 'layers/common'}"}
    command = [sys.executable, "-m", "local.sandbox", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:  # noqa: S603 - ours
        try:
            assert process.stdout
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()


def _ask(
    url: str,
    upstream: str,
    key: str,
    record: KeyRecord,
    ready: "multiprocessing.synchronize.Semaphore",
    go: Event,
    answers: "multiprocessing.Queue[tuple[int, float]]",
) -> None:
    directory = FakeDirectory()
    directory.put(record)
    world = World(
        Link.open(url), directory=directory, client=lambda now_us: connect(upstream, lambda: FAKE_KEY, now_us)
    )
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        world.get("/quote/WRONG..", key)
        world.services.principals.resolve(key, "203.0.113.7")
        ready.release()
        go.wait()
        started = time.perf_counter()
        answer = world.get("/quote/AAPL", key)
    answers.put((answer.status, time.perf_counter() - started))
