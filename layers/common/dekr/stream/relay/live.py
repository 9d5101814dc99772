"""Hands the latest trade and quote of each symbol to whoever keeps them, off the way of the events."""

from asyncio import get_running_loop
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from dekr.stream.delivery.tasks import Tasks
from dekr.stream.pairs import Channel
from dekr.stream.ports import NumberedEvent

type OnLive = Callable[[Sequence[NumberedEvent], int], None]
"""Takes the latest trade and quote of each symbol that has a new one, and when they were received (us). It may block."""

_KEPT = (f"{Channel.TRADES.value}.", f"{Channel.QUOTES.value}.")


class Live:
    """Calls ``on_live`` in ``executor``, once at a time. What comes meanwhile waits, the latest of each pair."""

    def __init__(self, on_live: OnLive, executor: Executor | None) -> None:
        self._on_live = on_live
        self._executor = executor
        self._waiting: dict[str, NumberedEvent] = {}
        self._received_us = 0
        self._running = False

    def take(self, events: Sequence[NumberedEvent], received_us: int, tasks: Tasks) -> None:
        """Take the events of a tick."""
        latest = {event.pair: event for event in events if event.pair.startswith(_KEPT)}
        if not latest:
            return
        self._waiting |= latest
        self._received_us = received_us
        if not self._running:
            self._running = True
            tasks.start(self._run())

    async def _run(self) -> None:
        try:
            while self._waiting:
                events, self._waiting = tuple(self._waiting.values()), {}
                await get_running_loop().run_in_executor(self._executor, self._on_live, events, self._received_us)
        finally:
            self._running = False
