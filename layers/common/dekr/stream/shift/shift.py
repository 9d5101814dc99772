"""One relay's time: from the lease in its hand to the lease given back.

Whatever ends first ends all: the relay itself, the feed (its connection belongs to another relay), the lease (it could not be
renewed in time), the invocation's time. A relay that is told to stop writes a last tick and awaits its posts.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from dekr.errors import Unavailable
from dekr.passed_over import PassedOver
from dekr.stream.relay.pace import Ending
from dekr.stream.shift.endings import Cause
from dekr.stream.shift.in_thread import InThread
from dekr.stream.shift.lease import RENEWAL_S

WATCH_S: Final = 0.5
REPORT_S: Final = 60.0


class HeldLease(Protocol):
    """The lease of the relay. Its methods but ``held`` block."""

    def renew(self) -> bool:
        """Hold it for longer. False: another has it. Raises Unavailable."""
        ...

    def held(self) -> bool:
        """Whether nobody else can have it by now."""
        ...


class Served(Protocol):
    """The parts of a relay that run together."""

    async def relay(self, epoch: int, until: Callable[[], bool]) -> Ending:
        """Run the relay (dekr.stream.relay.relay.Relay.run)."""
        ...

    async def feed(self) -> None:
        """Keep the connection to the upstream, until it belongs to another relay."""
        ...

    async def rounds(self) -> None:
        """Make the guard's rounds without end."""
        ...

    def counts(self) -> Mapping[str, Any]:
        """Return the relay's counts since the last call."""
        ...


@dataclass(slots=True, eq=False)
class Shift:
    """Runs a relay. ``open_parts`` makes its parts; ``in_thread`` runs what blocks. ``ends_s`` (monotonic): when it has to stop.
    ``report`` is handed what was counted, once a minute and at the end, also where it ends by an error. ``passed_over`` collects
    failures.
    """

    lease: HeldLease
    open_parts: Callable[[], AbstractAsyncContextManager[Served]]
    in_thread: InThread
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    ends_s: float
    report: Callable[[Mapping[str, Any]], None]
    passed_over: PassedOver
    _cause: Cause | None = field(default=None, init=False)

    def stop(self, cause: Cause) -> None:
        """Have the relay stop. The first cause counts."""
        self._cause = self._cause or cause

    async def run(self, epoch: int) -> Cause:
        """Serve. Raises StoreDown where the store cannot be reached at the beginning."""
        async with self.open_parts() as parts:
            relay = asyncio.create_task(parts.relay(epoch, lambda: self._cause is not None))
            try:
                async with self._beside(
                    relay, parts.feed(), parts.rounds(), self._renew(), self._watch(), self._count(parts)
                ):
                    ending = await relay
            finally:
                self.report(parts.counts())
        if ending is Ending.STOPPED:
            return self._cause or Cause.SIGNAL
        return Cause(ending.value)

    @asynccontextmanager
    async def _beside(self, relay: asyncio.Task[Ending], *others: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
        """Run the others for as long as the relay runs. One that fails ends the relay, and then its error is raised."""
        tasks = [asyncio.create_task(other) for other in others]
        # The feed alone ends by itself.
        tasks[0].add_done_callback(lambda _: self.stop(Cause.EVICTED))
        for task in tasks:
            task.add_done_callback(self._stop_where_failed)
        try:
            yield
        finally:
            running: list[asyncio.Task[Any]] = [*tasks, relay]
            for task in running:
                task.cancel()
            await asyncio.wait(running)
        for task in tasks:
            if not task.cancelled():
                task.result()

    def _stop_where_failed(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self.stop(Cause.FAILED)

    async def _watch(self) -> None:
        """Have the relay stop where the lease is lost or the time is over. Renewing it may hang, so this is a task of its own."""
        while True:
            if not self.lease.held():
                self.stop(Cause.LEASE_LOST)
            elif self.monotonic() >= self.ends_s:
                self.stop(Cause.DEADLINE)
            await self.sleep(WATCH_S)

    async def _renew(self) -> None:
        while True:
            await self.sleep(RENEWAL_S)
            try:
                if not await self.in_thread(self.lease.renew):
                    self.stop(Cause.LEASE_LOST)
            except Unavailable as error:
                # It is tried again; ``held`` says when that takes too long.
                self.passed_over.note(error, "renew")

    async def _count(self, parts: Served) -> None:
        while True:
            await self.sleep(REPORT_S)
            self.report(parts.counts())
