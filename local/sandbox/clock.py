"""The sandbox's clock: real time plus an offset that can be driven."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(slots=True)
class Clock:
    """Microseconds since the epoch."""

    offset_us: int = 0

    def now_us(self) -> int:
        """The sandbox's time."""
        return time.time_ns() // 1000 + self.offset_us

    def set(self, moment: datetime) -> None:
        """Jump to a moment; time runs on from there."""
        self.offset_us = int(moment.timestamp() * 1_000_000) - time.time_ns() // 1000

    def text(self) -> str:
        """The time as RFC 3339."""
        return datetime.fromtimestamp(self.now_us() / 1e6, UTC).isoformat().replace("+00:00", "Z")
