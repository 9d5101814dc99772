"""A TCP listener that can refuse connections: the port stays reserved while nothing listens on it."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from local.ports import HOST

type ConnectionHandler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_LINGER_ZERO: Final = struct.pack("ii", 1, 0)
"""The value of SO_LINGER that makes a close send a TCP reset."""


def _bound(port: int) -> socket.socket:
    """Return a TCP socket bound to a port of this machine (0: a free one), without listening."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind((HOST, port))
    return sock


@dataclass(slots=True)
class ProxyListener:
    """Serves connections on one port with ``serve``.

    ``accept`` opens the port, ``refuse`` closes it, and ``reset`` breaks all established connections. ``reserved`` is the
    bound socket that reserves the port; ``connections`` are the established connections.
    """

    serve: ConnectionHandler
    reserved: socket.socket = field(default_factory=lambda: _bound(0))
    server: asyncio.Server | None = None
    connections: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def port(self) -> int:
        """The port's number."""
        port: int = self.reserved.getsockname()[1]
        return port

    async def accept(self) -> None:
        """Accept connections."""
        listening = _bound(self.port)
        listening.listen(1024)
        self.server = await asyncio.start_server(self._serve, sock=listening, limit=1 << 24)

    def refuse(self) -> None:
        """Refuse new connections and break the established ones."""
        if self.server is not None:
            self.server.close()
            self.server = None
        self.reset()

    async def refuse_for(self, seconds: float) -> None:
        """Refuse connections for that many seconds, then accept them again."""
        self.refuse()
        await asyncio.sleep(seconds)
        await self.accept()

    def reset(self) -> None:
        """Break all established connections with a TCP reset."""
        for writer in list(self.connections):
            reset_connection(writer)

    def close(self) -> None:
        """Release the port."""
        self.refuse()
        self.reserved.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.add(writer)
        try:
            await self.serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # either side closed the connection
        finally:
            self.connections.discard(writer)
            reset_connection(writer)


def reset_connection(writer: asyncio.StreamWriter) -> None:
    """Close a connection with a TCP reset."""
    sock = writer.get_extra_info("socket")
    if sock is not None and not writer.transport.is_closing():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    writer.transport.abort()
