"""Does what the schedule says."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from chaos.schedule import Fault, Lane


async def meet_all(faults: Sequence[Fault], lanes: Mapping[Lane, Callable[[Fault], Awaitable[None]]]) -> None:
    """All faults, each at its time; those of a lane one after the other."""
    loop = asyncio.get_running_loop()
    start_s = loop.time()

    async def meet(lane: Lane) -> None:
        for fault in faults:
            if fault.lane == lane:
                await asyncio.sleep(max(0.0, start_s + fault.at_s - loop.time()))
                await lanes[lane](fault)

    await asyncio.gather(*(meet(lane) for lane in lanes))
