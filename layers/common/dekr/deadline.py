"""The deadline of a request: the time that is left for its answer."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on a monotonic clock, in seconds, after which nobody waits for the answer any more."""

    ends_s: float
    monotonic: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> "Deadline":
        """Make a deadline that many seconds from now."""
        return cls(monotonic() + seconds, monotonic)

    def left_s(self) -> float:
        """Seconds until the deadline, 0 after it."""
        return max(0.0, self.ends_s - self.monotonic())
