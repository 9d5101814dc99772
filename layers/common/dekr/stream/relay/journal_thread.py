"""The journal, whose methods block, as the relay's loop calls it: in one thread of its own."""

from asyncio import get_running_loop
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, Final

from dekr.errors import StoreDown
from dekr.passed_over import PassedOver
from dekr.stream.ports import Begun, Journal, Replay, Tick, Written

RETRY_S: Final = 0.25

DROPS: Final = 20
"""So many connections that are gone are taken out of the registry at once."""


class JournalThread:
    """Calls ``journal`` in ``executor``, which has one thread; None: in a thread that is made for it. ``passed_over`` collects
    failures. ``failures``: how many writes had to be repeated. ``asked_s``: when the last write began (``monotonic``).
    """

    def __init__(
        self,
        journal: Journal,
        executor: Executor | None,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        passed_over: PassedOver,
    ) -> None:
        self.failures = 0
        self.asked_s = 0.0
        self._monotonic = monotonic
        self._journal = journal
        self._executor = executor or ThreadPoolExecutor(1, "journal")
        self._is_own = executor is None
        self._sleep = sleep
        self._passed_over = passed_over
        self._gone: dict[str, None] = {}

    @property
    def has_gone(self) -> bool:
        """Whether connections that are gone are still in the registry."""
        return bool(self._gone)

    async def begin(self, epoch: int) -> Begun | None:
        """Have the journal begun for this epoch. None: a later relay has begun. Raises StoreDown."""
        begun: Begun | None = await self._call(self._journal.begin, epoch)
        return begun

    async def write(self, tick: Tick, changes_after: str) -> Written:
        """Write a tick once, and read the change log after ``changes_after``. Raises StoreDown."""
        self.asked_s = self._monotonic()
        written: Written = await self._call(self._journal.write, tick, changes_after)
        return written

    async def write_surely(self, tick: Tick, changes_after: str, until: Callable[[], bool]) -> Written | None:
        """Write a tick, however often it takes; None where ``until()`` before it is written."""
        while True:
            try:
                return await self.write(tick, changes_after)
            except StoreDown as error:
                self._passed_over.note(error, "write")
                # Without a fence nothing is posted. What arrives meanwhile waits in the feed, which bounds it.
                self.failures += 1
                if until():
                    return None
                await self._sleep(RETRY_S)

    async def replay(self, pairs: Sequence[str], after: int, until: int) -> Replay:
        """Read the logged events of these pairs in the ticks after ``after`` up to ``until``. Raises StoreDown."""
        replay: Replay = await self._call(self._journal.replay, pairs, after, until)
        return replay

    def gone(self, connection: str) -> None:
        """Note a connection that is gone, to be taken out of the registry."""
        self._gone[connection] = None

    async def drop_gone(self) -> None:
        """Take connections that are gone out of the registry; those that the store cannot take now, later."""
        for connection in tuple(self._gone)[:DROPS]:
            try:
                await self._call(self._journal.drop, connection)
            except StoreDown as error:
                self._passed_over.note(error, "drop")
                return
            del self._gone[connection]

    async def stop(self, changes_after: str) -> bool:
        """Write that no relay runs. False where the change log has something newer, or where the store cannot be reached."""
        try:
            return bool(await self._call(self._journal.stop, changes_after))
        except StoreDown as error:
            self._passed_over.note(error, "stop")
            return False

    def close(self) -> None:
        """End the thread, where it was made here."""
        if self._is_own:
            self._executor.shutdown(wait=False)

    async def _call(self, method: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 - what the method returns
        return await get_running_loop().run_in_executor(self._executor, method, *arguments)
