"""An upstream that trades without end, and the connections that a relay posts to: both on free ports of this machine."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from tests.fakes.driven_time import until
from tests.fakes.upstream_socket import Peer, UpstreamSocket, served, upstream_socket

TRADE_S = 0.02


class Market:
    """Lets one connection in at a time, the newest, as the upstream does. ``traded``: the ids of all trades that happened, whether
    anybody was connected or not.
    """

    def __init__(self, upstream: UpstreamSocket) -> None:
        self.url = upstream.url
        self.traded = 0
        self.sign_ins = 0
        self.evictions = 0
        self.inboxes: dict[str, list[list[dict[str, Any]]]] = {}
        self.deleted: list[str] = []
        self.endpoint = ""
        self._upstream = upstream
        self._present: Peer | None = None
        self._pairs: set[str] = set()

    def items(self, connection: str) -> list[dict[str, Any]]:
        """All that a connection received."""
        return [item for frame in self.inboxes.get(connection, []) for item in frame]

    def numbers(self, connection: str) -> list[int]:
        """The numbers of the events that a connection received, as they came."""
        return [item["_n"] for item in self.items(connection) if "_n" in item]

    def statuses(self, connection: str, word: str) -> list[dict[str, Any]]:
        return [item for item in self.items(connection) if item.get("status") == word]

    async def more(self, connection: str, events: int = 5) -> None:
        """Wait until a connection has received so many events more."""
        known = len(self.numbers(connection))
        await until(lambda: len(self.numbers(connection)) >= known + events)

    async def take(self, request: web.Request) -> web.Response:
        connection = unquote(request.match_info["connection"])
        if request.method == "DELETE":
            self.deleted.append(connection)
        else:
            self.inboxes.setdefault(connection, []).append(json.loads(await request.read()))
        return web.Response()

    async def accept(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                peer = await self._upstream.accept()
                if self._present and not self._present.gone.is_set():
                    self.evictions += 1
                    await self._present.status("max_connections", "Maximum number of connections exceeded.")
                    await self._present.socket.close(code=1008)
                self._present, self._pairs = peer, set()
                group.create_task(self._serve(peer))

    async def trade(self) -> None:
        for number in count(1):
            self.traded = number
            peer, pairs = self._present, self._pairs
            if peer and pairs and not peer.gone.is_set():
                at_ms = time.time_ns() // 1_000_000
                events = [
                    {
                        "ev": "T",
                        "sym": pair.partition(".")[2],
                        "i": str(number),
                        "x": 4,
                        "p": 100.5,
                        "s": 10,
                        "t": at_ms,
                    }
                    for pair in sorted(pairs)
                ]
                try:
                    await peer.send(*events)
                except ConnectionError:
                    continue
            await asyncio.sleep(TRADE_S)

    async def _serve(self, peer: Peer) -> None:
        await peer.status("connected", "Connected Successfully")
        while not peer.gone.is_set():
            heard = asyncio.ensure_future(peer.said.get())
            gone = asyncio.ensure_future(peer.gone.wait())
            await asyncio.wait([heard, gone], return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
            if not heard.done():
                heard.cancel()
                return
            try:
                await self._answer(peer, heard.result())
            except ConnectionError:
                return

    async def _answer(self, peer: Peer, message: dict[str, Any]) -> None:
        pairs = message["params"].split(",")
        match message["action"]:
            case "auth":
                self.sign_ins += 1
                await peer.status("auth_success", "authenticated")
            case "subscribe":
                await peer.acknowledge(pairs)
                self._pairs.update(pairs)
            case "unsubscribe":
                self._pairs.difference_update(pairs)


@asynccontextmanager
async def stream_market() -> AsyncIterator[Market]:
    """Run one."""
    async with upstream_socket() as upstream:
        market = Market(upstream)
        app = web.Application()
        app.router.add_route("*", "/stocks/@connections/{connection}", market.take)
        async with served(app) as address:
            market.endpoint = f"http://{address}/stocks"
            tasks = [asyncio.create_task(market.accept()), asyncio.create_task(market.trade())]
            try:
                yield market
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
