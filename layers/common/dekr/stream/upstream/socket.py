"""One connection to the upstream, from the greeting to its end.

The upstream drops a reader that falls behind, so what arrives is handed on at once. It is alive while any frame or pong arrives:
a quiet symbol proves nothing. https://massive.com/docs/websocket/quickstart describes the conversation.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import ClientConnectionError, ClientWebSocketResponse, WSMsgType

from dekr.stream.ports import FeedFrame, FeedMessage, FeedUp
from dekr.stream.statuses import Status
from dekr.stream.upstream.subscribed import FeedSubscriptions

PING_S: Final = 10.0
SILENCE_S: Final = 25.0
"""Without any frame or pong for so long the connection is declared dead."""

SIGN_IN_S: Final = 10.0
ANSWER_S: Final = 10.0
"""The longest wait for the acknowledgements of one message."""

WATCH_S: Final = 1.0
_POLICY_VIOLATION: Final = 1008
_ENDING: Final = frozenset({Status.MAX_CONNECTIONS, Status.FORCE_DISCONNECT, Status.SLOW_CONSUMER, Status.AUTH_TIMEOUT})
_ARRIVED: Final = frozenset({WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.PING, WSMsgType.PONG, WSMsgType.CLOSE})
"""What the upstream sent. The others are the library's own, which says that the connection is no more."""


class SocketEndedError(Exception):
    """The connection ended. ``reason`` is for the log: it holds no text of the upstream's. ``evicted``: another connection with the
    same key took its place. ``refused``: the upstream's words where the key or the plan is not let in, else empty.
    """

    def __init__(self, reason: str, *, evicted: bool = False, refused: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.evicted = evicted
        self.refused = refused


@dataclass(slots=True, eq=False)
class FeedSocket:
    """A connection that was opened with ``decode_text=False`` and ``autoping=False``.

    ``changed`` is set whenever ``subscriptions`` may have something to send. ``tell`` takes what arrives, ``proved`` is called when
    data or acknowledgements do, ``garbage`` with every frame that is none of the upstream's protocol. ``now_us`` stamps
    what is received, ``monotonic`` (s) and ``sleep`` bound what is waited for.
    """

    socket: "ClientWebSocketResponse[Any]"
    key: str
    subscriptions: FeedSubscriptions
    changed: asyncio.Event
    tell: Callable[[FeedMessage], None]
    proved: Callable[[], None]
    garbage: Callable[[], None]
    now_us: Callable[[], int]
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    heard_us: int = field(default=0, init=False)
    """When anything arrived last."""
    _heard_s: float = field(default=0.0, init=False)
    _sent_s: float = field(default=0.0, init=False)
    _greeted: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _signed_in: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _up: bool = field(default=False, init=False)

    async def run(self) -> None:
        """Sign in, keep the subscriptions and read, until the connection ends. Always ends by SocketEndedError or cancellation."""
        self._heard_s = self._sent_s = self.monotonic()
        self.heard_us = self.now_us()
        ended: list[SocketEndedError] = []
        # The first of its parts to end, ends all.
        try:
            async with asyncio.TaskGroup() as group:
                for part in (self._read, self._speak, self._ping, self._watch):
                    group.create_task(part())
        except* SocketEndedError as several:
            ended = [each for each in several.exceptions if isinstance(each, SocketEndedError)]
        raise max(ended, key=lambda each: each.evicted)

    async def _read(self) -> None:
        while True:
            message = await self.socket.receive()
            if message.type in _ARRIVED:
                self._heard_s, self.heard_us = self.monotonic(), self.now_us()
            match message.type:
                case WSMsgType.TEXT:
                    self._hear(message.data)
                case WSMsgType.BINARY:
                    self.garbage()
                case WSMsgType.PING:
                    await self._send(self.socket.pong(message.data))
                case WSMsgType.PONG:
                    pass
                case _:
                    raise self._closed()

    def _hear(self, data: bytes) -> None:
        received_us = self.now_us()
        try:
            text = data.decode()
            # Frames of events are not parsed here: most hold nothing else.
            items = json.loads(text) if b'"status"' in data else None
        except ValueError:
            self.garbage()
            return
        framed = text.strip()
        if items is None and framed[:1] == "[" and framed[-1:] == "]":
            self.tell(FeedFrame(text, received_us))
            self.proved()
            return
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            self.garbage()
            return
        events = [item for item in items if item.get("ev") != "status"]
        if events:
            self.tell(FeedFrame(json.dumps(events, separators=(",", ":")), received_us))
            self.proved()
        self._hear_statuses([item for item in items if item.get("ev") == "status"])

    def _hear_statuses(self, statuses: list[dict[str, Any]]) -> None:
        for each in statuses:
            word, text = each.get("status"), str(each.get("message", ""))
            if word == Status.CONNECTED:
                self._greeted.set()
            elif word == Status.AUTH_SUCCESS:
                self._signed_in.set()
            elif word == Status.AUTH_FAILED or (word == Status.ERROR and not self._signed_in.is_set()):
                raise SocketEndedError(f"status {word}", refused=text or "not authorized")
            elif word in _ENDING:
                raise SocketEndedError(f"status {word}", evicted=word == Status.MAX_CONNECTIONS)
        acknowledged, refusals = self.subscriptions.hear(statuses)
        for refusal in refusals:
            self.tell(refusal)
        if acknowledged:
            self.proved()
        self._tell_up()
        self.changed.set()

    def _tell_up(self) -> None:
        """Say once that all is subscribed to: before any event that comes after the last acknowledgement."""
        if not self._up and self._signed_in.is_set() and self.subscriptions.settled:
            self._up = True
            self.tell(FeedUp())

    async def _speak(self) -> None:
        """Sign in; then send what brings the subscriptions nearer to what is wanted."""
        await self._greeted.wait()
        await self._send(self.socket.send_str(json.dumps({"action": "auth", "params": self.key})))
        await self._signed_in.wait()
        while True:
            self.changed.clear()
            while message := self.subscriptions.next_message():
                self._sent_s = self.monotonic()
                await self._send(self.socket.send_str(message))
            await self.changed.wait()

    async def _ping(self) -> None:
        # Not in _watch: a ping waits where the other end does not read, and the watch must go on.
        while True:
            await self.sleep(PING_S)
            await self._send(self.socket.ping())

    async def _watch(self) -> None:
        opened_s = self.monotonic()
        while True:
            await self.sleep(WATCH_S)
            now_s = self.monotonic()
            if now_s - self._heard_s >= SILENCE_S:
                raise SocketEndedError("silent: neither a frame nor a pong arrived")
            if not self._signed_in.is_set() and now_s - opened_s >= SIGN_IN_S:
                raise SocketEndedError("the sign-in was not answered")
            if self.subscriptions.awaiting and now_s - self._sent_s >= ANSWER_S:
                self.subscriptions.give_up()
                self._tell_up()
                self.changed.set()

    async def _send(self, sending: Awaitable[None]) -> None:
        """Send; where the connection is broken, leave it to the reader to say why."""
        try:
            await sending
        except (ClientConnectionError, OSError):
            return

    def _closed(self) -> SocketEndedError:
        code = self.socket.close_code
        return SocketEndedError(f"closed with {code}", evicted=code == _POLICY_VIOLATION)
