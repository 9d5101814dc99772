"""Time two functions by turns, so that whatever slows the machine slows both."""

import statistics
import time
from collections.abc import Callable

ROUNDS = 4_000


def paired(
    first: Callable[[], None], second: Callable[[], None], between: Callable[[], None], rounds: int = ROUNDS
) -> tuple[float, float, float]:
    """Call both functions by turns, ``rounds`` times, and ``between`` after each pair.

    Return the ratio of the first's median time to the second's, and both medians in seconds.
    """
    first_times: list[float] = []
    second_times: list[float] = []
    for _ in range(rounds):
        for call, times in ((first, first_times), (second, second_times)):
            started = time.perf_counter()
            call()
            times.append(time.perf_counter() - started)
        between()
    first_median, second_median = statistics.median(first_times), statistics.median(second_times)
    return first_median / second_median, first_median, second_median
