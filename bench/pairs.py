"""Two things timed in turn, so that whatever slows the machine slows both."""

import statistics
import time
from collections.abc import Callable

ROUNDS = 4_000


def paired(
    one: Callable[[], None], other: Callable[[], None], between: Callable[[], None], rounds: int = ROUNDS
) -> tuple[float, float, float]:
    """The ratio of the medians, and the medians, of calls made in turn."""
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(rounds):
        for call, times in ((one, ours), (other, theirs)):
            started = time.perf_counter()
            call()
            times.append(time.perf_counter() - started)
        between()
    mine, bare = statistics.median(ours), statistics.median(theirs)
    return mine / bare, mine, bare
