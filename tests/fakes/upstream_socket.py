"""The upstream's stream on a free port, whose side of the conversation the test speaks."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSMsgType, web

from tests.patience import HANG_S


class Peer:
    """The server's end of one connection. With ``pongs`` False it answers no ping."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self.socket = socket
        self.pongs = True
        self.pings = 0
        self.said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.gone = asyncio.Event()

    async def send(self, *items: dict[str, Any]) -> None:
        await self.socket.send_str(json.dumps(items))

    async def status(self, word: str, message: str = "") -> None:
        await self.send({"ev": "status", "status": word, "message": message})

    def has_seen(self, pings: int) -> bool:
        return self.pings >= pings

    async def hear(self) -> dict[str, Any]:
        """The next message of the client."""
        async with asyncio.timeout(HANG_S):
            return await self.said.get()

    async def sign_in(self, key: str = "the-key") -> None:
        await self.status("connected", "Connected Successfully")
        assert await self.hear() == {"action": "auth", "params": key}
        await self.status("auth_success", "authenticated")

    async def acknowledge(self, pairs: Sequence[str]) -> None:
        await self.send(*({"ev": "status", "status": "success", "message": f"subscribed to: {pair}"} for pair in pairs))

    async def read(self) -> None:
        async for message in self.socket:
            if message.type is WSMsgType.PING:
                self.pings += 1
                if self.pongs:
                    await self.socket.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                self.said.put_nowait(json.loads(message.data))


class UpstreamSocket:
    """A server of the stream; ``accept`` gives its connections one by one."""

    def __init__(self) -> None:
        self.url = ""
        self._arrived: asyncio.Queue[Peer] = asyncio.Queue()

    @property
    def waiting(self) -> bool:
        """Whether a connection has arrived that nobody has accepted."""
        return not self._arrived.empty()

    async def accept(self) -> Peer:
        """The next connection."""
        async with asyncio.timeout(HANG_S):
            return await self._arrived.get()

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=False, timeout=0.1)
        await socket.prepare(request)
        peer = Peer(socket)
        self._arrived.put_nowait(peer)
        try:
            await peer.read()
        finally:
            peer.gone.set()
        return socket


@asynccontextmanager
async def upstream_socket() -> AsyncIterator[UpstreamSocket]:
    """Run one."""
    server = UpstreamSocket()
    app = web.Application()
    app.router.add_get("/stocks", server.handle)
    async with served(app) as address:
        server.url = f"ws://{address}/stocks"
        yield server


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    """Serve an application on a free port of this machine; gives host and port."""
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"{host}:{port}"
    finally:
        await runner.cleanup()
