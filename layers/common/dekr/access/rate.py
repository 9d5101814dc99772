"""The arithmetic of a rate limit (GCRA, https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm), and buckets in memory.

The whole state of a caller is the theoretical arrival time (tat): the moment at which all that was granted is paid off at the
sustained rate. The time from now until then is the debt, in microseconds, and 0 for a caller who has rested long enough.
``limit.lua`` keeps the same state in the store. A request that costs more than the burst (a batch that the tier allows) is granted
to a caller without a debt, and the next one waits until it is paid off.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from dekr.cache.freshness import CLOCK_TOLERANCE_US

MINUTE_US: Final = 60_000_000
MAX_DEBT_US: Final = MINUTE_US
"""The largest debt that a granted request can leave, because none may cost more than a minute's requests."""

MAX_BUCKETS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """A sustained rate with a burst. ``emission_interval_us``: the time between two requests at that rate."""

    emission_interval_us: int
    burst: int

    @classmethod
    def of(cls, per_minute: int, burst: int) -> "Rate":
        """Make a rate of so many requests a minute, of which ``burst`` may come at once."""
        return cls(MINUTE_US // per_minute, burst)

    def wait_us(self, debt_us: int, cost: int) -> int:
        """Microseconds until a request of this cost is granted; 0 or less where that is now."""
        return debt_us + (cost - max(self.burst, cost)) * self.emission_interval_us

    def left(self, debt_us: int) -> int:
        """The number of requests of cost 1 that would be granted now."""
        return max(0, self.burst - -(-debt_us // self.emission_interval_us))

    def next_us(self, debt_us: int) -> int:
        """Microseconds until one request more than ``left`` would be granted; 0 without a debt."""
        return max(0, debt_us - (self.burst - self.left(debt_us) - 1) * self.emission_interval_us) if debt_us else 0


@dataclass(slots=True, eq=False)
class Buckets:
    """The rate limit in memory, for the callers of one sandbox. Of more than MAX_BUCKETS the one whose last request is oldest is
    forgotten.
    """

    _granted: OrderedDict[str, tuple[int, int]] = field(default_factory=OrderedDict)
    """By caller: the moment of the last grant, and the theoretical arrival time after it."""

    def take(self, caller: str, rate: Rate, cost: int, now_us: int) -> tuple[bool, int]:
        """Decide on a request: whether it is granted, and the caller's debt after it. A refused request changes nothing. What was
        granted before the clock stepped back is forgotten.
        """
        at_us, tat_us = self._granted.get(caller, (0, 0))
        debt_us = max(0, tat_us - now_us) if at_us <= now_us + CLOCK_TOLERANCE_US else 0
        if rate.wait_us(debt_us, cost) > 0:
            return False, debt_us
        debt_us += cost * rate.emission_interval_us
        self._granted[caller] = now_us, now_us + debt_us
        self._granted.move_to_end(caller)
        if len(self._granted) > MAX_BUCKETS:
            self._granted.popitem(last=False)
        return True, debt_us
