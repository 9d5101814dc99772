"""The worker processes: started, killed, stopped, let go on, replaced."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.context import SpawnProcess

from chaos.driven import Board
from chaos.worker import Orders, work

_SPAWN = multiprocessing.get_context("spawn")


@dataclass(slots=True)
class Crew:
    """``orders`` makes the orders of a new worker from its name and its slot. Names are of the form slot.generation."""

    board: Board
    orders: Callable[[str, int], Orders]
    slots: int
    generation: int = 0
    processes: dict[str, SpawnProcess] = field(default_factory=dict)

    async def start(self) -> None:
        """Start a worker for each slot and wait until all are ready."""
        await asyncio.gather(*(self.hire(slot) for slot in range(self.slots)))

    async def hire(self, slot: int) -> None:
        """Start one worker and wait until it is ready."""
        self.generation += 1
        name = f"{slot}.{self.generation}"
        orders = self.orders(name, slot)
        process = _SPAWN.Process(target=work, args=(orders, self.board))
        process.start()
        self.processes[name] = process
        while not (orders.path.exists() and orders.path.stat().st_size):
            assert process.is_alive(), "a worker ended while it started"
            await asyncio.sleep(0.02)

    def kill(self, name: str) -> None:
        """End a worker without a word."""
        process = self.processes.pop(name)
        process.kill()
        process.join()

    def stop(self, name: str) -> None:
        """Stop a worker where it stands."""
        os.kill(self.processes[name].pid or 0, signal.SIGSTOP)

    def go_on(self, name: str) -> None:
        """Let a stopped worker go on."""
        os.kill(self.processes[name].pid or 0, signal.SIGCONT)

    async def end(self, seconds: float) -> list[str]:
        """Wait for all to come to their end; the names of those that did not (or ended badly), which are killed."""
        bad: list[str] = []
        for name, process in self.processes.items():
            await asyncio.to_thread(process.join, seconds)
            if process.exitcode != 0:
                bad.append(name)
        self.close()
        return bad

    def close(self) -> None:
        """Kill whoever is left."""
        for process in self.processes.values():
            process.kill()
            process.join()
