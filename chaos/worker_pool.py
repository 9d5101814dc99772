"""The worker processes: start, kill, stop, resume and replace them."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.context import SpawnProcess

from chaos.driven_clock import SharedState
from chaos.worker import WorkerConfig, run_worker

_SPAWN = multiprocessing.get_context("spawn")


@dataclass(slots=True)
class WorkerPool:
    """The worker processes by name. A name has the form slot.generation.

    ``config_for`` makes the configuration of a new worker from its name and its slot.
    """

    shared: SharedState
    config_for: Callable[[str, int], WorkerConfig]
    slots: int
    generation: int = 0
    processes: dict[str, SpawnProcess] = field(default_factory=dict)

    async def start(self) -> None:
        """Start a worker for each slot and wait until all are ready."""
        await asyncio.gather(*(self.start_worker(slot) for slot in range(self.slots)))

    async def start_worker(self, slot: int) -> None:
        """Start one worker and wait until it is ready. Raises AssertionError if it ends before."""
        self.generation += 1
        name = f"{slot}.{self.generation}"
        config = self.config_for(name, slot)
        process = _SPAWN.Process(target=run_worker, args=(config, self.shared))
        process.start()
        self.processes[name] = process
        while not (config.path.exists() and config.path.stat().st_size):
            assert process.is_alive(), "a worker ended while it started"
            await asyncio.sleep(0.02)

    def kill(self, name: str) -> None:
        """Kill a worker with SIGKILL."""
        process = self.processes.pop(name)
        process.kill()
        process.join()

    def stop(self, name: str) -> None:
        """Suspend a worker with SIGSTOP."""
        os.kill(self.processes[name].pid or 0, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Resume a suspended worker with SIGCONT."""
        os.kill(self.processes[name].pid or 0, signal.SIGCONT)

    async def join(self, seconds: float) -> list[str]:
        """Wait for every worker to end, each for at most ``seconds``. Return the names of those that did not, or that
        ended with an error. Those still running are killed.
        """
        unfinished: list[str] = []
        for name, process in self.processes.items():
            await asyncio.to_thread(process.join, seconds)
            if process.exitcode != 0:
                unfinished.append(name)
        self.close()
        return unfinished

    def close(self) -> None:
        """Kill all workers that are left."""
        for process in self.processes.values():
            process.kill()
            process.join()
