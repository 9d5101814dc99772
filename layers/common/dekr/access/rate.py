"""The arithmetic of a rate limit (GCRA, https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm), and buckets in memory.

A caller's whole state is how far they are ahead of the sustained rate, in microseconds: 0 for one who has rested long
enough. ``limit.lua`` keeps the same state in the store. A request that costs more than the burst (a batch that the tier
allows) is granted to a caller who has rested, and the next one waits until it is paid off.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

MINUTE_US: Final = 60_000_000
MAX_DEBT_US: Final = MINUTE_US
"""No granted request puts anybody farther ahead: none may cost more than a minute's requests."""

MAX_BUCKETS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """A sustained rate with a burst. ``gap_us``: time between two requests at that rate."""

    emission_interval_us: int
    burst: int

    @classmethod
    def of(cls, per_minute: int, burst: int) -> "Rate":
        """So many requests a minute, and so many at once."""
        return cls(MINUTE_US // per_minute, burst)

    def wait_us(self, debt_us: int, cost: int) -> int:
        """How long until a request of this cost is granted; 0 or less: now."""
        return debt_us + (cost - max(self.burst, cost)) * self.emission_interval_us

    def left(self, debt_us: int) -> int:
        """How many single requests would be granted now."""
        return max(0, self.burst - -(-debt_us // self.emission_interval_us))

    def next_us(self, debt_us: int) -> int:
        """How long until one request more than ``left`` would be granted; 0 where the burst is whole."""
        return max(0, debt_us - (self.burst - self.left(debt_us) - 1) * self.emission_interval_us) if debt_us else 0


@dataclass(slots=True)
class Buckets:
    """The callers of one sandbox, bounded: the one that asked longest ago is forgotten first."""

    _tat_us: OrderedDict[str, int] = field(default_factory=OrderedDict)

    def take(self, caller: str, rate: Rate, cost: int, now_us: int) -> tuple[bool, int]:
        """Whether a request is granted, and how far ahead the caller now is. A refused one changes nothing."""
        debt_us = max(0, self._tat_us.get(caller, 0) - now_us)
        if rate.wait_us(debt_us, cost) > 0:
            return False, debt_us
        debt_us += cost * rate.emission_interval_us
        self._tat_us[caller] = now_us + debt_us
        self._tat_us.move_to_end(caller)
        if len(self._tat_us) > MAX_BUCKETS:
            self._tat_us.popitem(last=False)
        return True, debt_us
