"""The clock faults: time passes, or the service's clock is stepped."""

import asyncio
from dataclasses import dataclass, field

import httpx

from chaos.driven_clock import SharedState
from chaos.fault_log import FaultLog
from chaos.schedule import Fault
from chaos.timeline import ClockChange, Kind
from chaos.upstream_proxy import now_us


@dataclass(slots=True)
class ClockFaults:
    """Drives the clocks of the market and the service.

    ``shared`` holds the service's clock; ``control`` is an HTTP client of the sandbox Polygon's control routes;
    ``clock_lock`` is held by whoever must not have the clock changed; ``changes`` records all changes.
    """

    shared: SharedState
    control: httpx.AsyncClient
    clock_lock: asyncio.Lock
    fault_log: FaultLog
    changes: list[ClockChange] = field(default_factory=list)

    async def begin(self, moment: str, since_epoch_us: int) -> None:
        """Set both clocks to a moment, given in RFC 3339 and in microseconds since the epoch."""
        (await self.control.post("/_control/clock", json={"now": moment})).raise_for_status()
        self._set_offset(since_epoch_us - now_us(), "start")

    async def inject(self, fault: Fault) -> None:
        """Inject one clock fault."""
        async with self.clock_lock:
            with self.fault_log.during(fault):
                if fault.kind == "time passed":
                    await self.pass_time(fault.amount_s)
                elif fault.kind == "clock forward":
                    self._shift(fault.amount_s, "clock forward")
                else:
                    self._shift(-fault.amount_s, "clock back")

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, for the market and for the service."""
        (await self.control.post("/_control/clock", json={"advance_s": seconds})).raise_for_status()
        self._shift(seconds, "time passed")

    def _shift(self, seconds: float, kind: Kind) -> None:
        self._set_offset(self.shared.offset_us + int(seconds * 1_000_000), kind)

    def _set_offset(self, offset_us: int, kind: Kind) -> None:
        from_us = now_us()
        self.shared.offset_us = offset_us
        self.changes.append(ClockChange(from_us, now_us(), offset_us, kind))
