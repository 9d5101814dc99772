"""The guard's rounds: every few seconds what is due, and the keys of all listeners every twenty.

What a round finds is told, closed and taken out, in this order: what is left half done is found again by the next round.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Final

from dekr.errors import StoreDown, Unavailable
from dekr.passed_over import PassedOver
from dekr.stream.ports import Delivered, Sink
from dekr.stream.shift.guard import Expulsion, Guard
from dekr.stream.shift.in_thread import InThread
from dekr.stream.statuses import frames

CHECK_S: Final = 20.0
"""Three reads of a key in the 60 s within which it must be noticed that it was revoked, so that two of them may fail."""

DUE_S: Final = 5.0

AT_ONCE: Final = 20
"""So many connections are told and closed at the same time."""


@dataclass(slots=True, eq=False)
class Rounds:
    """Makes the rounds. ``in_thread`` runs what blocks in the one thread that may use the guard and its registry. ``passed_over``
    collects failures. ``failures`` counts the rounds that could not be made, ``expelled`` the connections that had to go.
    """

    guard: Guard
    sink: Sink
    in_thread: InThread
    sleep: Callable[[float], Awaitable[None]]
    passed_over: PassedOver
    failures: int = field(default=0, init=False)
    expelled: int = field(default=0, init=False)

    async def run(self) -> None:
        """Make rounds without end."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._every(DUE_S, self.guard.due))
            group.create_task(self._every(CHECK_S, self.guard.check))

    async def once(self) -> None:
        """Make one round of each kind: where no relay runs, the schedule's invocation does."""
        await self._round(self.guard.due)
        await self._round(self.guard.check)

    async def _every(self, seconds: float, find: Callable[[], list[Expulsion]]) -> None:
        while True:
            await self._round(find)
            await self.sleep(seconds)

    async def _round(self, find: Callable[[], list[Expulsion]]) -> None:
        try:
            found = await self.in_thread(find)
            turns = asyncio.Semaphore(AT_ONCE)
            async with asyncio.TaskGroup() as group:
                for each in found:
                    group.create_task(self._tell_and_close(each, turns))
            await self.in_thread(lambda: self._take_out(found))
        except (StoreDown, Unavailable) as error:
            self.passed_over.note(error, "guard")
            self.failures += 1

    async def _tell_and_close(self, expulsion: Expulsion, turns: asyncio.Semaphore) -> None:
        async with turns:
            (frame,) = frames([expulsion.status])
            if await self.sink.post(expulsion.connection, frame.encode()) is not Delivered.GONE:
                await self.sink.close(expulsion.connection)
        self.expelled += 1

    def _take_out(self, found: Collection[Expulsion]) -> None:
        for each in found:
            self.guard.registry.close(each.connection, self.guard.now_ms())
