"""The counts of a relay, for one line of metrics a minute."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

MAX_LAGS: Final = 10_000
"""So many of a minute's lags are kept, the first ones: one for each frame."""


METRICS: Final = (
    "events",
    "deliveries",
    "posts",
    "dropped",
    "slow_closed",
    "throttled",
    "store_failures",
    "outages",
    "connections",
    "lag_p50_us",
    "lag_p99_us",
)
"""Those of the counts that are metrics; the others stand in the line of log alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """Counts since the last look.

    ``events`` came from upstream; ``malformed``: the number of items that were none, by reason. ``deliveries`` of events to
    connections were made in ``posts``, of which ``repeats`` may have sent a frame again. ``dropped``: events that slow connections
    did not get. ``slow_closed``: connections. ``throttled``: how often the account's rate was used up. ``store_failures``: writes
    that had to be repeated. ``outages``: how often the upstream stopped to send. The lags are from the receipt of a frame's first
    event to its delivery (us; 0: none). ``connections`` and ``pairs`` are those of the moment.
    """

    events: int
    malformed: Mapping[str, int]
    deliveries: int
    posts: int
    repeats: int
    dropped: int
    slow_closed: int
    throttled: int
    store_failures: int
    outages: int
    lag_p50_us: int
    lag_p99_us: int
    connections: int
    pairs: int


@dataclass(slots=True)
class Counts:
    """The counts that a relay is adding to."""

    events: int = 0
    malformed: dict[str, int] = field(default_factory=dict)
    deliveries: int = 0
    posts: int = 0
    repeats: int = 0
    dropped: int = 0
    slow_closed: int = 0
    throttled: int = 0
    store_failures: int = 0
    outages: int = 0
    lags_us: list[int] = field(default_factory=list)

    def leave_out(self, reason: str) -> None:
        """Add an item that was no event."""
        self.malformed[reason] = self.malformed.get(reason, 0) + 1

    def lag(self, lag_us: int) -> None:
        """Add a lag."""
        if len(self.lags_us) < MAX_LAGS:
            self.lags_us.append(lag_us)

    def stats(self, connections: int, pairs: int) -> Stats:
        """Return the counts."""
        lags = sorted(self.lags_us)
        return Stats(
            events=self.events,
            malformed=self.malformed,
            deliveries=self.deliveries,
            posts=self.posts,
            repeats=self.repeats,
            dropped=self.dropped,
            slow_closed=self.slow_closed,
            throttled=self.throttled,
            store_failures=self.store_failures,
            outages=self.outages,
            lag_p50_us=lags[len(lags) // 2] if lags else 0,
            lag_p99_us=lags[len(lags) * 99 // 100] if lags else 0,
            connections=connections,
            pairs=pairs,
        )
