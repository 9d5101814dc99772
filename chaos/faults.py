"""Inject the faults of a schedule, each at its time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from chaos.schedule import Fault, Lane


async def inject_all(faults: Sequence[Fault], lanes: Mapping[Lane, Callable[[Fault], Awaitable[None]]]) -> None:
    """Inject all faults, each at its time. Faults of one lane follow each other; the lanes run side by side."""
    loop = asyncio.get_running_loop()
    start_s = loop.time()

    async def inject_lane(lane: Lane) -> None:
        for fault in faults:
            if fault.lane == lane:
                await asyncio.sleep(max(0.0, start_s + fault.at_s - loop.time()))
                await lanes[lane](fault)

    await asyncio.gather(*(inject_lane(lane) for lane in lanes))
