"""Time that passes, and a clock that is stepped."""

import asyncio
from dataclasses import dataclass, field

import httpx

from chaos.driven import Board
from chaos.notes import Notes
from chaos.schedule import Fault
from chaos.timeline import Kind, Move
from chaos.upstream_proxy import now_us


@dataclass(slots=True)
class ClockFaults:
    """``control``: a client of the sandbox Polygon's control routes. ``steady`` is held while the clock must be left alone."""

    board: Board
    control: httpx.AsyncClient
    steady: asyncio.Lock
    notes: Notes
    moves: list[Move] = field(default_factory=list)

    async def begin(self, moment: str, since_epoch_us: int) -> None:
        """Set both clocks to a moment."""
        (await self.control.post("/_control/clock", json={"now": moment})).raise_for_status()
        self._set(since_epoch_us - now_us(), "start")

    async def meet(self, fault: Fault) -> None:
        """One fault."""
        async with self.steady:
            with self.notes.during(fault):
                if fault.kind == "time passed":
                    await self.pass_time(fault.amount_s)
                elif fault.kind == "clock forward":
                    self._move(fault.amount_s, "clock forward")
                else:
                    self._move(-fault.amount_s, "clock back")

    async def pass_time(self, seconds: float) -> None:
        """Time passes, for the market and for the service."""
        (await self.control.post("/_control/clock", json={"advance_s": seconds})).raise_for_status()
        self._move(seconds, "time passed")

    def _move(self, seconds: float, kind: Kind) -> None:
        self._set(self.board.offset_us + int(seconds * 1_000_000), kind)

    def _set(self, offset_us: int, kind: Kind) -> None:
        from_us = now_us()
        self.board.offset_us = offset_us
        self.moves.append(Move(from_us, now_us(), offset_us, kind))
