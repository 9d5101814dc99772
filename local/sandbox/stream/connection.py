"""One client's connection: the WebSocket protocol on a raw transport, so that it can be cut, stalled and overfilled."""

import asyncio
import json
import socket
import struct
from collections.abc import Sequence
from typing import Any, Final, Protocol, cast

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from local.sandbox.stream.conversation import Status, Subscriptions
from local.sandbox.stream.faults import StreamControl

PATH: Final = "/stocks"
MAX_EVENTS: Final = 256
"""The most events in one frame."""

_DATA: Final = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CONT})
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing resets the connection."""


class Listeners(Protocol):
    """Who keeps the connections."""

    control: StreamControl

    def opened(self, connection: "Connection") -> None:
        """Take a connection whose handshake is done."""
        ...

    def received(self, connection: "Connection", text: str) -> None:
        """Answer a message of the client."""
        ...

    def lost(self, connection: "Connection") -> None:
        """Forget a connection that has ended."""
        ...


class Connection(asyncio.Protocol):
    """A client's connection.

    ``signed_in``: its key was accepted; ``newcomer``: another one of its key was there before it, and stays; ``ending_us``: when
    it is cut off, in the sandbox's time (None: it is not being closed); ``opened_us``: when it was made.
    """

    def __init__(self, listeners: Listeners, opened_us: int) -> None:
        self.subscriptions = Subscriptions()
        self.signed_in = False
        self.newcomer = False
        self.opened_us = opened_us
        self.ending_us: int | None = None
        self.sent = 0
        self._listeners = listeners
        self._websocket = _Server(listeners.control)
        self._transport: asyncio.Transport | None = None
        self._parts: list[bytes] = []
        self._held = bytearray()

    # --- from the client ---
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; the handshake comes next."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Read what came: the handshake, messages and control frames."""
        self._websocket.receive_data(data)
        for event in self._websocket.events_received():
            if isinstance(event, Request):
                self._shake_hands(event)
            elif isinstance(event, Frame) and event.opcode in _DATA:
                self._parts.append(bytes(event.data))
                if event.fin:
                    text = b"".join(self._parts).decode(errors="replace")
                    self._parts.clear()
                    self._listeners.received(self, text)
        self._flush()

    def eof_received(self) -> bool:
        """Close: a client that has ended its side is gone."""
        self._websocket.receive_eof()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Tell that this connection has ended."""
        del error
        self._transport = None
        self._listeners.lost(self)

    # --- to the client ---
    def say(self, *statuses: Status) -> None:
        """Send status messages, all in one frame."""
        self._frame(json.dumps(statuses, separators=(",", ":")))

    def send(self, texts: Sequence[str]) -> None:
        """Send events, given as JSON texts, in frames of many."""
        for first in range(0, len(texts), MAX_EVENTS):
            self._frame(f"[{','.join(texts[first : first + MAX_EVENTS])}]")
        self.sent += len(texts)

    def garble(self, text: str) -> None:
        """Send a frame with this text."""
        self._frame(text)

    def close(self, code: int, reason: str, cut_off_us: int) -> None:
        """Begin to close. A client that does not answer is cut off at ``cut_off_us``."""
        if self.ending_us is None and self._websocket.state is State.OPEN:
            self.ending_us = cut_off_us
            self._websocket.send_close(code, reason)
            self._flush()

    def hang_up(self) -> None:
        """End the connection with no closing handshake, after what was sent before."""
        if self._transport is not None:
            self._transport.close()

    def cut(self) -> None:
        """Reset the connection: the client may not even receive what was sent before."""
        if self._transport is not None:
            connected: socket.socket = self._transport.get_extra_info("socket")
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._transport.abort()

    def release(self) -> None:
        """Send what was held back by a stall."""
        if self._held and self._transport is not None and not self._transport.is_closing():
            held, self._held = bytes(self._held), bytearray()
            self._transport.write(held)

    @property
    def waiting_bytes(self) -> int:
        """The bytes that were sent and that the system has not taken yet."""
        return len(self._held) + (self._transport.get_write_buffer_size() if self._transport is not None else 0)

    def as_json(self) -> dict[str, Any]:
        """Return what the control routes show of this connection."""
        return {
            "signed_in": self.signed_in,
            "subscriptions": self.subscriptions.as_list(),
            "sent": self.sent,
            "ending": self.ending_us is not None,
        }

    def _shake_hands(self, request: Request) -> None:
        if request.path.partition("?")[0] != PATH:
            self._websocket.send_response(self._websocket.reject(404, "no such stream\n"))
            return
        response = self._websocket.accept(request)
        self._websocket.send_response(response)
        if response.status_code == 101:  # noqa: PLR2004 - HTTP's own number for a handshake that succeeded
            self._listeners.opened(self)

    def _frame(self, text: str) -> None:
        if self._transport is None or self.ending_us is not None or self._websocket.state is not State.OPEN:
            return
        self._websocket.send_text(text.encode())
        self._flush()

    def _flush(self) -> None:
        """Pass on what the protocol wants to send. It asks for the end of the connection with empty data."""
        for data in self._websocket.data_to_send():
            if self._transport is None or self._transport.is_closing():
                return
            if not data:
                self._transport.close()
            elif self._listeners.control.stall:
                self._held += data
            else:
                self.release()
                self._transport.write(data)


class _Server(ServerProtocol):
    """The server's side of the protocol, which leaves pings without an answer where it is told so."""

    def __init__(self, control: StreamControl) -> None:
        super().__init__()
        self._control = control

    def send_frame(self, frame: Frame) -> None:
        """Send a frame, unless it is a pong that is withheld."""
        if frame.opcode is not Opcode.PONG or not self._control.no_pongs:
            super().send_frame(frame)
