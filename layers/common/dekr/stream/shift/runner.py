"""Decides whether this run is to be the relay, and lets it be.

It reads the lease before anything heavy is imported, because most runs leave at once: every minute the schedule starts one, and
two subscriptions may wake two. One that the schedule started waits for the lease where the present relay ends soon, so that a
relay whose time is over has a successor at its side.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

from dekr.errors import Unavailable
from dekr.passed_over import PassedOver
from dekr.stream.shift.endings import Cause, Outcome, RunReport
from dekr.stream.shift.in_thread import InThread
from dekr.stream.shift.lease import Held

STAND_BY_MS: Final = 75_000
"""The schedule's run waits for a relay that ends within so long: one of two runs in a row always sees that."""

STALE_MS: Final = 6_000
"""A lease that is over within so long was not renewed when it was time, every 3 s of the 10 s that it lives: worth waiting for."""

WOKEN_WAIT_S: Final = 1.0
"""Who subscribes wakes a run only where the store says that no relay runs: one that has just said so gives its lease back soon."""

LONGEST_WAIT_S: Final = 90.0
POLL_S: Final = 0.5
WORTHWHILE_S: Final = 60.0
"""With less time left it is not worth beginning again."""

BEGINS_ANEW: Final = frozenset({Cause.FENCED, Cause.LEASE_LOST})
"""After these causes another relay may have the lease, or nobody: a store that has lost everything fences, too, and a sandbox that
stood still for some seconds could not renew. Who finds it free begins anew, for the next scheduled run may be a minute away.
"""


class RunnersLease(Protocol):
    """The lease that makes a run the relay (dekr.stream.shift.lease.Lease)."""

    epoch: int

    def read(self) -> Held | None:
        """Who has it now; None where it is free."""
        ...

    def take(self) -> Held | None:
        """Take it, where it is free. None: it is this run's; else who has it."""
        ...

    def release(self) -> None:
        """Give it back, where it is still this run's."""
        ...


@dataclass(slots=True, eq=False)
class Runner:
    """One run.

    ``ends_s`` (monotonic): when a relay has to stop; the holder in the lease says the same. ``is_heard``: whether any connection
    listens to anything; it blocks, and raises StoreDown. ``sweep`` makes one round of the guard. ``serve`` is the relay: from an
    epoch to the cause of its end. ``passed_over`` collects failures.
    """

    lease: RunnersLease
    is_heard: Callable[[], bool]
    sweep: Callable[[], Awaitable[None]]
    serve: Callable[[int], Awaitable[Cause]]
    ends_s: float
    in_thread: InThread
    now_ms: Callable[[], int]
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    passed_over: PassedOver

    async def run(self, *, scheduled: bool) -> RunReport:
        """Be the relay, if there is none and one is needed. ``scheduled``: nobody in particular asked for one. Raises StoreDown and
        Unavailable.
        """
        if not await self._is_free(scheduled=scheduled):
            return RunReport(Outcome.HELD)
        if scheduled and not await self.in_thread(self.is_heard):
            await self.sweep()
            return RunReport(Outcome.UNHEARD)
        report = RunReport(Outcome.HELD)
        while await self.in_thread(self.lease.take) is None:
            epoch = self.lease.epoch
            try:
                cause = await self.serve(epoch)
            finally:
                await self._release()
            report = RunReport(Outcome.SERVED, cause, epoch)
            if cause not in BEGINS_ANEW or self.ends_s - self.monotonic() < WORTHWHILE_S:
                break
            await self.sleep(POLL_S)
        return report

    async def _release(self) -> None:
        try:
            await self.in_thread(self.lease.release)
        except Unavailable as error:
            # It ends by itself within seconds, and how the relay ended is worth more in the log.
            self.passed_over.note(error, "release")

    async def _is_free(self, *, scheduled: bool) -> bool:
        """Whether nobody holds the lease, if need be after standing by."""
        waited_s = 0.0
        while True:
            held = await self.in_thread(self.lease.read)
            now_ms = self.now_ms()
            if held is None:
                return True
            ends_soon = held.holder.ends_ms - now_ms <= STAND_BY_MS if scheduled else waited_s < WOKEN_WAIT_S
            if not (ends_soon or held.expires_ms - now_ms < STALE_MS) or waited_s >= LONGEST_WAIT_S:
                return False
            await self.sleep(POLL_S)
            waited_s += POLL_S
