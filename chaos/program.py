"""A run: the real service in several processes, a real Redis with a replica, the sandbox Polygon, proxies with faults between
them. It ends by itself and ends only what it started.
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
from chaos.crew import Crew
from chaos.door import Door
from chaos.driven import QUIET, RECOVERED, Board
from chaos.faults import meet_all
from chaos.history import History
from chaos.mood import Mood
from chaos.notes import Notes
from chaos.process_faults import ProcessFaults
from chaos.redis_pair import RedisPair
from chaos.sampler import Sampler
from chaos.schedule import Fault, Lane, schedule
from chaos.store_faults import StoreFaults
from chaos.store_proxy import StoreProxy
from chaos.timeline import Timeline
from chaos.transcript import read
from chaos.upstream_faults import UpstreamFaults
from chaos.upstream_proxy import UpstreamProxy
from chaos.worker import Orders
from tests.fakes.directory import FakeDirectory
from tests.markets import FRIDAY

WORKERS: Final = 4
LATENCY_MS: Final = 30
STALE_S: Final = 3_600
BUDGETS: Final = (24, 40, 80)
SAMPLE_EVERY_S: Final = 0.1
RESTING_S: Final = 1.5
"""After the last fault: a link to the store tries again after a second."""

PASSES_S: Final = 180
"""And so much time passes, by which every breaker may probe and every pause is over."""

LONGEST_END_S: Final = 90.0


@dataclass(frozen=True, slots=True)
class Run:
    """One run and what was seen in it."""

    seed: int
    seconds: float
    history: History


def run(seed: int, seconds: float) -> Run:
    """Run it once; it takes some ten seconds longer than the faults do."""
    with tempfile.TemporaryDirectory() as folder, sandbox_polygon(LATENCY_MS) as url:
        return Run(seed, seconds, asyncio.run(_run(seed, seconds, Path(folder), url)))


async def _run(seed: int, seconds: float, folder: Path, url: str) -> History:
    random = Random(f"{seed} program")
    per_minute = random.choice(BUDGETS)
    board = Board()
    async with AsyncExitStack() as stack:
        pair = await asyncio.to_thread(RedisPair)
        stack.callback(pair.close)
        control = await stack.enter_async_context(httpx.AsyncClient(base_url=url, trust_env=False))
        store = StoreProxy(Mood(Random(f"{seed} store")), board, pair.primary.port)
        store_door = Door(store.serve)
        upstream = UpstreamProxy(Mood(Random(f"{seed} upstream")), httpx.URL(url).port or 0)
        upstream_door = Door(upstream.serve)
        for door in (store_door, upstream_door):
            await door.admit()
            stack.callback(door.close)
        orders = _orders(seed, folder, store_door.port, upstream_door.port, per_minute)
        crew = Crew(board, orders, WORKERS)
        stack.callback(crew.close)
        notes, steady = Notes(), asyncio.Lock()
        clock = ClockFaults(board, control, steady, notes)
        processes = ProcessFaults(crew, Random(f"{seed} process"), notes)
        upstream.watch = processes.watch
        lanes: dict[Lane, Callable[[Fault], Awaitable[None]]] = {
            "store": StoreFaults(pair, store, store_door, steady, notes).meet,
            "upstream": UpstreamFaults(upstream.mood, upstream_door, control, notes).meet,
            "process": processes.meet,
            "clock": clock.meet,
        }
        await clock.begin(FRIDAY, int(datetime.fromisoformat(FRIDAY).timestamp()) * 1_000_000)
        await crew.start()
        sampler = Sampler(pair.client)
        sampling = asyncio.create_task(_sample(sampler))
        await meet_all(schedule(seed, seconds), lanes)
        board.phase = QUIET
        await asyncio.sleep(RESTING_S)
        await clock.pass_time(PASSES_S)
        board.phase = RECOVERED
        workers = tuple(crew.processes)
        unfinished = await crew.end(LONGEST_END_S)
        sampling.cancel()
        with suppress(asyncio.CancelledError):
            await sampling
    history = History(Timeline(clock.moves), per_minute, STALE_S, workers=workers, unfinished=unfinished)
    history.calls, history.handouts = upstream.calls, upstream.handed
    history.samples, history.troubles = sampler.samples, notes.troubles
    read(folder, history)
    return history


async def _sample(sampler: Sampler) -> None:
    while True:
        await asyncio.to_thread(sampler.sample)
        await asyncio.sleep(SAMPLE_EVERY_S)


def _orders(
    seed: int, folder: Path, store_port: int, upstream_port: int, per_minute: int
) -> Callable[[str, int], Orders]:
    """What makes a worker's orders; all have the same users."""
    directory = FakeDirectory()
    keys = {user: directory.issue(user, tier).text for user, tier in trace.users(WORKERS)}
    records = tuple(directory.records.values())

    def orders(name: str, slot: int) -> Orders:
        return Orders(
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

    return orders
