"""A driven clock that stands still while programs run: only the trace and the modelled calls move it.

So the load of the machine changes nothing. Scripts of a real Redis run on Redis's own clock plus an offset, so the
offset is computed anew for every round trip.
"""

import time
from collections.abc import Sequence
from typing import Any

from dekr.store import Command
from dekr.store.link import Link
from tests.patience import patient


class Clock:
    """A driven clock in microseconds since the epoch.

    ``seen_us``: the latest time that a script may have seen. Real time goes by between the computation of its offset
    and its run, so a stamp may be as late as that.
    """

    def __init__(self, now_us: int) -> None:
        self.at_us = now_us
        self.seen_us = now_us

    def now_us(self) -> int:
        """Return the time in microseconds since the epoch."""
        return self.at_us

    def to(self, at_us: int) -> None:
        """Go forward to a moment. A moment that has passed changes nothing."""
        self.at_us = max(self.at_us, at_us)

    def saw(self, us: int) -> None:
        """Note that a script may have seen the clock ``us`` microseconds later than it stands."""
        self.seen_us = max(self.seen_us, self.at_us + us)

    def wait(self, us: int) -> None:
        """Go forward by ``us`` microseconds."""
        self.at_us += us


class DrivenStore:
    """A link whose scripts run on the driven clock. It implements dekr.store.Store."""

    def __init__(self, link: Link, clock: Clock) -> None:
        # A busy machine must not look like a store that is down: that would change what is counted.
        self._link = patient(link)
        self._clock = clock
        self.prefix = link.prefix

    @property
    def clock_offset_us(self) -> int:
        """The present offset of the driven clock from the machine's clock, in microseconds."""
        return self._clock.at_us - time.time_ns() // 1000

    @clock_offset_us.setter
    def clock_offset_us(self, offset_us: int) -> None:
        self._clock.at_us = time.time_ns() // 1000 + offset_us

    def run(self, *commands: Command) -> list[Any]:
        """Run the commands in one round trip on the driven clock, as Store.run does."""
        started_us = time.time_ns() // 1000
        self._link.clock_offset_us = self._clock.at_us - started_us
        replies = self._link.run(*commands)
        self._clock.saw(time.time_ns() // 1000 - started_us)
        return replies

    def shards(self) -> "Sequence[DrivenStore]":
        """Return the stores of the single shards, as Store.shards does: this one."""
        return (self,)

    def close(self) -> None:
        """Close the connection."""
        self._link.close()
