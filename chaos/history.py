"""What was seen in a run, as the checks read it. All times are microseconds of this machine's clock, unless they say so."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from chaos.timeline import Timeline

type Kind = Literal["quote", "trade", "bar", "news"]


@dataclass(frozen=True, slots=True)
class Value:
    """A datum of a ticker; ``mark`` is what tells it from an older or newer one (its time and its figures)."""

    kind: Kind
    ticker: str
    mark: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One request and its answer, as its caller saw it.

    ``stale``: whether it was labelled so; ``age_s``: its Age header; ``unknown``: tickers that it says do not exist;
    ``recovery``: asked after the last fault.
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


@dataclass(frozen=True, slots=True)
class Call:
    """One call that arrived at the upstream.

    ``alone``: made without the store. ``token``, ``datum``, ``lease_ms``: whose lease, on what, for how long, as its holder
    says; ``granted_us``: when that was granted, on the service's clock.
    """

    worker: str
    arrived_us: int
    ended_us: int
    path: str
    datum: str
    token: str
    granted_us: int
    lease_ms: int
    alone: bool


@dataclass(frozen=True, slots=True)
class Handout:
    """A value that the upstream handed out in answer to a call that arrived then."""

    value: Value
    arrived_us: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """A question that a holder has put to the upstream: whether it got a good answer."""

    worker: str
    token: str
    end_us: int
    good: bool


@dataclass(frozen=True, slots=True)
class Sample:
    """The stamp of an entry as it stood in the store at some moment in between; on the service's clock, 0 for no entry."""

    key: str
    first_us: int
    last_us: int
    stamp_us: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault while it lasted. ``loss``: the store's data was lost in it. ``worker``: whom it met, where it was one."""

    lane: str
    kind: str
    from_us: int
    until_us: int
    loss: bool = False
    worker: str = ""


@dataclass(slots=True)
class History:
    """All of it. ``per_minute``: the budget; ``workers``: who was to answer to the end; ``unfinished``: who did not."""

    timeline: Timeline
    per_minute: int
    stale_s: int
    answers: list[Answer] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    handouts: list[Handout] = field(default_factory=list)
    fetched: list[Fetched] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    workers: Sequence[str] = ()
    unfinished: Sequence[str] = ()

    def losses(self, first_us: int, last_us: int) -> int:
        """How often the store's data was lost between two moments."""
        return sum(t.loss and t.until_us >= first_us and t.from_us <= last_us for t in self.troubles)

    def stopped(self, worker: str, first_us: int, last_us: int) -> bool:
        """Whether a worker was stopped or killed between two moments."""
        met = (t for t in self.troubles if t.worker == worker and t.lane == "process")
        return any(t.until_us >= first_us and t.from_us <= last_us for t in met)


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that did not hold, and what shows it."""

    invariant: str
    evidence: str
