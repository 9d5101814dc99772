"""One client's connection: frames in and out, and how it ends."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from websockets.exceptions import InvalidState
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from local.stack.sockets.events import Caller
from local.stack.sockets.limits import Limits

READ: Final = 64 * 1024
FAREWELL_S: Final = 2.0
"""The time that a client has to end its side of a connection after the close frame."""

ABNORMAL: Final = 1006
DATA: Final = (Opcode.TEXT, Opcode.CONT)


class Connection:
    """A connection whose handshake was accepted. ``active_s`` is when something other than a ping last passed, on the door's
    clock. It begins with ``start``.
    """

    def __init__(
        self, caller: Caller, protocol: ServerProtocol, writer: asyncio.StreamWriter, limits: Limits, now_s: float
    ) -> None:
        self.caller = caller
        self.active_s = now_s
        self.half_open = False
        """Set: the client is out of reach, but nobody has noticed. What it sends is not read, and what it is sent is swallowed."""
        self._protocol = protocol
        self._writer = writer
        self._limits = limits
        self._swallowed = 0
        self._parts: list[bytes] = []
        self._cut = asyncio.Event()
        self._farewell: asyncio.TimerHandle | None = None

    @property
    def open(self) -> bool:
        """Whether something can be sent. A half-open connection looks as if it were open."""
        return self._protocol.state is State.OPEN

    @property
    def full(self) -> bool:
        """Whether too much waits for the client already."""
        waiting = self._writer.transport.get_write_buffer_size()
        return waiting + self._swallowed > self._limits.buffer

    @property
    def ended(self) -> tuple[int, str]:
        """The code and the reason with which the connection ended, as $disconnect tells them."""
        close = self._protocol.close_rcvd if self._protocol.close_rcvd_then_sent else self._protocol.close_sent
        close = close or self._protocol.close_rcvd
        return (ABNORMAL, "Connection Closed Abnormally") if close is None else (close.code, close.reason)

    def start(self) -> None:
        """Send the answer to the handshake."""
        self._flush()

    async def messages(self, reader: asyncio.StreamReader) -> list[str] | None:
        """Wait for bytes, and return the messages that they complete; None at the end of the connection."""
        try:
            data = await reader.read(READ)
        except ConnectionError:
            data = b""
        if self.half_open:
            if not data:
                await self._cut.wait()
            return [] if data else None
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        texts = list(self._texts())
        self._flush()
        return texts if data else None

    def send(self, text: bytes) -> None:
        """Send a message, in frames that are no longer than they may be."""
        if self.half_open:
            self._swallowed += len(text)
            return
        size = self._limits.frame
        parts = [text[start : start + size] for start in range(0, len(text), size)] or [b""]
        self._protocol.send_text(parts[0], fin=len(parts) == 1)
        for number, part in enumerate(parts[1:], 2):
            self._protocol.send_continuation(part, fin=number == len(parts))
        self._flush()

    def close(self, code: CloseCode, reason: str = "") -> None:
        """Begin to close the connection."""
        if self.half_open:
            self.cut()
            return
        with suppress(InvalidState):
            self._protocol.send_close(code, reason)
        self._flush()

    def cut(self) -> None:
        """End the connection without a close frame."""
        self._cut.set()
        self._writer.transport.abort()

    def _texts(self) -> Iterator[str]:
        for event in self._protocol.events_received():
            assert isinstance(event, Frame)
            if event.opcode is Opcode.BINARY:
                self._fail(CloseCode.UNSUPPORTED_DATA, "binary frames are not supported")
                return
            if event.opcode not in DATA:
                continue
            self._parts.append(bytes(event.data))
            if event.fin:
                message, self._parts = b"".join(self._parts), []
                try:
                    yield message.decode()
                except UnicodeDecodeError:
                    self._fail(CloseCode.INVALID_DATA, "no UTF-8")
                    return

    def _fail(self, code: CloseCode, reason: str) -> None:
        if self.open:
            self._protocol.fail(code, reason)

    def _flush(self) -> None:
        if not self.open and self._farewell is None:
            self._farewell = asyncio.get_running_loop().call_later(FAREWELL_S, self._writer.transport.abort)
        for data in self._protocol.data_to_send():
            if data:
                self._writer.write(data)
            elif self._writer.can_write_eof():
                with suppress(OSError):
                    self._writer.write_eof()
