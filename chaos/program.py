"""One run: the real service in several processes, a real Redis with a replica, the sandbox Polygon, and faulty proxies.

A run ends by itself, and ends only the processes that it started.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Final

import httpx

from bench.stampede import sandbox_polygon
from chaos import trace
from chaos.clock_faults import ClockFaults
from chaos.driven_clock import QUIET, RECOVERED, SharedState
from chaos.fault_log import FaultLog
from chaos.faults import inject_all
from chaos.history import History
from chaos.process_faults import ProcessFaults
from chaos.proxy_behaviour import ProxyBehaviour
from chaos.proxy_listener import ProxyListener
from chaos.redis_pair import RedisPair
from chaos.sampler import Sampler
from chaos.schedule import Fault, Lane, schedule
from chaos.store_faults import StoreFaults
from chaos.store_proxy import StoreProxy
from chaos.timeline import Timeline
from chaos.transcript import read
from chaos.upstream_faults import UpstreamFaults
from chaos.upstream_proxy import UpstreamProxy
from chaos.worker import WorkerConfig
from chaos.worker_pool import WorkerPool
from tests.fakes.directory import FakeDirectory
from tests.markets import FRIDAY
from tests.patience import HANG_S

WORKERS: Final = 4
LATENCY_MS: Final = 30
STALE_S: Final = 3_600
BUDGETS: Final = (24, 40, 80)
"""The seed picks one of these as the calls a minute."""

SAMPLE_EVERY_S: Final = 0.1
SETTLE_S: Final = 1.5
"""The pause after the last fault, in seconds: a link to the store tries again after a second."""

FINAL_TIME_JUMP_S: Final = 180
"""The time that then passes on the driven clock, in seconds: after it every breaker may probe and every pause is over."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run and its record."""

    seed: int
    seconds: float
    history: History


def run(seed: int, seconds: float) -> Run:
    """Run once and return the record. It takes some ten seconds longer than the faults do."""
    with tempfile.TemporaryDirectory() as folder, sandbox_polygon(LATENCY_MS) as url:
        return Run(seed, seconds, asyncio.run(_run(seed, seconds, Path(folder), url)))


async def _run(seed: int, seconds: float, folder: Path, url: str) -> History:
    random = Random(f"{seed} program")
    per_minute = random.choice(BUDGETS)
    shared = SharedState()
    async with AsyncExitStack() as stack:
        pair = await asyncio.to_thread(RedisPair)
        stack.callback(pair.close)
        control = await stack.enter_async_context(httpx.AsyncClient(base_url=url, trust_env=False, timeout=HANG_S))
        store = StoreProxy(ProxyBehaviour(Random(f"{seed} store")), shared, pair.primary.port)
        store_listener = ProxyListener(store.serve)
        upstream = UpstreamProxy(ProxyBehaviour(Random(f"{seed} upstream")), httpx.URL(url).port or 0)
        upstream_listener = ProxyListener(upstream.serve)
        for listener in (store_listener, upstream_listener):
            await listener.accept()
            stack.callback(listener.close)
        config_for = _config_factory(seed, folder, store_listener.port, upstream_listener.port, per_minute)
        pool = WorkerPool(shared, config_for, WORKERS)
        stack.callback(pool.close)
        fault_log, clock_lock = FaultLog(), asyncio.Lock()
        clock = ClockFaults(shared, control, clock_lock, fault_log)
        processes = ProcessFaults(pool, Random(f"{seed} process"), fault_log)
        upstream.on_call = processes.on_call
        lanes: dict[Lane, Callable[[Fault], Awaitable[None]]] = {
            "store": StoreFaults(pair, store, store_listener, clock_lock, fault_log).inject,
            "upstream": UpstreamFaults(upstream.behaviour, upstream_listener, control, fault_log).inject,
            "process": processes.inject,
            "clock": clock.inject,
        }
        await clock.begin(FRIDAY, int(datetime.fromisoformat(FRIDAY).timestamp()) * 1_000_000)
        await pool.start()
        sampler = Sampler(pair.client)
        sampling = asyncio.create_task(_sample(sampler))
        await inject_all(schedule(seed, seconds), lanes)
        shared.phase = QUIET
        await asyncio.sleep(SETTLE_S)
        await clock.pass_time(FINAL_TIME_JUMP_S)
        shared.phase = RECOVERED
        workers = tuple(pool.processes)
        unfinished = await pool.join(HANG_S)
        sampling.cancel()
        with suppress(asyncio.CancelledError):
            await sampling
    history = History(Timeline(clock.changes), per_minute, STALE_S, workers=workers, unfinished=unfinished)
    history.calls, history.handouts = upstream.calls, upstream.handouts
    history.samples, history.fault_intervals = sampler.samples, fault_log.fault_intervals
    read(folder, history)
    return history


async def _sample(sampler: Sampler) -> None:
    while True:
        await asyncio.to_thread(sampler.sample)
        await asyncio.sleep(SAMPLE_EVERY_S)


def _config_factory(
    seed: int, folder: Path, store_port: int, upstream_port: int, per_minute: int
) -> Callable[[str, int], WorkerConfig]:
    """Return the function that makes a worker's configuration from its name and slot. All workers know the same users."""
    directory = FakeDirectory()
    keys = {user: directory.issue(user, tier).text for user, tier in trace.users(WORKERS)}
    records = tuple(directory.records.values())

    def config_for(name: str, slot: int) -> WorkerConfig:
        return WorkerConfig(
            name,
            slot,
            f"{seed} worker {name}",
            f"redis://127.0.0.1:{store_port}/0",
            f"http://127.0.0.1:{upstream_port}",
            per_minute,
            STALE_S,
            keys,
            records,
            folder / f"{name}.jsonl",
        )

    return config_for
