"""Measures how long a thread waits for a processor: the delay is the machine's and not the service's."""

from pathlib import Path
from typing import Final

_SCHEDULED: Final = Path("/proc/thread-self/schedstat")
"""Nanoseconds on a processor, nanoseconds waiting for one, and the number of runs (Documentation/scheduler/sched-stats.rst)."""


def stalled_us() -> int:
    """Return for how long this thread has been ready to run and was not run, in microseconds since its start; 0 without Linux."""
    try:
        return int(_SCHEDULED.read_text().split()[1]) // 1000
    except FileNotFoundError:
        return 0
