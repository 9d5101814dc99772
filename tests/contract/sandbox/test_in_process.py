"""The sandbox answers in process, without a socket."""

import asyncio

import httpx
import pytest
from starlette.types import Message

from local.sandbox.app import create_app
from local.sandbox.clock import parse_moment
from local.sandbox.faults import parse_fault
from local.sandbox.plans import STARTER
from local.sandbox.routes import CutShortError
from local.sandbox.state import Sandbox
from tests.patience import HANG_S


def test_it_answers_in_the_process_itself() -> None:
    sandbox = Sandbox(STARTER, key="fake-key", seed=3)
    sandbox.clock.set(parse_moment("2026-11-20T15:00:00Z"))

    async def get(path: str) -> httpx.Response:
        transport = httpx.ASGITransport(create_app(sandbox))
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox.test") as client:
            return await client.get(path, headers={"Authorization": "Bearer fake-key"})

    page = asyncio.run(get("/v2/aggs/ticker/AAPL/range/1/day/2026-11-16/2026-11-20?limit=2"))
    assert page.json()["next_url"].startswith("http://sandbox.test/v2/aggs/ticker/AAPL/range/1/day/")
    assert asyncio.run(get("/v2/last/nbbo/AAPL")).status_code == 403
    assert sandbox.calls.total() == 2


def test_a_call_that_hangs_is_over_when_its_client_is_gone() -> None:
    sandbox = Sandbox()
    sandbox.faults.standing.append(parse_fault({"kind": "hang"}))
    messages: list[Message] = [{"type": "http.request", "body": b""}, {"type": "http.disconnect"}]

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        assert message["type"].startswith("http.response")

    async def call() -> None:
        scope = {"type": "http", "method": "GET", "path": "/v2/last/nbbo/AAPL", "headers": [], "query_string": b""}
        await asyncio.wait_for(create_app(sandbox)({**scope, "http_version": "1.1"}, receive, send), HANG_S)

    with pytest.raises(CutShortError):
        asyncio.run(call())
    assert messages == []
