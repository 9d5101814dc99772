"""Posts to connections, against a server that answers as the test says."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import ClientSession, ClientTimeout, web
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from dekr.stream.delivery.post_rate import PostRate, Refusals
from dekr.stream.delivery.sink import ConnectionSink, post_session
from dekr.stream.ports import Delivered
from tests.fakes.driven_time import DrivenTime, until
from tests.fakes.upstream_socket import served
from tests.patience import HANG_S

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "fake/secret",
    "AWS_SESSION_TOKEN": "fake-session-token==",
    "AWS_REGION": "us-east-1",
}
CONNECTION = "L0SM9cOFvHcCIhw="
GIVE_UP_S = 0.1
CUT = -1
"""The connection is cut instead of an answer."""

FRAME = b'[{"ev":"T","sym":"AAPL"}]'


@dataclass
class Gateway:
    """The other end: answers with ``answers`` one after the other, then 200. An answer None never comes."""

    answers: list[int | None] = field(default_factory=list)
    got: list[tuple[str, str, bytes]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    sources: set[Any] = field(default_factory=set)
    held: asyncio.Event | None = None
    now: int = 0
    most: int = 0

    async def handle(self, request: web.Request) -> web.Response:
        self.got.append((request.method, request.raw_path, await request.read()))
        self.headers.append(dict(request.headers))
        assert request.transport
        self.sources.add(request.transport.get_extra_info("peername"))
        self.now += 1
        self.most = max(self.most, self.now)
        answer = self.answers.pop(0) if self.answers else 200
        if self.held:
            await self.held.wait()
        if answer == CUT:
            request.transport.abort()
        if answer is None:
            await asyncio.Event().wait()
        self.now -= 1
        return web.Response(status=200 if answer in {None, CUT} else answer, headers={"Location": "/elsewhere"})


type Story = Callable[[ConnectionSink, Gateway], Awaitable[None]]


def play(story: Story, *answers: int | None, waits: bool = True) -> None:
    async def played() -> None:
        gateway = Gateway(list(answers))
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", gateway.handle)
        async with served(app) as address, post_session() as session:
            await story(made(session, f"http://{address}/stocks", waits=waits), gateway)

    asyncio.run(played())


def made(session: ClientSession, endpoint: str, *, waits: bool = True) -> ConnectionSink:
    time = DrivenTime()
    rate = PostRate(1_000, time.monotonic, time.sleep)
    at = datetime(2026, 11, 20, 15, tzinfo=UTC)
    refusals = Refusals(time.monotonic)
    sink = ConnectionSink(session, endpoint, ENVIRONMENT, rate, refusals, timeout_s=HANG_S, now=lambda: at)
    if not waits:
        sink._timeout = ClientTimeout(GIVE_UP_S)
    return sink


def test_a_frame_goes_signed_to_the_connection() -> None:
    async def story(sink: ConnectionSink, gateway: Gateway) -> None:
        assert await sink.post(CONNECTION, FRAME) is Delivered.SENT
        path = "/stocks/%40connections/L0SM9cOFvHcCIhw%3D"
        assert gateway.got == [("POST", path, FRAME)]
        sent = gateway.headers[0]
        url = f"http://{sent['Host']}{path}"
        request = AWSRequest("POST", url, {"Content-Type": "application/json"}, FRAME)
        request.context["timestamp"] = sent["X-Amz-Date"]
        request.headers["X-Amz-Date"] = sent["X-Amz-Date"]
        request.headers["X-Amz-Security-Token"] = ENVIRONMENT["AWS_SESSION_TOKEN"]
        keys = Credentials(
            ENVIRONMENT["AWS_ACCESS_KEY_ID"], ENVIRONMENT["AWS_SECRET_ACCESS_KEY"], ENVIRONMENT["AWS_SESSION_TOKEN"]
        )
        signer = SigV4Auth(keys, "execute-api", "us-east-1")
        signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
        assert sent["Authorization"].endswith(f"Signature={signature}")

    play(story)


@pytest.mark.parametrize(
    ("answers", "outcome", "requests"),
    [
        ([200], Delivered.SENT, 1),
        ([400], Delivered.GONE, 1),
        ([410], Delivered.GONE, 1),
        ([429], Delivered.SLOW, 1),
        ([413], Delivered.UNKNOWN, 1),
        ([403], Delivered.UNKNOWN, 1),
        ([302], Delivered.UNKNOWN, 1),
        ([500, 200], Delivered.SENT, 2),
        ([503, 410], Delivered.GONE, 2),
        ([500, 502], Delivered.UNKNOWN, 2),
    ],
)
def test_each_answer_has_its_outcome(answers: list[int | None], outcome: Delivered, requests: int) -> None:
    async def story(sink: ConnectionSink, gateway: Gateway) -> None:
        assert await sink.post(CONNECTION, FRAME) is outcome
        assert len(gateway.got) == requests
        assert sink.repeated == requests - 1
        assert sum(sink.failures.values()) == (outcome is Delivered.UNKNOWN)

    play(story, *answers)


def test_a_post_that_is_not_answered_in_time_is_sent_once_more() -> None:
    async def again(sink: ConnectionSink, gateway: Gateway) -> None:
        assert await sink.post(CONNECTION, FRAME) is Delivered.SENT
        assert gateway.got[0] == gateway.got[1]
        assert sink.repeated == 1

    async def never(sink: ConnectionSink, gateway: Gateway) -> None:
        assert await sink.post(CONNECTION, FRAME) is Delivered.UNKNOWN
        assert len(gateway.got) == 2
        assert sink.failures == {"POST TimeoutError": 1}

    play(again, CUT)
    play(never, None, None, waits=False)


def test_an_endpoint_that_is_not_there_is_unknown() -> None:
    async def played() -> None:
        async with post_session() as session:
            assert await made(session, "http://127.0.0.1:1/stocks").post(CONNECTION, FRAME) is Delivered.UNKNOWN

    asyncio.run(played())


def test_refusals_of_several_connections_slow_all_posts_down() -> None:
    async def story(sink: ConnectionSink, _: Gateway) -> None:
        outcomes = [await sink.post(each, FRAME) for each in ("a", "b", "c", "d")]
        assert outcomes == [Delivered.SLOW, Delivered.SLOW, Delivered.THROTTLED, Delivered.THROTTLED]
        assert sink.throttled == 2
        assert sink._rate.per_second == 500

    play(story, 429, 429, 429, 429)


def test_closing_deletes_the_connection_and_minds_no_answer() -> None:
    async def story(sink: ConnectionSink, gateway: Gateway) -> None:
        for _ in range(3):
            await sink.close(CONNECTION)
        assert gateway.got == [("DELETE", "/stocks/%40connections/L0SM9cOFvHcCIhw%3D", b"")] * 3

    play(story, 204, 410, 403)


def test_one_slow_answer_delays_no_other_and_connections_are_kept() -> None:
    async def story(sink: ConnectionSink, gateway: Gateway) -> None:
        gateway.held = asyncio.Event()
        posts = [asyncio.create_task(sink.post(str(number), FRAME)) for number in range(20)]
        await until(lambda: gateway.now == 20)
        gateway.held.set()
        assert {await each for each in posts} == {Delivered.SENT}
        for number in range(20):
            await sink.post(str(number), FRAME)
        assert len(gateway.sources) == 20

    play(story)
