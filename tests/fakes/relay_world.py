"""A relay between an upstream, clients and a clock that tests drive: a pause of the relay moves the clock and costs no time."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor, Future
from typing import Any

from dekr.passed_over import PassedOver
from dekr.stream.cursor import StreamCursor
from dekr.stream.ports import Delivered, FeedDown, FeedFrame, FeedMessage, FeedUp, Journal, NumberedEvent
from dekr.stream.relay.pace import Ending, Pace
from dekr.stream.relay.relay import Relay
from dekr.stream.statuses import MAX_FRAME
from tests.fakes.relay_journal import FakeJournal, Memory

START_MS = 1_795_186_800_000
TURNS = 10
"""So often other tasks go on within one pause of the relay."""


type Step = Callable[[], object] | int
"""What a test does between two ticks, or how many ticks pass."""


class Killed(BaseException):
    """The relay's process is killed."""


class Kill:
    """Ends the relay at its n-th dealing with the world outside, before or after it takes effect. 0: never."""

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.seen = 0
        self.happened = False

    def point(self) -> None:
        if self.happened:
            raise Killed
        self.seen += 1
        if self.seen == self.at:
            self.happened = True
            raise Killed


class InlineExecutor(Executor):
    """Calls at once, in the thread of the caller."""

    def __init__(self, kill: Kill) -> None:
        self.kill = kill

    def submit[**P, T](self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        try:
            self.kill.point()
            result = fn(*args, **kwargs)
            self.kill.point()
        except BaseException as error:  # noqa: BLE001 - an executor hands on whatever was raised
            future.set_exception(error)
        else:
            future.set_result(result)
        return future


class FakeFeed:
    def __init__(self) -> None:
        self.arrived: list[FeedMessage] = []
        self.wanted: frozenset[str] = frozenset()
        self.closed = False

    def want(self, pairs: Collection[str]) -> None:
        self.wanted = frozenset(pairs)

    def take(self) -> Sequence[FeedMessage]:
        taken, self.arrived = self.arrived, []
        return taken

    async def close(self) -> None:
        self.closed = True


class Inbox:
    """What a client received, frame by frame."""

    def __init__(self) -> None:
        self.frames: list[list[dict[str, Any]]] = []
        self.closed = False

    @property
    def items(self) -> list[dict[str, Any]]:
        return [item for frame in self.frames for item in frame]

    @property
    def cursor(self) -> str:
        return str(self.frames[-1][-1]["_c"])

    def numbers(self, pair: str) -> list[int]:
        """The numbers of a pair's events, as they came."""
        return [item["_n"] for item in self.items if pair_of(item) == pair]

    def unique(self, pair: str) -> list[int]:
        """The numbers of a pair's events without those that were seen already."""
        return list(dict.fromkeys(self.numbers(pair)))

    def statuses(self, word: str) -> list[dict[str, Any]]:
        return [item for item in self.items if item.get("status") == word]

    @property
    def words(self) -> list[str]:
        """What its status messages say, in order."""
        return [item["status"] for item in self.items if item["ev"] == "status"]

    def at(self, message: str) -> int:
        """Where among the items a status with this message is."""
        return next(n for n, item in enumerate(self.items) if item.get("message") == message)


class World:
    """A relay's surroundings; ``answer`` decides on each post to a connection, SENT where it says nothing."""

    def __init__(self, memory: Memory | None = None, tick_s: float = 0.1) -> None:
        self.memory = memory or Memory()
        self.memory.now_ms = lambda: self.ms
        self.feed = FakeFeed()
        self.inboxes: dict[str, Inbox] = {}
        self.answers: dict[str, deque[Delivered]] = {}
        self.held: dict[str, asyncio.Event] = {}
        self.late = False
        """Whether a post that is held delivers its frame at its end."""
        self.at_sleep: Callable[[], object] | None = None
        """What happens while the relay sleeps next."""
        self.broken = False
        self.posted: list[str] = []
        self.us = START_MS * 1000
        self.kill = Kill()
        self.live: list[tuple[Sequence[NumberedEvent], int]] = []
        self.pace = Pace(tick_s=tick_s)
        self.passed_over = PassedOver()
        self.relay: Relay | None = None
        self.served: dict[str, int] = {}
        """The connections of the relay before, where it was fenced."""

    @property
    def ms(self) -> int:
        return self.us // 1000

    def inbox(self, connection: str) -> Inbox:
        return self.inboxes.setdefault(connection, Inbox())

    def now_us(self) -> int:
        return self.us

    def monotonic(self) -> float:
        return self.us / 1e6 - START_MS / 1e3

    async def sleep(self, seconds: float) -> None:
        self.kill.point()
        self.us += round(seconds * 1e6)
        if self.at_sleep:
            act, self.at_sleep = self.at_sleep, None
            act()
        for _ in range(TURNS):
            await asyncio.sleep(0)

    async def post(self, connection: str, frame: bytes) -> Delivered:
        self.kill.point()
        assert len(frame) <= MAX_FRAME
        if self.broken:
            raise ZeroDivisionError
        self.posted.append(connection)
        answers = self.answers.get(connection)
        answer = answers.popleft() if answers else Delivered.SENT
        items = json.loads(frame)
        assert "_c" in items[-1]
        if self.late and connection in self.held:
            await self.held[connection].wait()
            self.kill.point()
        if answer in {Delivered.SENT, Delivered.UNKNOWN}:
            self.inbox(connection).frames.append(items)
        if not self.late and connection in self.held:
            await self.held[connection].wait()
        self.kill.point()
        return answer

    async def close(self, connection: str) -> None:
        self.kill.point()
        self.inbox(connection).closed = True

    def hold(self, connection: str) -> None:
        """Let posts to this connection take until ``let_go``."""
        self.held[connection] = asyncio.Event()

    def let_go(self, connection: str) -> None:
        self.held.pop(connection).set()

    def subscribe(self, connection: str, *pairs: str, snapshot: bool = False) -> Callable[[], None]:
        """A step in which a client subscribes."""
        return lambda: self.memory.subscribe(connection, *pairs, snapshot=snapshot)

    def sending(self, *events: str) -> Callable[[], None]:
        """A step in which the upstream sends a frame."""
        return lambda: self.send(*events)

    def trades(self, first: int, last: int, symbol: str = "AAPL") -> tuple[Step, ...]:
        """Steps in which the upstream sends a trade in each tick."""
        return tuple(step for n in range(first, last + 1) for step in (self.sending(trade(symbol, n)), 1))

    def come_back(self, connection: str, *pairs: str, cursor_of: str) -> Callable[[], None]:
        """A step in which a client subscribes from where another connection was."""
        return lambda: self.memory.subscribe(connection, *pairs, since=StreamCursor.parse(self.inbox(cursor_of).cursor))

    def answer(self, connection: str, *answers: Delivered) -> None:
        """Decide on the next posts to a connection."""
        self.answers[connection] = deque(answers)

    def up(self) -> None:
        self.feed.arrived.append(FeedUp())

    def down(self, silent_ms: int = 0) -> None:
        """The connection to the upstream ends, which was dead for so long."""
        self.feed.arrived.append(FeedDown("cut", self.us - 1_000 * silent_ms))

    def send(self, *events: str) -> None:
        self.feed.arrived.append(FeedFrame(f"[{','.join(events)}]", self.us))

    def run(
        self, *steps: Step, epoch: int = 1, journal: Journal | None = None, own_thread: bool = False
    ) -> Ending | None:
        """Run a relay through these steps, each between two ticks; a number lets so many ticks pass. None: it was killed."""
        left = deque(steps)

        def until() -> bool:
            while left and not isinstance(left[0], int):
                step = left.popleft()
                assert callable(step)
                step()
            if not left:
                return True
            assert isinstance(left[0], int)
            left[0] -= 1
            if not left[0]:
                left.popleft()
            return False

        # An event belongs to one loop.
        self.held = {connection: asyncio.Event() for connection in self.held}

        async def serve() -> Ending | None:
            self.relay = Relay(
                journal or FakeJournal(self.memory),
                self.feed,
                self,
                now_us=self.now_us,
                monotonic=self.monotonic,
                sleep=self.sleep,
                passed_over=self.passed_over,
                on_live=lambda events, us: self.live.append((events, us)),
                executor=None if own_thread else InlineExecutor(self.kill),
                live_executor=InlineExecutor(self.kill),
                served=self.served,
                pace=self.pace,
            )
            try:
                return await self.relay.run(epoch, until)
            except Killed:
                return None

        return asyncio.run(serve())


def pair_of(item: dict[str, Any]) -> str:
    """The pair of an event; empty for a status."""
    return "" if item["ev"] == "status" else f"{item['ev']}.{item.get('sym', item.get('T'))}"


def trade(symbol: str, q: int = 1, *, size: int = 0) -> str:
    """A trade as the upstream sends it; ``size``: so many characters longer."""
    return f'{{"ev":"T","sym":"{symbol}","i":"{q}{"x" * size}","x":4,"p":100.5,"s":10,"t":{START_MS},"q":{q},"z":3}}'


def quote(symbol: str, q: int = 1) -> str:
    return f'{{"ev":"Q","sym":"{symbol}","bx":4,"bp":1.5,"bs":1,"ax":7,"ap":1.6,"as":2,"t":{START_MS},"q":{q},"z":3}}'


def bar(symbol: str, s: int = START_MS, channel: str = "A") -> str:
    return f'{{"ev":"{channel}","sym":"{symbol}","v":1,"o":1,"c":1,"h":1,"l":1,"s":{s},"e":{s + 1000}}}'
