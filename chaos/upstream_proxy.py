"""The proxy between the service and the sandbox Polygon.

It records every call on arrival and the values that were handed out in answer, and it can delay, hang, fail or break
off.
"""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs

from chaos import handouts
from chaos.history import Call, Handout, Value
from chaos.news_handouts import PATH, NewsHandouts
from chaos.proxy_behaviour import ProxyBehaviour
from chaos.proxy_listener import reset_connection
from chaos.trace import MARKET_TICKERS
from dekr.polygon.endpoints import MARKET
from local.ports import HOST

HEADER: Final = "x-fetch"
"""The request header in which a worker describes the lease under which it calls (JSON)."""

_END: Final = b"\r\n\r\n"
_BUSY: Final = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\ncontent-type: text/html\r\n\r\nbusy"
_FAILING_FRACTION: Final = 0.3
"""The fractions of calls that fail and that are slow while the proxy has a brown-out."""

_SLOW_FRACTION: Final = 0.3
_SLOW_S: Final = (0.5, 4.5)


def _ignore(_: Call, __: str) -> None:
    return


@dataclass(slots=True)
class UpstreamProxy:
    """Forwards connections to the sandbox Polygon on ``port``.

    ``on_call`` is called with each call as it arrives, and again when its answer has left; the second argument is the
    role of the calling worker, "holder" or "writer". ``handouts`` are the values handed out.
    """

    behaviour: ProxyBehaviour
    port: int
    on_call: Callable[[Call, str], None] = _ignore
    calls: list[Call] = field(default_factory=list)
    handouts: list[Handout] = field(default_factory=list)
    news: NewsHandouts = field(default_factory=NewsHandouts)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of the service."""
        upstream_reader, upstream_writer = await asyncio.open_connection(HOST, self.port)
        read_ahead = b""
        try:
            while True:
                head = read_ahead + await reader.readuntil(_END)
                call = _call(head.decode("latin-1"))
                self.on_call(call, "holder")
                answer = asyncio.create_task(self._answer(call, head, upstream_reader, upstream_writer, writer))
                next_byte = asyncio.create_task(reader.read(1))
                try:
                    await asyncio.wait([answer, next_byte], return_when=asyncio.FIRST_COMPLETED)
                    if not answer.done() and not reader.at_eof():
                        await answer
                finally:
                    self.calls.append(_ended(call))
                    answer.cancel()
                    if not next_byte.done():
                        next_byte.cancel()
                    done = await asyncio.gather(answer, next_byte, return_exceptions=True)
                if done[0] is not True:
                    return
                read_ahead = done[1] if isinstance(done[1], bytes) else b""
        finally:
            reset_connection(upstream_writer)

    async def _answer(
        self,
        call: Call,
        head: bytes,
        upstream_reader: asyncio.StreamReader,
        upstream_writer: asyncio.StreamWriter,
        writer: asyncio.StreamWriter,
    ) -> bool:
        """Answer one call. Return whether the connection can serve another."""
        await self.behaviour.delay()
        if self.behaviour.failing:
            draw = self.behaviour.random.random()
            if draw < _FAILING_FRACTION:
                writer.write(_BUSY)
                return True
            if draw < _FAILING_FRACTION + _SLOW_FRACTION:
                await asyncio.sleep(self.behaviour.random.uniform(*_SLOW_S))
        corrupted = self.behaviour.corrupting
        upstream_writer.write(_with_small_market(head))
        answer, whole = await _read(upstream_reader)
        # The fault may have ended before the answer was made, so the answer may be good.
        corrupted = corrupted and self.behaviour.corrupting
        good = whole and answer.startswith(b"HTTP/1.1 200")
        if good:
            values = self._values(call.path, answer)
            # The sandbox's garbage changes times and tickers, but not articles.
            credible = not corrupted or _names_swapped(call.path, values) or _is_news(call.path)
            self.handouts += [Handout(value, call.arrived_us) for value in values if credible]
        await self.behaviour.delay()
        if self.behaviour.cutting:
            answer, whole = answer[: len(answer) // 2], False
        writer.write(answer)
        await writer.drain()
        if not whole:
            writer.close()
        elif good:
            self.on_call(call, "writer")
        return whole

    def _values(self, path: str, answer: bytes) -> list[Value]:
        """Return the values in an answer; none if a fault that began meanwhile has turned it into garbage."""
        head, _, body = answer.partition(_END)
        try:
            if _is_news(path):
                date = head.lower().partition(b"\r\ndate: ")[2].partition(b"\r\n")[0]
                return list(self.news.record(path, date.decode(), json.loads(body)))
            return list(handouts.from_upstream(path, body))
        except (ValueError, KeyError, TypeError):
            return []


def now_us() -> int:
    """Return the time of this machine's clock in microseconds since the epoch."""
    return time.time_ns() // 1000


def _call(head: str) -> Call:
    lines = head.split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    lease: dict[str, Any] = json.loads(headers[HEADER])
    return Call(arrived_us=now_us(), ended_us=0, path=lines[0].split(" ")[1], **lease)


def _ended(call: Call) -> Call:
    return Call(
        call.worker,
        call.arrived_us,
        now_us(),
        call.path,
        call.datum,
        call.token,
        call.granted_us,
        call.lease_ms,
        call.without_store,
    )


def _with_small_market(head: bytes) -> bytes:
    """Return the request for a snapshot of the whole market with few tickers: ten thousand of them would take seconds."""
    return head.replace(f"{MARKET.path} ".encode(), f"{MARKET.path}?tickers={','.join(MARKET_TICKERS)} ".encode(), 1)


async def _read(reader: asyncio.StreamReader) -> tuple[bytes, bool]:
    """Read one answer. Return it, and whether it is complete."""
    head = await reader.readuntil(_END)
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    try:
        return head + await reader.readexactly(length), True
    except asyncio.IncompleteReadError as error:
        return head + error.partial, False


def _names_swapped(path: str, values: Sequence[Value]) -> bool:
    """Return whether a call for two tickers was answered with their names swapped. The service cannot notice that."""
    requested = set(parse_qs(path.partition("?")[2]).get("ticker.any_of", [""])[0].split(","))
    return len(requested) == 2 and requested == {value.ticker for value in values}  # noqa: PLR2004 - only a pair can be swapped


def _is_news(path: str) -> bool:
    """Return whether a path is a call for news."""
    return path.startswith(PATH)
