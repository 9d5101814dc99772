"""One reader's request as the services see it, and what they report of it."""

from dataclasses import dataclass
from enum import StrEnum

from dekr.access.limits import Admission, RateCharge
from dekr.deadline import Deadline
from dekr.errors import DekrError
from dekr.store import Command
from dekr.tiers import TierPolicy


class Outcome(StrEnum):
    """How a read was answered: from the cache; by a fetch of its own; by somebody else's fetch that it waited for; or
    with data older than the reader's tier allows, because the upstream could not be asked (always labelled); or, for the same
    reason, only in part.
    """

    HIT = "hit"
    MISS = "miss"
    COLLAPSED = "collapsed"
    STALE = "stale"
    PARTIAL = "partial"


@dataclass(slots=True)
class ReadContext:
    """Who asks, what their tier allows and until when; filled with what happened while it is served.

    ``toll`` is the rate limit, which rides in the first round trip; ``admission`` is its answer. ``stamp_us`` is the
    oldest stamp among the entries of the answer that can grow too old, ``fresh_until_us`` the first moment at which one
    of them is, and ``now_us`` the time: all on the store's clock. ``here_us`` is when ``now_us`` was looked at, on this
    machine's. ``failure`` is the error behind stale or absent data.
    """

    charge: RateCharge
    policy: TierPolicy
    deadline: Deadline
    admission: Admission | None = None
    outcome: Outcome = Outcome.HIT
    failure: DekrError | None = None
    now_us: int = 0
    here_us: int = 0
    stamp_us: int = 0
    fresh_until_us: int = 0
    source: str | None = None
    delayed: bool = False
    upstream_calls: int = 0
    upstream_s: float = 0.0
    counted: bool = False

    @property
    def age_s(self) -> int:
        """Age of the oldest part of the answer in whole seconds, as the Age header wants it."""
        return max(0, self.now_us - self.stamp_us) // 1_000_000

    def missed(self, data: int, calls: int) -> tuple[Command, ...]:
        """What counts, once for the request, data that the cache did not have, and each time the upstream calls."""
        first, self.counted = not self.counted, True
        return self.charge.missed(data if first else 0, calls)
