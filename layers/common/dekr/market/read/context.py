"""One reader's request as the services see it, and what they report of it."""

from dataclasses import dataclass, field
from enum import StrEnum

from dekr.access.limits import Admission, RateCharge
from dekr.deadline import Deadline
from dekr.errors import DekrError
from dekr.gate.call import Attempt
from dekr.gate.permit import FetchOutcome
from dekr.store import Command
from dekr.tiers import TierPolicy


class Outcome(StrEnum):
    """How a read was answered."""

    HIT = "hit"
    """From the cache."""
    MISS = "miss"
    """By a fetch of its own."""
    COLLAPSED = "collapsed"
    """By somebody else's fetch that it waited for."""
    STALE = "stale"
    """With data older than the reader's tier allows, because the upstream could not be asked; always labelled."""
    PARTIAL = "partial"
    """In part only, for the same reason."""


@dataclass(slots=True)
class ReadContext:
    """Who reads, what their tier allows and until when; filled with what happened while the request is served.

    ``charge`` is what the request costs of the caller's limits; it rides in the first round trip, and ``admission`` is the
    limiter's answer. ``now_us`` is the time, ``stamp_us`` the oldest stamp among the entries of the answer that can grow too
    old, ``fresh_until_us`` the first moment at which one of them is: all on the store's clock. ``local_now_us`` is when
    ``now_us`` was read, on this machine's clock. ``failure`` is the error behind stale or absent data. ``source`` and
    ``delayed`` label the data. ``upstream_calls``, ``upstream_s`` and ``attempts`` say what was spent upstream for this request.
    """

    charge: RateCharge
    policy: TierPolicy
    deadline: Deadline
    admission: Admission | None = None
    outcome: Outcome = Outcome.HIT
    failure: DekrError | None = None
    now_us: int = 0
    local_now_us: int = 0
    stamp_us: int = 0
    fresh_until_us: int = 0
    source: str | None = None
    delayed: bool = False
    upstream_calls: int = 0
    upstream_s: float = 0.0
    attempts: list[Attempt] = field(default_factory=list)
    counted: bool = False

    @property
    def age_s(self) -> int:
        """Age of the oldest part of the answer in whole seconds, as the Age header wants it."""
        return max(0, self.now_us - self.stamp_us) // 1_000_000

    def record(self, outcome: FetchOutcome) -> None:
        """Add what a fetch has cost."""
        self.upstream_calls += outcome.calls
        self.upstream_s += outcome.seconds
        self.attempts += outcome.attempts

    def count_misses(self, data: int, calls: int) -> tuple[Command, ...]:
        """The commands that count, once for the request, data that the cache did not have, and each time the upstream calls."""
        first, self.counted = not self.counted, True
        return self.charge.count_misses(data if first else 0, calls)
