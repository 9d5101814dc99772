"""The vendor's plans: what each includes, how late it is and how often it may be asked."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Plan:
    """``delay_us``: how old its newest data is; ``end_of_day``: nothing of a session before it is over."""

    name: str
    per_minute: int | None
    quotes: bool
    snapshots: bool
    delay_us: int = 0
    end_of_day: bool = False


PLANS: Final = {
    plan.name: plan
    for plan in (
        Plan("free", 5, quotes=False, snapshots=False, end_of_day=True),
        Plan("starter", None, quotes=False, snapshots=True, delay_us=15 * 60 * 1_000_000),
        Plan("advanced", None, quotes=True, snapshots=True),
    )
}


@dataclass(slots=True)
class Meter:
    """Counts calls in a sliding window of a minute of the sandbox's clock."""

    per_minute: int | None
    _calls: deque[int] = field(default_factory=deque)

    def allows(self, now_us: int) -> bool:
        """Whether one more call is allowed now; it counts if so."""
        if self.per_minute is None:
            return True
        while self._calls and not now_us - 60_000_000 < self._calls[0] <= now_us:
            self._calls.popleft()
        if len(self._calls) >= self.per_minute:
            return False
        self._calls.append(now_us)
        return True
