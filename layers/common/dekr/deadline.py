"""How much time a request has left."""

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
        """A deadline that many seconds from now."""
        return cls(monotonic() + seconds, monotonic)

    def left_s(self) -> float:
        """Seconds that are left, never below 0."""
        return max(0.0, self.ends_s - self.monotonic())
