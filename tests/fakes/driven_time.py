"""A clock and its sleep that only the test moves, for programs on asyncio."""

import asyncio
from collections.abc import Callable

from tests.patience import HANG_S


class DrivenTime:
    """Stands still until ``go`` moves it. ``slept`` holds the length of every sleep that was begun."""

    def __init__(self, at_s: float = 1_000.0) -> None:
        self.at_s = at_s
        self.slept: list[float] = []
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def monotonic(self) -> float:
        return self.at_s

    def now_us(self) -> int:
        return int(self.at_s * 1_000_000)

    def now_ms(self) -> int:
        return int(self.at_s * 1_000)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if seconds <= 0:
            return
        until: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.at_s + seconds, until))
        await until

    @property
    def sleeping(self) -> int:
        """How many sleep now."""
        return sum(not future.done() for _, future in self._sleepers)

    async def go(self, seconds: float) -> None:
        """Let time pass, from one waking to the next, so that who wakes may sleep again on the way."""
        end_s = self.at_s + seconds
        while due := [each for each in self._sleepers if each[0] <= end_s and not each[1].done()]:
            earliest = min(due, key=lambda each: each[0])
            self._sleepers.remove(earliest)
            self.at_s = max(self.at_s, earliest[0])
            earliest[1].set_result(None)
            await settle()
        self._sleepers = [each for each in self._sleepers if not each[1].done()]
        self.at_s = end_s
        await settle()


async def settle() -> None:
    """Let everything run that can run without input from outside."""
    for _ in range(20):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds that the outside world brings about; the pause only spares the processor."""
    async with asyncio.timeout(HANG_S):
        while not condition():  # noqa: ASYNC110 - the condition is not of this loop
            await asyncio.sleep(0.002)
