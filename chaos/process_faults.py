"""The process faults: workers are killed or suspended while they hold a lease."""

import asyncio
from dataclasses import dataclass
from random import Random
from typing import Final

from chaos.fault_log import FaultLog
from chaos.history import Call
from chaos.schedule import Fault
from chaos.worker_pool import WorkerPool

MAX_LEASE_MS: Final = 6_000
"""The holder of a longer lease is not suspended: the others would wait for it until the end of a run."""

MAX_WAIT_S: Final = 3.0
"""The time that a fault waits for a suitable worker, in seconds."""

WRITE_DELAY_S: Final = 0.0003, 0.003
"""The time after an answer leaves in which its reader may have read it and not yet written it to the store, in seconds."""


@dataclass(slots=True)
class ProcessFaults:
    """Kills and suspends workers.

    ``awaited``: the role of the worker that the present fault waits for, and the future that receives its name.
    """

    pool: WorkerPool
    random: Random
    fault_log: FaultLog
    awaited: tuple[str, asyncio.Future[str]] | None = None

    def on_call(self, call: Call, role: str) -> None:
        """Note that a worker acts in a role: "holder" when its call arrives at the upstream, "writer" when the answer
        has left.

        The worker is suspended if the present fault waits for that role.
        """
        if self.awaited is None or call.without_store or call.lease_ms > MAX_LEASE_MS:
            return
        wanted_role, victim = self.awaited
        if role == wanted_role and not victim.done() and call.worker in self.pool.processes:
            victim.set_result(call.worker)
            if role == "holder":
                self.pool.stop(call.worker)
            else:
                asyncio.get_running_loop().call_later(self.random.uniform(*WRITE_DELAY_S), self.pool.stop, call.worker)

    async def inject(self, fault: Fault) -> None:
        """Suspend the next worker in the fault's role, then kill it, or resume it after its lease has ended."""
        role, _, end = fault.kind.partition(" ")
        victim: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.awaited = role, victim
        try:
            name = await asyncio.wait_for(victim, MAX_WAIT_S)
        except TimeoutError:
            return
        finally:
            self.awaited = None
        with self.fault_log.during(fault, name):
            await asyncio.sleep(2 * WRITE_DELAY_S[1])
            if end == "killed":
                self.pool.kill(name)
            else:
                await asyncio.sleep(fault.duration_s)
                self.pool.resume(name)
        if end == "killed":
            await self.pool.start_worker(int(name.partition(".")[0]))
