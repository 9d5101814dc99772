"""The socket to the upstream, against a server whose part the test plays."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from aiohttp import ClientSession, ClientTimeout, web

from dekr.errors import UpstreamDown
from dekr.stream.ports import FeedDown, FeedFrame, FeedMessage, FeedRefused, FeedUp
from dekr.stream.upstream.feed import PolygonFeed
from dekr.stream.upstream.socket import SILENCE_S
from dekr.stream.upstream.subscribed import MAX_PAIRS
from tests.fakes.driven_time import DrivenTime, settle, until
from tests.fakes.upstream_socket import Peer, UpstreamSocket, served, upstream_socket
from tests.patience import HANG_S

TRADE = {"ev": "T", "sym": "AAPL", "p": 1.5, "s": 2, "t": 1_795_000_000_000}


@dataclass
class Scene:
    """A feed that runs against ``server``, on a clock of the test's own. ``ours``: what it hears about the lease."""

    server: UpstreamSocket
    time: DrivenTime = field(default_factory=DrivenTime)
    ours: bool = True
    draws: list[float] = field(default_factory=list)
    heard: list[FeedMessage] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    """The pauses between connections: each is a part that was drawn by lot."""
    tries: int = 0
    drew: bool = False
    feed: PolygonFeed = field(init=False)
    running: asyncio.Task[None] = field(init=False)

    def take(self) -> list[FeedMessage]:
        self.heard.extend(self.feed.take())
        return self.heard

    async def expect[M: FeedMessage](self, kind: type[M], count: int = 1) -> M:
        """The ``count``-th message of this kind, once it is there."""

        def found() -> list[M]:
            return [each for each in self.take() if isinstance(each, kind)]

        await until(lambda: len(found()) >= count)
        return found()[count - 1]

    async def up(self, *pairs: str) -> Peer:
        """The next connection, signed in and subscribed to these pairs of one channel."""
        peer = await self.server.accept()
        await peer.sign_in()
        if pairs:
            assert await peer.hear() == {"action": "subscribe", "params": ",".join(pairs)}
            await peer.acknowledge(pairs)
        return peer

    async def next_try(self) -> None:
        """Let the pause before the next connection pass, once it has begun."""
        self.tries += 1
        await until(lambda: len(self.pauses) == self.tries)
        await self.time.go(self.pauses[-1])

    async def still_ours(self) -> bool:
        return self.ours

    def random(self) -> float:
        self.drew = True
        return self.draws.pop(0) if self.draws else 1.0

    async def sleep(self, seconds: float) -> None:
        if self.drew:
            self.pauses.append(seconds)
            self.drew = False
        await self.time.sleep(seconds)


def play(
    story: Callable[[Scene], Awaitable[None]], *, wanted: tuple[str, ...] = (), key: Any = lambda: "the-key"
) -> None:
    """Let a feed that wants these pairs run while the story goes on."""

    async def played() -> None:
        async with upstream_socket() as server, scene(server, wanted, key) as made:
            await story(made)

    asyncio.run(played())


@asynccontextmanager
async def scene(server: UpstreamSocket, wanted: tuple[str, ...], key: Any) -> Any:
    made = Scene(server)
    async with ClientSession(timeout=ClientTimeout(HANG_S)) as session:
        time = made.time
        clocks: dict[str, Any] = {"now_us": time.now_us, "monotonic": time.monotonic, "sleep": made.sleep}
        made.feed = PolygonFeed(session, server.url, key, made.still_ours, **clocks, random=made.random, max_queued=150)
        made.feed.want(wanted)
        made.running = asyncio.create_task(made.feed.run())
        yield made
        await made.feed.close()
        await made.running


def test_it_signs_in_subscribes_and_is_up_only_when_all_is_acknowledged() -> None:
    async def story(scene: Scene) -> None:
        peer = await scene.server.accept()
        await peer.sign_in()
        assert await peer.hear() == {"action": "subscribe", "params": "Q.AAPL"}
        await peer.acknowledge(["Q.AAPL"])
        # A message is of one channel, and waits for the answer to the one before.
        assert await peer.hear() == {"action": "subscribe", "params": "T.AAPL,T.MSFT"}
        await peer.acknowledge(["T.AAPL"])
        await settle()
        assert scene.take() == []
        await peer.acknowledge(["T.MSFT"])
        await scene.expect(FeedUp)

    play(story, wanted=("T.MSFT", "T.AAPL", "Q.AAPL"))


def test_frames_come_as_they_were_sent_with_the_moment_of_their_receipt() -> None:
    text = '[{"ev":"T","sym":"AAPL","p":1.50,"s":2}, {"ev":"T","sym":"AAPL","p":1.6e0,"s":3}]'

    async def story(scene: Scene) -> None:
        peer = await scene.up("T.AAPL")
        await peer.socket.send_str(text)
        assert await scene.expect(FeedFrame) == FeedFrame(text, scene.time.now_us())

    play(story, wanted=("T.AAPL",))


def test_events_beside_a_status_come_without_it() -> None:
    async def story(scene: Scene) -> None:
        peer = await scene.up("T.AAPL")
        await peer.send(TRADE, {"ev": "status", "status": "success", "message": "subscribed to: T.X"}, TRADE)
        assert json.loads((await scene.expect(FeedFrame)).text) == [TRADE, TRADE]

    play(story, wanted=("T.AAPL",))


def test_only_what_changed_is_sent_in_messages_of_bounded_size() -> None:
    first = [f"T.A{first}{second}" for first in "ABCDEFGHIJKLMNOP" for second in "ABCDEFGHIJKLMNOP"]

    async def story(scene: Scene) -> None:
        peer = await scene.server.accept()
        await peer.sign_in()
        for batch in (first[:MAX_PAIRS], first[MAX_PAIRS:]):
            assert await peer.hear() == {"action": "subscribe", "params": ",".join(batch)}
            await peer.acknowledge(batch)
        await scene.expect(FeedUp)
        scene.feed.want([*first[1:], "T.ZZZ"])
        assert await peer.hear() == {"action": "unsubscribe", "params": first[0]}
        assert await peer.hear() == {"action": "subscribe", "params": "T.ZZZ"}
        await peer.acknowledge(["T.ZZZ"])
        scene.feed.want([*first[1:], "T.ZZZ"])
        scene.feed.want(["T.ZZZ"])
        assert (await peer.hear())["params"].split(",") == first[1 : MAX_PAIRS + 1]
        assert peer.said.qsize() <= 1
        assert (await peer.hear())["params"].split(",") == first[MAX_PAIRS + 1 :]

    play(story, wanted=tuple(first))


def test_refused_pairs_are_told_and_the_others_go_on() -> None:
    async def story(scene: Scene) -> None:
        peer = await scene.server.accept()
        await peer.sign_in()
        await peer.hear()
        await peer.acknowledge(["A.AAPL"])
        assert await peer.hear() == {"action": "subscribe", "params": "Q.AAPL,Q.MSFT"}
        await peer.status("error", "not authorized")
        refused = await scene.expect(FeedRefused)
        assert refused == FeedRefused(frozenset({"Q.AAPL", "Q.MSFT"}), "not authorized")
        await peer.hear()
        await peer.send(
            {"ev": "status", "status": "error", "message": "not authorized for T.AAPL"},
            {"ev": "status", "status": "success", "message": "subscribed to: T.MSFT"},
        )
        assert (await scene.expect(FeedRefused, 2)).pairs == {"T.AAPL"}
        await scene.expect(FeedUp)

    play(story, wanted=("A.AAPL", "Q.AAPL", "Q.MSFT", "T.AAPL", "T.MSFT"))


def test_a_refused_pair_is_requested_again_for_the_next_who_wants_it() -> None:
    async def story(scene: Scene) -> None:
        peer = await scene.server.accept()
        await peer.sign_in()
        await peer.hear()
        await peer.status("error", "not authorized")
        await scene.expect(FeedRefused)
        scene.feed.want([])
        await settle()
        scene.feed.want(["T.AAPL"])
        assert await peer.hear() == {"action": "subscribe", "params": "T.AAPL"}

    play(story, wanted=("T.AAPL",))


def test_a_plan_without_a_socket_refuses_everything_also_what_is_wanted_later() -> None:
    text = "Your plan doesn't include websocket access."

    async def story(scene: Scene) -> None:
        peer = await scene.server.accept()
        await peer.status("connected", "Connected Successfully")
        await peer.hear()
        await peer.status("auth_failed", text)
        assert await scene.expect(FeedRefused) == FeedRefused(frozenset({"T.AAPL"}), text)
        await scene.expect(FeedDown)
        # The log has no text of the upstream's.
        assert scene.feed.ends == {"status auth_failed": 1}
        scene.feed.want(["T.AAPL", "T.MSFT"])
        assert await scene.expect(FeedRefused, 2) == FeedRefused(frozenset({"T.MSFT"}), text)
        # The plan may grow: it goes on trying, and says so when it is let in.
        await scene.next_try()
        await scene.up("T.AAPL", "T.MSFT")
        await scene.expect(FeedUp)
        scene.feed.want(["T.IBM"])
        await settle()
        assert len([each for each in scene.take() if isinstance(each, FeedRefused)]) == 2

    play(story, wanted=("T.AAPL",))


@pytest.mark.parametrize(("status", "refuses"), [(403, True), (401, True), (500, False)])
def test_a_refused_handshake_is_a_plan_without_a_socket(status: int, refuses: bool) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=status)

    async def played() -> None:
        app = web.Application()
        app.router.add_get("/stocks", refuse)
        server = UpstreamSocket()
        async with served(app) as address:
            server.url = f"ws://{address}/stocks"
            async with scene(server, ("T.AAPL",), lambda: "the-key") as made:
                assert str(status) in (await made.expect(FeedDown)).reason
                assert any(isinstance(each, FeedRefused) for each in made.take()) is refuses

    asyncio.run(played())


def test_it_comes_back_with_all_subscriptions_and_says_down_and_up_once_each() -> None:
    async def story(scene: Scene) -> None:
        peer = await scene.up("T.AAPL")
        await scene.expect(FeedUp)
        peer.socket._req.transport.abort()  # type: ignore[union-attr] # an abrupt cut
        await scene.expect(FeedDown)
        scene.feed.want(["T.AAPL", "T.MSFT"])
        await scene.next_try()
        peer = await scene.server.accept()
        await peer.socket.close()
        await scene.next_try()
        await scene.up("T.AAPL", "T.MSFT")
        await scene.expect(FeedUp, 2)
        assert [type(each) for each in scene.take()] == [FeedUp, FeedDown, FeedUp]

    play(story, wanted=("T.AAPL",))


async def cut_after(scene: Scene, *, acknowledged: bool = False, data: bool = False) -> None:
    """One more connection that the upstream cuts after signing in, and the pause before the next."""
    peer = await scene.server.accept()
    await peer.sign_in()
    await peer.hear()
    if acknowledged:
        await peer.acknowledge(["T.AAPL"])
    if data:
        await peer.send(TRADE)
    await peer.socket.close(code=1011)
    await scene.next_try()


def test_signing_in_alone_does_not_reset_the_backoff_but_data_and_acknowledgements_do() -> None:
    async def story(scene: Scene) -> None:
        proofs: list[dict[str, bool]] = [{}, {}, {}, {"data": True}, {}, {"acknowledged": True}]
        for proof in proofs:
            await cut_after(scene, **proof)
        assert scene.pauses == [1, 2, 4, 1, 2, 1]

    play(story, wanted=("T.AAPL",))


def test_the_pause_is_a_random_part_of_a_bounded_one() -> None:
    async def story(scene: Scene) -> None:
        scene.draws = [0.25, 0.5, *[1.0] * 20]
        for _ in range(8):
            await cut_after(scene)
        assert scene.pauses == [0.25, 1, 4, 8, 16, 30, 30, 30]

    play(story, wanted=("T.AAPL",))


async def evict(scene: Scene, *, by_status: bool = False) -> None:
    peer = await scene.up("T.AAPL")
    if by_status:
        await peer.status("max_connections", "Maximum number of websocket connections exceeded.")
    else:
        await peer.socket.close(code=1008)


@pytest.mark.parametrize("by_status", [True, False])
def test_an_evicted_feed_whose_lease_is_lost_ends(by_status: bool) -> None:
    async def story(scene: Scene) -> None:
        scene.ours = False
        await evict(scene, by_status=by_status)
        await scene.running
        assert isinstance(scene.take()[-1], FeedDown)
        assert scene.pauses == []

    play(story, wanted=("T.AAPL",))


@pytest.mark.parametrize("by_status", [True, False])
def test_an_evicted_feed_whose_lease_is_kept_backs_off_longer_each_time(by_status: bool) -> None:
    async def story(scene: Scene) -> None:
        for _ in range(3):
            await evict(scene, by_status=by_status)
            await scene.next_try()
        # Others who use the same key had acknowledgements and lost them again: that is no success.
        assert scene.pauses == [1, 2, 4]
        peer = await scene.up("T.AAPL")
        for count in range(1, 13):
            await peer.send(TRADE)
            await scene.expect(FeedFrame, count)
            await scene.time.go(5)
        await peer.socket.close(code=1008)
        await scene.next_try()
        assert scene.pauses[-1] == 1

    play(story, wanted=("T.AAPL",))


def test_a_quiet_connection_that_answers_pings_lives() -> None:
    async def story(scene: Scene) -> None:
        peer = await scene.up("T.AAPL")
        await scene.expect(FeedUp)
        for seen in range(1, 7):
            await scene.time.go(10)
            await until(partial(peer.has_seen, seen))
            # Something that the feed answers only after it has read the pong before it.
            scene.feed.want([f"T.A{'ABCDEFG'[seen]}"])
            await peer.hear()
            message = await peer.hear()
            await peer.acknowledge([message["params"]])
            await until(lambda: scene.feed._subscriptions.settled)
        assert not any(isinstance(each, FeedDown) for each in scene.take())

    play(story, wanted=("T.AAPL",))


def test_silence_without_pongs_is_the_end_of_a_connection() -> None:
    async def story(scene: Scene) -> None:
        peer = await scene.up("T.AAPL")
        peer.pongs = False
        await scene.expect(FeedUp)
        heard_us = scene.time.now_us()
        await scene.time.go(SILENCE_S - 1)
        assert not any(isinstance(each, FeedDown) for each in scene.take())
        await scene.time.go(1)
        down = await scene.expect(FeedDown)
        assert "silent" in down.reason
        assert down.heard_us == heard_us

    play(story, wanted=("T.AAPL",))


def test_a_sign_in_that_nobody_answers_ends() -> None:
    async def story(scene: Scene) -> None:
        await scene.server.accept()
        await until(lambda: scene.time.sleeping == 2)
        await scene.time.go(10)
        assert "sign-in" in (await scene.expect(FeedDown)).reason

    play(story)


def test_acknowledgements_that_do_not_come_are_not_waited_for_without_end() -> None:
    async def story(scene: Scene) -> None:
        peer = await scene.server.accept()
        await peer.sign_in()
        await peer.hear()
        await scene.time.go(10)
        assert await peer.hear() == {"action": "subscribe", "params": "T.AAPL"}
        await peer.acknowledge(["T.AAPL"])
        await scene.expect(FeedUp)

    play(story, wanted=("Q.AAPL", "T.AAPL"))


GARBAGE: list[str | bytes] = [
    "",
    "null",
    "{}",
    "not JSON",
    '{"status":"x"}',
    '["status"]',
    '["status"',
    '[{"ev":"T","sym":"AAPL","p":',
    '{"message": "Forbidden", "connectionId":"x"}',
    b"\x00\x01",
]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_is_counted_and_does_no_harm(garbage: str | bytes) -> None:
    async def story(scene: Scene) -> None:
        peer = await scene.up("T.AAPL")
        await scene.expect(FeedUp)
        await (peer.socket.send_bytes(garbage) if isinstance(garbage, bytes) else peer.socket.send_str(garbage))
        await peer.send(TRADE)
        assert json.loads((await scene.expect(FeedFrame)).text) == [TRADE]
        assert scene.feed.garbage == 1
        assert [type(each) for each in scene.take()] == [FeedUp, FeedFrame]

    play(story, wanted=("T.AAPL",))


def test_text_that_is_no_utf_8_is_garbage() -> None:
    async def story(scene: Scene) -> None:
        peer = await scene.up("T.AAPL")
        assert peer.socket._writer
        await peer.socket._writer.send_frame(b'[{"ev":"T\xff"}]', 1)  # the opcode of a text
        await peer.send(TRADE)
        await scene.expect(FeedFrame)
        assert scene.feed.garbage == 1

    play(story, wanted=("T.AAPL",))


def test_a_key_that_cannot_be_read_is_tried_again() -> None:
    failures = [UpstreamDown("no secret", retry_after_s=1, fault="Secrets Manager: ClientError")]

    def key() -> str:
        if failures:
            raise failures.pop()
        return "the-key"

    async def story(scene: Scene) -> None:
        assert "Secrets Manager: ClientError" in (await scene.expect(FeedDown)).reason
        await scene.next_try()
        await scene.up("T.AAPL")
        await scene.expect(FeedUp)

    play(story, wanted=("T.AAPL",), key=key)


def test_what_nobody_takes_ends_the_connection_until_somebody_does() -> None:
    async def story(scene: Scene) -> None:
        peer = await scene.up("T.AAPL")
        for _ in range(3):
            await peer.send(TRADE)  # 52 characters each
        await peer.gone.wait()
        await scene.next_try()
        assert not scene.server.waiting
        assert [type(each) for each in scene.take()] == [FeedUp, FeedFrame, FeedFrame, FeedFrame, FeedDown]
        await scene.up("T.AAPL")
        await scene.expect(FeedUp, 2)

    play(story, wanted=("T.AAPL",))
