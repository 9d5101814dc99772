"""The limits as a slow and obvious model: a bucket of tokens in exact fractions, and a count per UTC day."""

from dataclasses import dataclass, field
from fractions import Fraction

DAY_US = 86_400_000_000


@dataclass
class TokenBucket:
    """Fills at one token each ``emission_interval_us`` up to ``burst``. A cost above the burst needs a full bucket and leaves a
    debt.
    """

    emission_interval_us: int
    burst: int
    quota: int | None = None
    tokens: Fraction = field(init=False)
    at_us: int = 0
    day: int = -1
    used: int = 0

    def __post_init__(self) -> None:
        self.tokens = Fraction(self.burst)

    def take(self, now_us: int, cost: int) -> str:
        """``granted``, ``rate_limited`` or ``daily_quota_spent``; only a granted one changes anything."""
        self._pass_time(now_us)
        if self.tokens < min(cost, self.burst):
            return "rate_limited"
        if self.quota is not None and self.used + cost > self.quota:
            return "daily_quota_spent"
        self.tokens -= cost
        self.used += cost
        return "granted"

    def left(self) -> int:
        """Return the number of requests that would be granted at once."""
        return max(0, self.tokens // 1)

    def wait_us(self, cost: int) -> Fraction:
        """Return the microseconds until this cost is granted."""
        return (min(cost, self.burst) - self.tokens) * self.emission_interval_us

    def _pass_time(self, now_us: int) -> None:
        self.tokens = min(Fraction(self.burst), self.tokens + Fraction(now_us - self.at_us, self.emission_interval_us))
        self.at_us = now_us
        if now_us // DAY_US != self.day:
            self.day, self.used = now_us // DAY_US, 0
