"""How a proxy behaves at the moment."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

LATENCY_S = (0.01, 0.08)


def _open() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(slots=True)
class Mood:
    """``slow``: each piece is held back a little; ``flowing``: cleared while nothing passes; ``cutting``: answers break off in
    the middle; ``failing``: some are slow or errors (a brown-out); ``spoiling``: what is answered is known to be garbage.
    """

    random: Random
    slow: bool = False
    cutting: bool = False
    failing: bool = False
    spoiling: bool = False
    flowing: asyncio.Event = field(default_factory=_open)

    async def hold_back(self) -> None:
        """Wait as long as the mood says."""
        if self.slow:
            await asyncio.sleep(self.random.uniform(*LATENCY_S))
        await self.flowing.wait()

    @contextmanager
    def being(self, name: str) -> Iterator[None]:
        """Inside, the mood is so: slow, cutting, failing or spoiling."""
        setattr(self, name, True)
        try:
            yield
        finally:
            setattr(self, name, False)

    @contextmanager
    def hung(self) -> Iterator[None]:
        """Inside, nothing passes."""
        self.flowing.clear()
        try:
            yield
        finally:
            self.flowing.set()
