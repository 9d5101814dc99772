"""Time two functions by turns, so that whatever slows the machine slows both."""

import statistics
import time
from collections.abc import Callable

ROUNDS = 4_000


def paired(
    one: Callable[[], None], other: Callable[[], None], between: Callable[[], None], rounds: int = ROUNDS
) -> tuple[float, float, float]:
    """Call both functions by turns, ``rounds`` times, and ``between`` after each pair.

    Return the ratio of the first's median time to the second's, and both medians in seconds.
    """
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
