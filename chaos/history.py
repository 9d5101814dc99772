"""The record of a run, as the checks read it. All times are microseconds of this machine's clock unless stated otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from chaos.timeline import Timeline

type Kind = Literal["quote", "trade", "bar", "news"]


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a ticker. ``fingerprint``: its time and its figures, which tell it from an older or newer value."""

    kind: Kind
    ticker: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One request and its answer, as its caller saw it.

    ``stale``: whether the answer was labelled stale; ``outcome``: its Cache-Status header; ``age_s``: its Age header;
    ``unknown``: tickers that it says do not exist, or have no bars; ``recovery``: whether it was requested after the last fault;
    ``stalled_us``: how long its sandbox waited for a processor during the request.
    """

    worker: str
    start_us: int
    end_us: int
    route: str
    tier: int
    deadline_ms: int
    status: int
    code: str = ""
    stale: bool = False
    outcome: str = ""
    age_s: int | None = None
    values: tuple[Value, ...] = ()
    unknown: tuple[str, ...] = ()
    recovery: bool = False
    stalled_us: int = 0

    @property
    def late_us(self) -> int:
        """Microseconds from the deadline until the answer; negative for an answer before it."""
        return self.end_us - self.start_us - self.deadline_ms * 1000


@dataclass(frozen=True, slots=True)
class Call:
    """One call that arrived at the upstream.

    ``datum``, ``token`` and ``lease_ms`` describe the lease of the worker that fetches: on what, its token, its
    duration; ``granted_us``: when it was granted, on the service's clock; ``without_store``: whether it was made
    without the store.
    """

    worker: str
    arrived_us: int
    ended_us: int
    path: str
    datum: str
    token: str
    granted_us: int
    lease_ms: int
    without_store: bool


@dataclass(frozen=True, slots=True)
class Handout:
    """A value that the upstream handed out in answer to a call that arrived at ``arrived_us``."""

    value: Value
    arrived_us: int


@dataclass(frozen=True, slots=True)
class FetchResult:
    """The end of a fetch by the holder of a lease. ``good``: whether it got a good answer."""

    worker: str
    token: str
    end_us: int
    good: bool


@dataclass(frozen=True, slots=True)
class Sample:
    """The stamp of an entry in the store at some moment between ``first_us`` and ``last_us``.

    ``stamp_us`` is on the service's clock; 0 if there is no entry.
    """

    key: str
    first_us: int
    last_us: int
    stamp_us: int


@dataclass(frozen=True, slots=True)
class FaultInterval:
    """The time during which a fault lasted. ``loss``: whether the store's data was lost; ``worker``: the affected
    worker, or empty.
    """

    lane: str
    kind: str
    from_us: int
    until_us: int
    loss: bool = False
    worker: str = ""


@dataclass(slots=True)
class History:
    """The whole record of a run.

    ``per_minute``: the budget of upstream calls; ``stale_s``: the stale window; ``workers``: those that were to answer
    to the end; ``unfinished``: those of them that did not end properly.
    """

    timeline: Timeline
    per_minute: int
    stale_s: int
    answers: list[Answer] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    handouts: list[Handout] = field(default_factory=list)
    fetched: list[FetchResult] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    fault_intervals: list[FaultInterval] = field(default_factory=list)
    workers: Sequence[str] = ()
    unfinished: Sequence[str] = ()

    def losses(self, first_us: int, last_us: int) -> int:
        """Return how often the store's data was lost between two moments."""
        return sum(t.loss and t.until_us >= first_us and t.from_us <= last_us for t in self.fault_intervals)

    def stopped_in(self, answer: Answer) -> bool:
        """Return whether the answer's worker was suspended or killed during the request."""
        return self.stopped(answer.worker, answer.start_us, answer.end_us)

    def stopped(self, worker: str, first_us: int, last_us: int) -> bool:
        """Return whether a worker was suspended or killed between two moments."""
        intervals = (t for t in self.fault_intervals if t.worker == worker and t.lane == "process")
        return any(t.until_us >= first_us and t.from_us <= last_us for t in intervals)


@dataclass(frozen=True, slots=True)
class Violation:
    """A violated invariant, and the evidence for it."""

    invariant: str
    evidence: str
