"""One reader's request as the services see it, and the report of what happened while it was served."""

from dataclasses import dataclass, field
from enum import StrEnum

from dekr.access.limits import Admission, RateCharge
from dekr.data_source import DataSource
from dekr.deadline import Deadline
from dekr.errors import DekrError
from dekr.flaws import NO_FLAWS, Flaws
from dekr.gate.call import Attempt
from dekr.gate.permit import FetchOutcome
from dekr.store import Command
from dekr.tiers import TierPolicy


class Outcome(StrEnum):
    """The way in which a read was answered."""

    HIT = "hit"
    """From the cache."""
    MISS = "miss"
    """By a fetch that this request made."""
    COLLAPSED = "collapsed"
    """By another request's fetch, for which this one waited."""
    STALE = "stale"
    """With data older than the reader's tier allows, because no fetch was possible; always labelled."""
    PARTIAL = "partial"
    """In part only, because no fetch was possible for the rest."""


@dataclass(slots=True, eq=False)
class ReadContext:
    """Who reads, what their tier allows and until when; filled with what happened while the request is served.

    ``charge`` is what the request costs of the caller's limits; it rides in the first round trip, and ``admission`` is the
    limiter's answer. ``now_us`` is the time, ``stamp_us`` the oldest stamp among the entries of the answer that can grow too
    old, ``fresh_until_us`` the first moment at which one of them is: all on the store's clock. ``local_now_us`` is when
    ``now_us`` was read, on this machine's clock. ``failure`` is the error behind stale or absent data. ``source``, ``delayed``
    and ``flaws`` label the data. ``upstream_calls``, ``upstream_s`` and ``attempts`` say what was spent upstream for this
    request. ``paid_calls``: how many upstream calls of those that are charged are paid for and not made.
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
    source: DataSource | None = None
    delayed: bool = False
    flaws: Flaws = NO_FLAWS
    upstream_calls: int = 0
    paid_calls: int = 1
    upstream_s: float = 0.0
    attempts: list[Attempt] = field(default_factory=list)
    counted: bool = False

    @property
    def age_s(self) -> int:
        """Age of the oldest part of the answer in whole seconds, as the Age header states it."""
        return max(0, self.now_us - self.stamp_us) // 1_000_000

    def record(self, outcome: FetchOutcome) -> None:
        """Add the upstream calls that a fetch has made, and how long they took."""
        self.upstream_calls += outcome.calls
        self.upstream_s += outcome.seconds
        self.attempts += outcome.attempts

    def count_misses(self, data: int, calls: int) -> tuple[Command, ...]:
        """The commands that count, once for the request, data that the cache did not have, and each time the upstream calls."""
        first, self.counted = not self.counted, True
        return self.charge.count_misses(data if first else 0, calls)
