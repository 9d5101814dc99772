"""Calls of what blocks from a program on asyncio."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol


class InThread(Protocol):
    """Runs what blocks in a thread."""

    def __call__[T](self, work: Callable[[], T], /) -> Awaitable[T]:
        """Run it, and wait for what it returns."""
        ...


@contextmanager
def one_thread(name: str) -> Iterator[ThreadPoolExecutor]:
    """A thread for what may be used by one thread alone. In the end it is not waited for: what blocks may hang."""
    thread = ThreadPoolExecutor(1, name)
    try:
        yield thread
    finally:
        thread.shutdown(wait=False, cancel_futures=True)


def running_in(thread: ThreadPoolExecutor) -> InThread:
    """Make the runner of this thread."""

    async def run[T](work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(thread, work)

    return run
