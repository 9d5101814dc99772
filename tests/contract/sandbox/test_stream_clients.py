"""The vendor's own clients, under their new and their old name, stream from the sandbox."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import massive
import polygon
import pytest
from massive.exceptions import AuthError as MassiveAuthError
from polygon.exceptions import AuthError as PolygonAuthError

from local.sandbox.plans import FREE, STARTER
from local.sandbox.state import KEY
from tests.contract.sandbox.streams import Streaming, streaming
from tests.patience import HANG_S

PACKAGES = pytest.mark.parametrize("package", [massive, polygon])


class Received:
    """Runs a client of the vendor's and lets time pass until enough has come."""

    def __init__(self, market: Streaming, package: Any, *subscriptions: str, key: str = KEY) -> None:
        self.market = market
        self.events: list[Any] = []
        options = {"feed": market.feed, "market": "stocks", "secure": False, "verbose": True}
        self.client = package.WebSocketClient(key, subscriptions=list(subscriptions), **options)

    async def until(self, enough: Callable[[list[Any]], bool], meanwhile: Callable[[], None] | None = None) -> None:
        """Let time pass until there is enough, and end the client."""
        async with asyncio.timeout(HANG_S):
            running = asyncio.create_task(self.client.connect(self._take))
            while not enough(self.events) and not running.done():
                (meanwhile or self._pass)()
                await asyncio.sleep(0.01)
            if not running.done():
                await self.client.close()
            await running

    def _pass(self) -> None:
        self.market.advance(0.5)

    async def _take(self, events: list[Any]) -> None:
        self.events += events


def kinds(events: list[Any]) -> set[tuple[str, str]]:
    return {(event.event_type, event.symbol) for event in events}


@PACKAGES
def test_it_signs_in_subscribes_and_gets_events(package: Any) -> None:
    with streaming() as market:
        received = Received(market, package, "T.AAPL", "Q.MSFT", "A.TEST", "LULD.AAPL", "AM.TEST")
        wanted = {("T", "AAPL"), ("Q", "MSFT"), ("A", "TEST"), ("LULD", "AAPL"), ("AM", "TEST")}
        asyncio.run(received.until(lambda events: kinds(events) >= wanted))
        trade = next(event for event in received.events if event.event_type == "T")
        quote = next(event for event in received.events if event.event_type == "Q")
        bar = next(event for event in received.events if event.event_type == "AM")
        assert trade.price > 0 < trade.size
        assert trade.conditions == [12, 37]
        assert quote.bid_price < quote.ask_price
        assert bar.low <= bar.vwap <= bar.high
        assert bar.end_timestamp - bar.start_timestamp == 60_000


@PACKAGES
def test_it_is_refused_with_a_wrong_key(package: Any) -> None:
    with streaming() as market, pytest.raises((MassiveAuthError, PolygonAuthError), match="authentication failed"):
        asyncio.run(Received(market, package, key="another").until(bool))


@PACKAGES
def test_it_is_refused_on_a_plan_without_a_stream(package: Any) -> None:
    with streaming(FREE) as market, pytest.raises((MassiveAuthError, PolygonAuthError), match="websocket access"):
        asyncio.run(Received(market, package, "T.AAPL").until(bool))


@PACKAGES
def test_it_is_told_what_its_plan_lacks(package: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with streaming(STARTER) as market:
        received = Received(market, package, "T.AAPL", "Q.AAPL", "A.TEST")
        asyncio.run(received.until(bool))
        assert kinds(received.events) == {("A", "TEST")}
    assert "not authorized" in caplog.text


@PACKAGES
@pytest.mark.parametrize("fault", ["evict", "cut"])
def test_it_comes_back_and_subscribes_again(package: Any, fault: str) -> None:
    with streaming() as market:
        received = Received(market, package, "T.TEST")
        lost: list[Any] = []
        before: list[int] = []

        def meanwhile() -> None:
            """Order the fault once something came, and note how much had come when the client has another socket."""
            if received.events and not lost:
                lost.append(received.client.websocket)
                market.order(fault)
            if lost and not before and received.client.websocket is not lost[0]:
                before.append(len(received.events))
            market.advance(0.5)

        asyncio.run(received.until(lambda events: bool(before) and len(events) > before[0] + 5, meanwhile))
        assert kinds(received.events) == {("T", "TEST")}
