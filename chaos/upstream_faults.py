"""What happens to the upstream, and to the connections to it."""

import asyncio
from dataclasses import dataclass
from typing import Final

import httpx

from chaos.door import Door
from chaos.mood import Mood
from chaos.notes import Notes
from chaos.schedule import Fault

IN_SANDBOX: Final = {
    "429 storm": "429",
    "malformed": "malformed",
    "truncated": "truncated",
    "wrong ticker": "wrong_ticker",
    "from the future": "future",
}
"""What the sandbox Polygon does itself, by its own names."""

MOODS: Final = {"brown-out": "failing", "upstream slow": "slow", "upstream cut": "cutting"}


@dataclass(slots=True)
class UpstreamFaults:
    """``control``: a client of the sandbox's control routes."""

    mood: Mood
    door: Door
    control: httpx.AsyncClient
    notes: Notes

    async def meet(self, fault: Fault) -> None:
        """One fault."""
        with self.notes.during(fault):
            if fault.kind in IN_SANDBOX:
                await self._in_sandbox(IN_SANDBOX[fault.kind], fault.lasts_s)
            elif fault.kind in MOODS:
                with self.mood.being(MOODS[fault.kind]):
                    await asyncio.sleep(fault.lasts_s)
            elif fault.kind == "upstream hung":
                with self.mood.hung():
                    await asyncio.sleep(fault.lasts_s)
            elif fault.kind == "upstream refused":
                await self.door.refused(fault.lasts_s)
            else:
                self.door.reset()

    async def _in_sandbox(self, kind: str, seconds: float) -> None:
        (await self.control.post("/_control/faults", json={"kind": kind})).raise_for_status()
        # What arrives from here on is spoiled for certain; what arrived a moment ago may be.
        with self.mood.being("spoiling"):
            await asyncio.sleep(seconds)
        (await self.control.delete("/_control/faults")).raise_for_status()
