"""What happens to Redis, and to the connections to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from typing import Final

from redis.exceptions import RedisError

from chaos.door import Door
from chaos.notes import Notes
from chaos.redis_pair import RedisPair
from chaos.schedule import Fault
from chaos.store_proxy import StoreProxy

SETTLING_S: Final = 0.4
"""After the store was held up, commands that had left the proxy before it went on with the clock that they brought along."""

FULL_BYTES: Final = 1


@dataclass(slots=True)
class StoreFaults:
    """``steady`` is held while the clock must be left alone."""

    pair: RedisPair
    proxy: StoreProxy
    door: Door
    steady: asyncio.Lock
    notes: Notes

    async def meet(self, fault: Fault) -> None:
        """One fault."""
        match fault.kind:
            case "redis paused" | "link hung":
                async with self._clock_left_alone():
                    await (self._paused(fault) if fault.kind == "redis paused" else self._on_the_way(fault))
            case "redis killed" | "data flushed" | "replica promoted":
                with self.notes.during(fault, loss=True):
                    await self._lose(fault)
            case "scripts flushed":
                with self.notes.during(fault):
                    await self._tell("SCRIPT", "FLUSH")
            case "memory full":
                with self.notes.during(fault):
                    await self._tell("CONFIG", "SET", "maxmemory", FULL_BYTES)
                    await asyncio.sleep(fault.lasts_s)
                    await self._tell("CONFIG", "SET", "maxmemory", 0)
            case _:
                await self._on_the_way(fault)

    async def _paused(self, fault: Fault) -> None:
        with self.notes.during(fault):
            self.pair.stop()
            await asyncio.sleep(fault.lasts_s)
            self.pair.go_on()

    async def _lose(self, fault: Fault) -> None:
        if fault.kind == "data flushed":
            await self._tell("FLUSHALL")
        elif fault.kind == "redis killed":
            await asyncio.to_thread(self.pair.kill)
            await asyncio.sleep(fault.lasts_s)
            await asyncio.to_thread(self.pair.restart)
        else:
            await asyncio.to_thread(self.pair.promote)
            self.proxy.port = self.pair.primary.port
            await asyncio.to_thread(self.pair.demote)

    async def _on_the_way(self, fault: Fault) -> None:
        mood, door = self.proxy.mood, self.door
        with self.notes.during(fault):
            match fault.kind:
                case "link reset":
                    door.reset()
                case "link refused":
                    await door.refused(fault.lasts_s)
                case "link hung":
                    with mood.hung():
                        await asyncio.sleep(fault.lasts_s)
                case "link cut":
                    with mood.being("cutting"):
                        await asyncio.sleep(fault.lasts_s)
                case _:
                    with mood.being("slow"):
                        await asyncio.sleep(fault.lasts_s)

    @asynccontextmanager
    async def _clock_left_alone(self) -> AsyncIterator[None]:
        async with self.steady:
            yield
            await asyncio.sleep(SETTLING_S)

    async def _tell(self, *words: str | int) -> None:
        def tell() -> None:
            with closing(self.pair.client()) as client:
                client.execute_command(*words)

        with suppress(RedisError):
            await asyncio.to_thread(tell)
