"""The socket to the upstream, against the sandbox that stands in for the vendor."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from aiohttp import ClientSession, ClientTimeout

from dekr.stream.ports import FeedDown, FeedFrame, FeedMessage, FeedRefused, FeedUp
from dekr.stream.upstream.feed import PolygonFeed
from local.sandbox.plans import ADVANCED, FREE, STARTER, Plan
from local.sandbox.state import KEY
from tests.contract.sandbox.streams import Streaming, signed_in, streaming
from tests.fakes.driven_time import until
from tests.patience import HANG_S


@dataclass
class Scene:
    market: Streaming
    feed: PolygonFeed
    running: asyncio.Task[None]
    heard: list[FeedMessage] = field(default_factory=list)

    def count(self, kind: type[FeedMessage]) -> int:
        self.heard.extend(self.feed.take())
        return sum(isinstance(each, kind) for each in self.heard)

    async def expect(self, kind: type[FeedMessage], count: int = 1) -> None:
        await until(lambda: self.count(kind) >= count)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for each in self.heard if isinstance(each, FeedFrame) for event in json.loads(each.text)]


def play(story: Callable[[Scene], Awaitable[None]], wanted: Sequence[str], plan: Plan = ADVANCED) -> None:
    async def ours() -> bool:
        return False

    async def played(market: Streaming) -> None:
        async with ClientSession(timeout=ClientTimeout(HANG_S)) as session:
            feed = PolygonFeed(
                session,
                market.stream,
                lambda: KEY,
                ours,
                now_us=market.sandbox.clock.now_us,
                monotonic=time.monotonic,
                sleep=asyncio.sleep,
                random=Random(1).random,
            )
            feed.want(wanted)
            scene = Scene(market, feed, asyncio.create_task(feed.run()))
            try:
                await story(scene)
            finally:
                await feed.close()

    with streaming(plan) as market:
        asyncio.run(played(market))


def test_it_follows_what_is_wanted() -> None:
    async def story(scene: Scene) -> None:
        await scene.expect(FeedUp)
        scene.market.advance(3)
        await scene.expect(FeedFrame)
        assert {event["sym"] for event in scene.events} == {"TEST"}
        scene.feed.want(["Q.TEST"])
        await until(lambda: scene.market.shown()["connections"][0]["subscriptions"] == ["Q.TEST"])

    play(story, ["T.TEST", "A.TEST"])


def test_what_the_plan_lacks_is_refused_and_the_rest_comes() -> None:
    async def story(scene: Scene) -> None:
        await scene.expect(FeedUp)
        refused = [each for each in scene.heard if isinstance(each, FeedRefused)]
        assert sorted(sorted(each.pairs) for each in refused) == [["Q.AAPL", "Q.TEST"], ["T.TEST"]]
        scene.market.advance(2)
        await scene.expect(FeedFrame)
        assert {event["ev"] for event in scene.events} == {"A"}

    play(story, ["T.TEST", "Q.TEST", "Q.AAPL", "A.TEST"], STARTER)


def test_a_plan_without_a_stream_refuses_all() -> None:
    async def story(scene: Scene) -> None:
        await scene.expect(FeedDown)
        (refused,) = [each for each in scene.heard if isinstance(each, FeedRefused)]
        assert refused.pairs == {"T.TEST"}
        assert "websocket" in refused.message

    play(story, ["T.TEST"], FREE)


def test_another_connection_with_the_same_key_ends_a_feed_whose_lease_is_lost() -> None:
    async def story(scene: Scene) -> None:
        await scene.expect(FeedUp)
        with signed_in(scene.market):
            await scene.running
        assert scene.count(FeedDown) == 1

    play(story, ["T.TEST"])
