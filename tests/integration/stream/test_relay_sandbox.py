"""The relay between the sandbox that stands in for the vendor, a real store and clients' connections: the rarer channels."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from dekr.relay_wiring import Invocation
from local.sandbox.plans import ADVANCED, STARTER, Plan
from local.sandbox.state import KEY
from tests.contract.sandbox.streams import Streaming, streaming
from tests.fakes.driven_time import until
from tests.fakes.stream_market import stream_market
from tests.integration.stream.relay_process import relay_services
from tests.integration.stream.test_relay_whole import Scene, scene, stop
from tests.redis_servers import RedisServer

FIRST_S, LATER_S = 32, 5
"""From the sandbox's moment to the end of its minute, and until the aggregates of it are sent again."""


def play(redis: RedisServer, story: Callable[[Scene, Streaming], Awaitable[None]], plan: Plan = ADVANCED) -> None:
    async def played(sandbox: Streaming) -> None:
        async with stream_market() as market, scene(redis, market) as made:
            services = replace(relay_services(made.store_url, sandbox.stream, market.endpoint), key=lambda: KEY)
            run = asyncio.create_task(services.run(Invocation("r", "1", 900), scheduled=False))
            try:
                await story(made, sandbox)
            finally:
                await stop(run)

    with streaming(plan) as sandbox:
        asyncio.run(played(sandbox))


def of(made: Scene, connection: str, channel: str) -> list[dict[str, Any]]:
    """The events of a channel that a connection has received."""
    return [item for item in made.market.items(connection) if item["ev"] == channel]


async def subscribed(made: Scene, connection: str, pairs: int) -> None:
    await until(lambda: len(made.market.statuses(connection, "success")) == pairs)


def test_price_bands_are_passed_on(redis: RedisServer) -> None:
    async def story(made: Scene, sandbox: Streaming) -> None:
        made.listen("ann=", "LULD.AAPL A.AAPL")
        await subscribed(made, "ann=", 2)
        await until(lambda: "LULD.AAPL" in sandbox.shown()["connections"][0]["subscriptions"])
        sandbox.advance(FIRST_S)
        await until(lambda: bool(of(made, "ann=", "LULD")))
        (bands,) = of(made, "ann=", "LULD")
        assert (bands["T"], bands["_n"]) == ("AAPL", 1)
        assert bands["l"] < bands["h"]

    play(redis, story)


def test_bands_that_the_plan_lacks_are_refused_in_its_words(redis: RedisServer) -> None:
    async def story(made: Scene, sandbox: Streaming) -> None:
        made.listen("ann=", "LULD.AAPL AM.AAPL")
        await until(lambda: bool(made.market.statuses("ann=", "error")))
        (refused,) = made.market.statuses("ann=", "error")
        assert refused["message"] == "not authorized: LULD.AAPL"
        acknowledged = {each["message"] for each in made.market.statuses("ann=", "success")}
        assert "subscribed to: AM.AAPL" in acknowledged
        assert sandbox.shown()["connections"]

    play(redis, story, STARTER)


def test_all_minutes_and_their_corrections_come_in_order(redis: RedisServer) -> None:
    async def story(made: Scene, sandbox: Streaming) -> None:
        made.listen("ann=", "AM.*")
        await subscribed(made, "ann=", 1)
        await until(lambda: "AM.*" in sandbox.shown()["connections"][0]["subscriptions"])
        sandbox.advance(FIRST_S)
        await until(lambda: bool(of(made, "ann=", "AM")))
        sandbox.advance(LATER_S)
        # Those that are sent again have the same start, and the next number.
        await until(lambda: any(item["_n"] == 2 for item in of(made, "ann=", "AM")))
        items = of(made, "ann=", "AM")
        assert len({item["sym"] for item in items}) > 100
        assert len({(item["s"], item["e"]) for item in items}) == 1

    play(redis, story)
