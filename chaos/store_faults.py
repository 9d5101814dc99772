"""The store faults: what happens to Redis, and to the connections to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from typing import Final

from redis.exceptions import RedisError

from chaos.fault_log import FaultLog
from chaos.proxy_listener import ProxyListener
from chaos.redis_pair import RedisPair
from chaos.schedule import Fault
from chaos.store_proxy import StoreProxy

SETTLING_S: Final = 0.4
"""For so many seconds after the store was held up, commands that had left the proxy before still carry the clock's old
offset.
"""

FULL_BYTES: Final = 1


@dataclass(slots=True)
class StoreFaults:
    """Injects faults into Redis and the connections to it. ``clock_lock`` is held while the clock must not change."""

    pair: RedisPair
    proxy: StoreProxy
    listener: ProxyListener
    clock_lock: asyncio.Lock
    fault_log: FaultLog

    async def inject(self, fault: Fault) -> None:
        """Inject one store fault."""
        match fault.kind:
            case "redis paused" | "link hung":
                async with self._clock_locked():
                    await (self._pause(fault) if fault.kind == "redis paused" else self._disturb_link(fault))
            case "redis killed" | "data flushed" | "replica promoted":
                with self.fault_log.during(fault, loss=True):
                    await self._lose_data(fault)
            case "scripts flushed":
                with self.fault_log.during(fault):
                    await self._run_command("SCRIPT", "FLUSH")
            case "memory full":
                with self.fault_log.during(fault):
                    await self._run_command("CONFIG", "SET", "maxmemory", FULL_BYTES)
                    await asyncio.sleep(fault.duration_s)
                    await self._run_command("CONFIG", "SET", "maxmemory", 0)
            case _:
                await self._disturb_link(fault)

    async def _pause(self, fault: Fault) -> None:
        with self.fault_log.during(fault):
            self.pair.stop()
            await asyncio.sleep(fault.duration_s)
            self.pair.resume()

    async def _lose_data(self, fault: Fault) -> None:
        if fault.kind == "data flushed":
            await self._run_command("FLUSHALL")
        elif fault.kind == "redis killed":
            await asyncio.to_thread(self.pair.kill)
            await asyncio.sleep(fault.duration_s)
            await asyncio.to_thread(self.pair.restart)
        else:
            await asyncio.to_thread(self.pair.promote)
            self.proxy.port = self.pair.primary.port
            await asyncio.to_thread(self.pair.demote)

    async def _disturb_link(self, fault: Fault) -> None:
        behaviour, listener = self.proxy.behaviour, self.listener
        with self.fault_log.during(fault):
            match fault.kind:
                case "link reset":
                    listener.reset()
                case "link refused":
                    await listener.refuse_for(fault.duration_s)
                case "link hung":
                    with behaviour.blocked():
                        await asyncio.sleep(fault.duration_s)
                case "link cut":
                    with behaviour.switched_on("cutting"):
                        await asyncio.sleep(fault.duration_s)
                case _:
                    with behaviour.switched_on("slow"):
                        await asyncio.sleep(fault.duration_s)

    @asynccontextmanager
    async def _clock_locked(self) -> AsyncIterator[None]:
        async with self.clock_lock:
            yield
            await asyncio.sleep(SETTLING_S)

    async def _run_command(self, *command: str | int) -> None:
        def run() -> None:
            with closing(self.pair.client()) as client:
                client.execute_command(*command)

        with suppress(RedisError):
            await asyncio.to_thread(run)
