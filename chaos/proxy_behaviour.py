"""The present behaviour of a proxy."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

DELAY_S = (0.01, 0.08)
"""Limits of the delay of one chunk while the proxy is slow, in seconds."""


def _set_event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(slots=True)
class ProxyBehaviour:
    """The present behaviour of a proxy.

    ``slow``: each chunk is delayed a little; ``cutting``: answers break off in the middle; ``failing``: some answers
    are slow or errors (a brown-out); ``corrupting``: answers are known to be garbage; ``unblocked``: cleared while nothing
    may pass.
    """

    random: Random
    slow: bool = False
    cutting: bool = False
    failing: bool = False
    corrupting: bool = False
    unblocked: asyncio.Event = field(default_factory=_set_event)

    async def delay(self) -> None:
        """Wait for as long as the present behaviour demands."""
        if self.slow:
            await asyncio.sleep(self.random.uniform(*DELAY_S))
        await self.unblocked.wait()

    @contextmanager
    def switched_on(self, name: str) -> Iterator[None]:
        """Switch a flag on while the context lasts. ``name`` is slow, cutting, failing or corrupting."""
        setattr(self, name, True)
        try:
            yield
        finally:
            setattr(self, name, False)

    @contextmanager
    def blocked(self) -> Iterator[None]:
        """Let nothing pass while the context lasts."""
        self.unblocked.clear()
        try:
            yield
        finally:
            self.unblocked.set()
