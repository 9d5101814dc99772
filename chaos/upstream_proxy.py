"""The proxy between the service and the sandbox Polygon. It notes every call when it arrives and what was handed out in answer,
and it can slow down, hang, fail, or break off.
"""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs

from chaos import handouts
from chaos.door import break_off
from chaos.history import Call, Handout, Value
from chaos.mood import Mood
from chaos.newsstand import PATH, Newsstand
from chaos.trace import MARKET
from local.ports import HOST

HEADER: Final = "x-fetch"
"""The header in which a worker says for whom it calls (JSON)."""

_END: Final = b"\r\n\r\n"
_WHOLE_MARKET: Final = "/v2/snapshot/locale/us/markets/stocks/tickers"
_BUSY: Final = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\ncontent-type: text/html\r\n\r\nbusy"
_FAILING_SHARE: Final = 0.3
_SLOW_SHARE: Final = 0.3
_SLOW_S: Final = (0.5, 4.5)


def _nobody(_: Call, __: str) -> None:
    return


@dataclass(slots=True)
class UpstreamProxy:
    """``port``: the sandbox's. ``watch`` is called with each call as it arrives, and once more as its answer leaves."""

    mood: Mood
    port: int
    watch: Callable[[Call, str], None] = _nobody
    calls: list[Call] = field(default_factory=list)
    handed: list[Handout] = field(default_factory=list)
    newsstand: Newsstand = field(default_factory=Newsstand)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of the service."""
        behind_reader, behind_writer = await asyncio.open_connection(HOST, self.port)
        ahead = b""
        try:
            while True:
                head = ahead + await reader.readuntil(_END)
                call = _call(head.decode("latin-1"))
                self.watch(call, "holder")
                answer = asyncio.create_task(self._answer(call, head, behind_reader, behind_writer, writer))
                left = asyncio.create_task(reader.read(1))
                try:
                    await asyncio.wait([answer, left], return_when=asyncio.FIRST_COMPLETED)
                    if not answer.done() and not reader.at_eof():
                        await answer
                finally:
                    self.calls.append(_ended(call))
                    answer.cancel()
                    if not left.done():
                        left.cancel()
                    done = await asyncio.gather(answer, left, return_exceptions=True)
                if done[0] is not True:
                    return
                ahead = done[1] if isinstance(done[1], bytes) else b""
        finally:
            break_off(behind_writer)

    async def _answer(
        self,
        call: Call,
        head: bytes,
        behind_reader: asyncio.StreamReader,
        behind_writer: asyncio.StreamWriter,
        writer: asyncio.StreamWriter,
    ) -> bool:
        """Answer one call; whether the connection goes on."""
        await self.mood.hold_back()
        if self.mood.failing:
            draw = self.mood.random.random()
            if draw < _FAILING_SHARE:
                writer.write(_BUSY)
                return True
            if draw < _FAILING_SHARE + _SLOW_SHARE:
                await asyncio.sleep(self.mood.random.uniform(*_SLOW_S))
        spoiled = self.mood.spoiling
        behind_writer.write(_of_small_market(head))
        answer, whole = await _read(behind_reader)
        # A fault that ended meanwhile may have ended before the answer was made.
        spoiled = spoiled and self.mood.spoiling
        good = whole and answer.startswith(b"HTTP/1.1 200")
        if good:
            values = self._values(call.path, answer)
            # Garbage moves times and tickers; it leaves articles as they are.
            told = not spoiled or _swapped(call.path, values) or _news(call.path)
            self.handed += [Handout(value, call.arrived_us) for value in values if told]
        await self.mood.hold_back()
        if self.mood.cutting:
            answer, whole = answer[: len(answer) // 2], False
        writer.write(answer)
        await writer.drain()
        if not whole:
            writer.close()
        elif good:
            self.watch(call, "writer")
        return whole

    def _values(self, path: str, answer: bytes) -> list[Value]:
        """The values in an answer; none where a fault that began meanwhile has spoiled it."""
        head, _, body = answer.partition(_END)
        try:
            if _news(path):
                date = head.lower().partition(b"\r\ndate: ")[2].partition(b"\r\n")[0]
                return list(self.newsstand.told(path, date.decode(), json.loads(body)))
            return list(handouts.of_upstream(path, body))
        except (ValueError, KeyError, TypeError):
            return []


def now_us() -> int:
    """The clock of this machine."""
    return time.time_ns() // 1000


def _call(head: str) -> Call:
    lines = head.split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    said: dict[str, Any] = json.loads(headers[HEADER])
    return Call(arrived_us=now_us(), ended_us=0, path=lines[0].split(" ")[1], **said)


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
        call.alone,
    )


def _of_small_market(head: bytes) -> bytes:
    """The request as it goes on: the simulated market has ten thousand tickers, and the whole of it takes seconds."""
    return head.replace(f"{_WHOLE_MARKET} ".encode(), f"{_WHOLE_MARKET}?tickers={','.join(MARKET)} ".encode(), 1)


async def _read(reader: asyncio.StreamReader) -> tuple[bytes, bool]:
    """An answer, and whether all of it came."""
    head = await reader.readuntil(_END)
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    try:
        return head + await reader.readexactly(length), True
    except asyncio.IncompleteReadError as error:
        return head + error.partial, False


def _swapped(path: str, values: Sequence[Value]) -> bool:
    """Whether two tickers were asked for, and the answer is about both, with the wrong names: nobody can know that."""
    asked = set(parse_qs(path.partition("?")[2]).get("ticker.any_of", [""])[0].split(","))
    return len(asked) == 2 and asked == {value.ticker for value in values}  # noqa: PLR2004 - a pair


def _news(path: str) -> bool:
    """Whether it is a call for news."""
    return path.startswith(PATH)
