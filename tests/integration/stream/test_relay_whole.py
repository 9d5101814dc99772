"""The relay whole: an upstream, a real store, and clients' connections, each on a socket of this machine."""

import asyncio
import json
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dekr.relay_wiring import Invocation
from dekr.store.link import Link
from dekr.stream.gateway import LIFE_OF_A_CONNECTION_MS
from dekr.stream.pairs import pairs_of
from dekr.stream.ports import ChangeKind, Subscriber
from dekr.stream.registry import Registry
from dekr.stream.relay.upkeep import HINT_MS
from dekr.stream.shift.endings import Cause, Outcome, RunReport
from dekr.tiers import Tier
from tests.fakes.directory import FakeDirectory, key_record
from tests.fakes.driven_time import until
from tests.fakes.stream_market import Market, stream_market
from tests.integration.stream.relay_process import LEASE, relay_services
from tests.patience import patient, patient_url
from tests.redis_servers import RedisServer
from tests.world import World

ROOT = Path(__file__).parents[3]


@dataclass
class Scene:
    market: Market
    store_url: str
    registry: Registry
    counts: list[Mapping[str, Any]] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)

    def listen(self, connection: str, pairs: str = "T.AAPL", key_id: str = "k1") -> None:
        """Open a connection of ann's that listens to these pairs."""
        now_ms = time.time_ns() // 1_000_000
        self.registry.open(connection, "203.0.113.7", now_ms)
        self.registry.admit(connection, Subscriber("ann", Tier(7), key_id), now_ms)
        self.registry.release(connection)
        self.registry.change(connection, ChangeKind.ADD, pairs_of(pairs.split()), now_ms)

    def begin(self, *, scheduled: bool = False, left_s: float = 900, **more: object) -> "asyncio.Task[RunReport]":
        """A run of the relay in this process."""
        services = relay_services(self.store_url, self.market.url, self.market.endpoint, self.counts.append, **more)
        return asyncio.create_task(services.run(Invocation("r", "1", left_s), scheduled=scheduled))

    async def start(self, left_s: float = 900) -> Process:
        """A run of the relay as a process of its own."""
        program = [sys.executable, "-m", "tests.integration.stream.relay_process"]
        arguments = [self.store_url, self.market.url, self.market.endpoint, str(left_s)]
        path = f"{ROOT}:{ROOT / 'layers/common'}"
        process = await asyncio.create_subprocess_exec(
            *program, *arguments, stdout=PIPE, cwd=ROOT, env={"PYTHONPATH": path}
        )
        self.processes.append(process)
        return process


def play(redis: RedisServer, story: Callable[[Scene], Awaitable[None]]) -> None:
    async def played() -> None:
        async with stream_market() as market, scene(redis, market) as made:
            await story(made)

    asyncio.run(played())


@asynccontextmanager
async def scene(redis: RedisServer, market: Market) -> AsyncIterator[Scene]:
    link = patient(Link.open(redis.url))
    made = Scene(market, patient_url(redis.url), Registry(link))
    try:
        yield made
    finally:
        for process in made.processes:
            if process.returncode is None:
                process.kill()
            await process.wait()
        link.close()


def unbroken(numbers: list[int]) -> list[int]:
    """The numbers without those that were seen already, which have to follow one another."""
    unique = list(dict.fromkeys(numbers))
    assert unique == list(range(unique[0], unique[0] + len(unique)))
    return unique


def test_trades_go_to_who_listens_and_after_a_kill_the_next_relay_goes_on(redis: RedisServer) -> None:
    async def story(scene: Scene) -> None:
        market = scene.market
        scene.listen("ann=")
        first = await scene.start()
        await market.more("ann=", 10)
        assert [each["message"] for each in market.statuses("ann=", "success")] == ["subscribed to: T.AAPL"]
        first.send_signal(signal.SIGKILL)
        await first.wait()
        before = unbroken(market.numbers("ann="))
        with redis.client() as client:
            client.delete(LEASE)  # its time is over
        second = await scene.start()
        await market.more("ann=", 10)
        after = unbroken(market.numbers("ann="))
        assert after[0] == before[0] == 1
        # One frame may come twice, none may be missing; what happened while nobody was connected is named.
        assert len(market.numbers("ann=")) - len(after) <= max(len(frame) for frame in market.inboxes["ann="])
        (gap,) = market.statuses("ann=", "gap")
        assert gap["pairs"] == ["T.AAPL"]
        assert gap["from"] < gap["to"]
        second.send_signal(signal.SIGTERM)
        assert second.stdout
        outcome, cause, epoch = json.loads(await second.stdout.read())
        assert (outcome, cause) == ("served", "signal")
        assert epoch >= 2

    play(redis, story)


def test_the_schedules_run_takes_over_from_one_that_ends_soon(redis: RedisServer) -> None:
    async def story(scene: Scene) -> None:
        market = scene.market
        scene.listen("ann=")
        first = await scene.start(left_s=8 + 70)
        await market.more("ann=")
        second = scene.begin(scheduled=True)
        assert await scene.begin() == RunReport(Outcome.HELD)
        first.send_signal(signal.SIGTERM)
        await first.wait()
        await until(lambda: market.sign_ins == 2)
        await market.more("ann=", 10)
        # Who hands over leaves nothing to repeat, and closes its connection to the upstream first.
        assert unbroken(market.numbers("ann=")) == market.numbers("ann=")
        assert market.evictions == 0
        assert len(market.statuses("ann=", "gap")) == 1
        await stop(second)

    play(redis, story)


def test_a_relay_whose_time_is_over_stops_and_says_what_it_counted(redis: RedisServer) -> None:
    async def story(scene: Scene) -> None:
        scene.listen("ann=")
        report = await scene.begin(left_s=8)
        assert (report.outcome, report.cause) == (Outcome.SERVED, Cause.DEADLINE)
        assert await scene.begin(left_s=8) == RunReport(Outcome.SERVED, Cause.DEADLINE, report.epoch + 1)
        assert scene.counts[0]["connections"] <= 1
        assert scene.counts[0]["edges"] == {
            "feed_ends": {},
            "garbage": 0,
            "repeated": 0,
            "post_failures": {},
            "guard_failures": 0,
            "expelled": 0,
        }

    play(redis, story)


async def stop(run: "asyncio.Task[RunReport]") -> None:
    run.cancel()
    await asyncio.wait([run])


def test_a_streamed_trade_costs_a_reader_of_rest_no_upstream_call(redis: RedisServer) -> None:
    async def story(scene: Scene) -> None:
        scene.listen("ann=")
        run = scene.begin()
        await scene.market.more("ann=")
        link = patient(Link.open(redis.url))
        world = World(link)
        key = world.key(7)

        def streamed() -> bool:
            return redis_has(redis, "dekr:{AAPL}:trade")

        await until(streamed)
        answer = world.get("/trade/AAPL", key)
        assert (answer.json["price"], answer.headers["X-Data-Source"]) == (100.5, "stream")
        assert world.upstream.calls == []
        link.close()
        await stop(run)

    play(redis, story)


def redis_has(redis: RedisServer, name: str) -> bool:
    with redis.client() as client:
        return bool(client.exists(name))


def test_a_revoked_key_is_expelled_while_the_relay_runs(redis: RedisServer) -> None:
    async def story(scene: Scene) -> None:
        directory = FakeDirectory()
        directory.put(key_record("k1", "ann", 7))
        scene.listen("ann1=")
        scene.listen("ann2=", key_id="k2")
        run = scene.begin(directory=lambda: directory)
        # ``k2`` is in no directory.
        await until(lambda: scene.market.deleted == ["ann2="])
        assert scene.market.statuses("ann2=", "force_disconnect")
        await scene.market.more("ann1=")
        await stop(run)

    play(redis, story)


def test_a_store_that_was_lost_leaves_nobody_in_silence(redis: RedisServer) -> None:
    async def story(scene: Scene) -> None:
        scene.listen("ann1=")
        run = scene.begin()
        await scene.market.more("ann1=")
        with redis.client() as client:
            client.flushall()
        await until(lambda: scene.market.deleted == ["ann1="])
        assert scene.market.statuses("ann1=", "force_disconnect")
        scene.listen("ann2=")
        await scene.market.more("ann2=")
        await stop(run)

    play(redis, story)


def test_a_connection_is_told_that_its_two_hours_end_soon_and_then_that_they_are_over(redis: RedisServer) -> None:
    async def story(scene: Scene) -> None:
        market = scene.market
        scene.listen("ann=")
        run = scene.begin(clock_offset_us=(LIFE_OF_A_CONNECTION_MS - HINT_MS) * 1000)
        await until(lambda: any("ends_at" in item for item in market.statuses("ann=", "success")))
        assert market.deleted == []
        await stop(run)
        run = scene.begin(clock_offset_us=LIFE_OF_A_CONNECTION_MS * 1000)
        await until(lambda: market.deleted == ["ann="])
        (ended,) = market.statuses("ann=", "force_disconnect")
        assert "two hours" in ended["message"]
        await stop(run)

    play(redis, story)


def test_the_schedules_run_sweeps_where_nobody_listens(redis: RedisServer) -> None:
    async def story(scene: Scene) -> None:
        now_ms = time.time_ns() // 1_000_000
        scene.registry.open("mute=", "203.0.113.7", now_ms - 31_000)
        assert await scene.begin(scheduled=True) == RunReport(Outcome.UNHEARD)
        assert scene.market.deleted == ["mute="]
        assert scene.market.statuses("mute=", "auth_timeout")
        assert scene.registry.counts().sockets == 0
        assert scene.market.sign_ins == 0

    play(redis, story)


def test_a_relay_whose_upstream_connection_another_relay_has_leaves_when_the_lease_is_lost(redis: RedisServer) -> None:
    async def story(scene: Scene) -> None:
        scene.listen("ann=")
        first = scene.begin()
        await scene.market.more("ann=")
        with redis.client() as client:
            client.delete(LEASE)
        second = scene.begin()
        report = await first
        assert report.outcome is Outcome.SERVED
        assert report.cause in {Cause.EVICTED, Cause.LEASE_LOST, Cause.FENCED}
        await scene.market.more("ann=")
        unbroken(scene.market.numbers("ann="))
        await stop(second)

    play(redis, story)
