"""Workers that are killed or stopped while they hold a lease."""

import asyncio
from dataclasses import dataclass
from random import Random
from typing import Final

from chaos.crew import Crew
from chaos.history import Call
from chaos.notes import Notes
from chaos.schedule import Fault

LONGEST_LEASE_MS: Final = 6_000
"""A holder whose lease may live longer is not stopped: the others would wait for it until the end of a run."""

WITHIN_S: Final = 3.0
"""So long a fault waits for somebody to meet."""

READING_S: Final = 0.0003, 0.003
"""So long after an answer has left, its reader may have read it and not yet written it to the store."""


@dataclass(slots=True)
class ProcessFaults:
    """``awaited``: in which role the next victim must be, and who it is, once it is met."""

    crew: Crew
    random: Random
    notes: Notes
    awaited: tuple[str, asyncio.Future[str]] | None = None

    def watch(self, call: Call, role: str) -> None:
        """A holder's call is at the upstream, or a writer's answer has just left it."""
        if self.awaited is None or call.alone or call.lease_ms > LONGEST_LEASE_MS:
            return
        wanted, met = self.awaited
        if role == wanted and not met.done() and call.worker in self.crew.processes:
            met.set_result(call.worker)
            if role == "holder":
                self.crew.stop(call.worker)
            else:
                asyncio.get_running_loop().call_later(self.random.uniform(*READING_S), self.crew.stop, call.worker)

    async def meet(self, fault: Fault) -> None:
        """Stop the next worker in this role where it stands; then kill it, or let it go on when its lease is over."""
        role, _, fate = fault.kind.partition(" ")
        met: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.awaited = role, met
        try:
            name = await asyncio.wait_for(met, WITHIN_S)
        except TimeoutError:
            return
        finally:
            self.awaited = None
        with self.notes.during(fault, name):
            await asyncio.sleep(2 * READING_S[1])
            if fate == "killed":
                self.crew.kill(name)
            else:
                await asyncio.sleep(fault.lasts_s)
                self.crew.go_on(name)
        if fate == "killed":
            await self.crew.hire(int(name.partition(".")[0]))
