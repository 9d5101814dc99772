"""A port of this machine that can refuse: it stays ours while nobody listens on it."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from local.ports import HOST

type Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_RESET: Final = struct.pack("ii", 1, 0)


def _bound(port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind((HOST, port))
    return made


@dataclass(slots=True)
class Door:
    """Serves connections; ``refuse`` and ``admit`` close and open it, ``reset`` breaks all that stand."""

    serve: Serve
    claim: socket.socket = field(default_factory=lambda: _bound(0))
    server: asyncio.Server | None = None
    standing: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def port(self) -> int:
        """Its port."""
        port: int = self.claim.getsockname()[1]
        return port

    async def admit(self) -> None:
        """Take connections."""
        listener = _bound(self.port)
        listener.listen(1024)
        self.server = await asyncio.start_server(self._serve, sock=listener, limit=1 << 24)

    def refuse(self) -> None:
        """Take none; break those that stand."""
        if self.server is not None:
            self.server.close()
            self.server = None
        self.reset()

    async def refused(self, seconds: float) -> None:
        """Refuse everybody for a while."""
        self.refuse()
        await asyncio.sleep(seconds)
        await self.admit()

    def reset(self) -> None:
        """Break all connections that stand, without a farewell."""
        for writer in list(self.standing):
            break_off(writer)

    def close(self) -> None:
        """Give the port back."""
        self.refuse()
        self.claim.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.standing.add(writer)
        try:
            await self.serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # either side went away
        finally:
            self.standing.discard(writer)
            break_off(writer)


def break_off(writer: asyncio.StreamWriter) -> None:
    """End a connection with a reset."""
    made = writer.get_extra_info("socket")
    if made is not None and not writer.transport.is_closing():
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
