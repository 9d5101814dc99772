"""Several sandboxes of the service on one Redis and one driven clock."""

import time

from dekr.store.link import Link
from tests.still_link import still_link


class DrivenSandboxes:
    """The Redis and the clock that sandboxes share, and the link of each. ``now_us`` is where the clock starts."""

    def __init__(self, url: str, now_us: int) -> None:
        self.url = url
        self.now_us = now_us
        # The store's clock goes on by itself between two steps: set to now_us, it would step back on a slow machine.
        self.offset_us = self.now_us - time.time_ns() // 1000
        self.links: list[Link] = []

    def clock(self) -> int:
        """The present moment in microseconds since the epoch."""
        return self.now_us

    def later(self, seconds: float) -> None:
        """Drive the clock forward, or back."""
        step_us = round(seconds * 1_000_000)
        self.now_us += step_us
        self.offset_us += step_us
        for link in self.links:
            link.clock_offset_us = self.offset_us

    def link(self, url: str | None = None) -> Link:
        """A link for one more sandbox: to another store with a ``url`` of its own."""
        made = still_link(url or self.url)
        self.links.append(made)
        self.later(0)
        return made

    def close(self) -> None:
        """Close all links."""
        for link in self.links:
            link.close()
