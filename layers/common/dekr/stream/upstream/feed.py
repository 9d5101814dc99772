"""The one socket to the upstream, kept open for as long as it is ours.

The upstream allows one connection for each key: a second one makes it close the older with ``max_connections``, or refuse the
newcomer. Two relays that both came back at once would evict each other without end, so an evicted feed asks whether it is still the
relay's, and backs off longer with each eviction.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final

from aiohttp import ClientError, ClientSession, ClientWSTimeout, WSServerHandshakeError

from dekr.errors import DekrError
from dekr.stream.ports import FeedDown, FeedFrame, FeedMessage, FeedRefused, FeedUp
from dekr.stream.upstream.socket import FeedSocket, SocketEndedError
from dekr.stream.upstream.subscribed import FeedSubscriptions

CONNECT_S: Final = 10.0
CLOSE_S: Final = 0.5
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 30.0
STEADY_S: Final = 60.0
"""An eviction after so long is a new one, not the next of a quarrel between two."""

MAX_QUEUED: Final = 64 * 1024 * 1024
"""So many characters that nobody took end the connection: the reader is stuck, and memory is not."""

MAX_MESSAGE: Final = 16 * 1024 * 1024
_MAX_DOUBLINGS: Final = 10


class PolygonFeed:
    """A ports.Feed on an aiohttp session; ``run`` does the work.

    ``key`` reads the upstream's API key (it may block, and raise DekrError). ``still_ours`` says whether the connection is still
    this relay's by its lease. ``now_us`` stamps what is received; ``monotonic`` (s), ``sleep`` and ``random`` (0 to 1) bound the
    waits.
    """

    def __init__(
        self,
        session: ClientSession,
        url: str,
        key: Callable[[], str],
        still_ours: Callable[[], Awaitable[bool]],
        *,
        now_us: Callable[[], int],
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        random: Callable[[], float],
        max_queued: int = MAX_QUEUED,
    ) -> None:
        self.garbage = 0
        """Number of frames that were not of the upstream's protocol."""
        self.ends: dict[str, int] = {}
        """Number of connections that ended, by the reason."""
        self._session = session
        self._url = url
        self._key = key
        self._still_ours = still_ours
        self._now_us = now_us
        self._monotonic = monotonic
        self._sleep = sleep
        self._random = random
        self._max_queued = max_queued
        self._wanted: frozenset[str] = frozenset()
        self._subscriptions = FeedSubscriptions(())
        self._changed = asyncio.Event()
        self._arrived: deque[FeedMessage] = deque()
        self._queued = 0
        self._room = asyncio.Event()
        self._room.set()
        self._is_down = False
        self._heard_us = 0
        self._refusal = ""
        self._failures = 0
        self._evictions = 0
        self._keeping: asyncio.Task[None] | None = None

    def want(self, pairs: Collection[str]) -> None:
        """Set what is subscribed to (texts of pairs). Sends only what differs from before."""
        wanted = frozenset(pairs)
        if self._refusal and (added := wanted - self._wanted):
            self._arrived.append(FeedRefused(added, self._refusal))
        self._wanted = wanted
        self._subscriptions.want(wanted)
        self._changed.set()

    def take(self) -> Sequence[FeedMessage]:
        """Return what arrived since the last call, in order. Never waits."""
        taken = list(self._arrived)
        self._arrived.clear()
        self._queued = 0
        self._room.set()
        return taken

    async def run(self) -> None:
        """Connect, and connect again, until ``close`` or until the connection belongs to another relay."""
        self._heard_us = self._now_us()
        self._keeping = asyncio.create_task(self._keep())
        try:
            await asyncio.wait([self._keeping])
        finally:
            await self.close()
        if not self._keeping.cancelled():
            self._keeping.result()

    async def close(self) -> None:
        """End the connection."""
        if self._keeping is not None and not self._keeping.done():
            self._keeping.cancel()
            await asyncio.wait([self._keeping])

    async def _keep(self) -> None:
        while True:
            await self._room.wait()
            began_s = self._monotonic()
            try:
                await self._connection()
            except SocketEndedError as end:
                ended = end
            self._end(ended)
            self._failures += 1
            if ended.evicted:
                if not await self._still_ours():
                    return
                self._evictions = self._evictions + 1 if self._monotonic() - began_s < STEADY_S else 1
            await self._sleep(self._pause_s())

    async def _connection(self) -> None:
        """One connection from its beginning to its end. Always raises SocketEndedError."""
        try:
            key = await asyncio.to_thread(self._key)
            async with asyncio.timeout(CONNECT_S):
                socket = await self._session.ws_connect(
                    self._url,
                    autoping=False,
                    decode_text=False,
                    max_msg_size=MAX_MESSAGE,
                    timeout=ClientWSTimeout(ws_close=CLOSE_S),
                )
        except WSServerHandshakeError as error:
            refused = f"the handshake was answered with {error.status}" if error.status in {401, 403} else ""
            raise SocketEndedError(f"handshake: {error.status}", refused=refused) from error
        except (ClientError, OSError, DekrError) as error:
            fault = error.fault if isinstance(error, DekrError) else None
            raise SocketEndedError(f"no connection: {fault or type(error).__name__}") from error
        self._subscriptions = FeedSubscriptions(self._wanted)
        feed_socket = FeedSocket(
            socket,
            key,
            self._subscriptions,
            self._changed,
            tell=self._tell,
            proved=self._proved,
            garbage=self._count_garbage,
            now_us=self._now_us,
            monotonic=self._monotonic,
            sleep=self._sleep,
        )
        try:
            await feed_socket.run()
        finally:
            self._heard_us = feed_socket.heard_us
            await socket.close()

    def _tell(self, message: FeedMessage) -> None:
        self._arrived.append(message)
        match message:
            case FeedUp():
                self._is_down = False
                self._refusal = ""
            case FeedFrame(text):
                self._queued += len(text)
                if self._queued > self._max_queued:
                    self._room.clear()
                    raise SocketEndedError("nobody took what arrived")

    def _end(self, ended: SocketEndedError) -> None:
        self.ends[ended.reason] = self.ends.get(ended.reason, 0) + 1
        if ended.refused:
            self._refusal = ended.refused
            if self._wanted:
                self._arrived.append(FeedRefused(self._wanted, ended.refused))
        if not self._is_down:
            self._is_down = True
            self._arrived.append(FeedDown(ended.reason, self._heard_us))

    def _proved(self) -> None:
        """Note that the upstream serves us: signing in proves that only for as long as nobody evicts us."""
        self._failures = 0

    def _count_garbage(self) -> None:
        self.garbage += 1

    def _pause_s(self) -> float:
        """A random part of a pause that doubles with each failure ("full jitter",
        https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
        """
        doublings = min(max(self._failures, self._evictions) - 1, _MAX_DOUBLINGS)
        longest_s: float = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**doublings)
        return self._random() * longest_s
