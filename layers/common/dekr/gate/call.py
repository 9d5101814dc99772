"""The terms that the gate, which allows calls of the upstream, and the client, which makes them, have in common."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from dekr.deadline import Deadline


@dataclass(frozen=True, slots=True)
class Family:
    """A group of endpoints that fail together and that a plan includes or lacks together: the unit of the breaker.

    ``refused_by_range``: a refusal depends on the range of time that was requested (the plan's history begins somewhere), so
    it says nothing of the family and is not remembered.
    """

    name: str
    refused_by_range: bool = False

    def __str__(self) -> str:
        return self.name


class CallOutcome(StrEnum):
    """The ways in which one call of the upstream can end."""

    OK = "ok"
    NOT_FOUND = "not_found"
    """404: the upstream is well and does not know the ticker."""
    FAILED = "failed"
    """5xx, time-out, broken connection."""
    UNREACHABLE = "unreachable"
    """No connection: the call never left this machine."""
    MALFORMED = "malformed"
    """An answer that breaks the wire format, or has any other status."""
    THROTTLED = "throttled"
    """429."""
    NOT_ENTITLED = "not_entitled"
    """403: the plan does not include the endpoint."""
    KEY_REFUSED = "key_refused"
    """401."""
    KEY_MISSING = "key_missing"
    """There is no key to send, so no call was made."""

    @property
    def failed(self) -> bool:
        """Whether something is wrong: neither the plan's limits nor an unknown ticker is."""
        return self not in (CallOutcome.OK, CallOutcome.NOT_FOUND, CallOutcome.NOT_ENTITLED)

    @property
    def sent(self) -> bool:
        """Whether a call has left this machine, so that it counts in the upstream's eyes."""
        return self not in (CallOutcome.UNREACHABLE, CallOutcome.KEY_MISSING)

    @property
    def breaks(self) -> bool:
        """Whether it is a failure of the endpoint's family, for its breaker."""
        return not self.sent or self in (CallOutcome.FAILED, CallOutcome.KEY_REFUSED)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call of the upstream as it ended, for the breaker, the budget and the log.

    ``endpoint``: the endpoint's name. ``ticker``: the ticker or tickers that it was for; empty where it was for no certain one.
    ``seconds``: how long it took. ``pause_s``: for how many seconds the upstream sent its callers away. ``cause``: the fault of the
    error with which it failed (dekr.errors.fault_of), which holds no URL, key or value. ``dropped``: how many broken items of its
    list were left out; ``cause`` is then the rule that the first of them broke.
    """

    endpoint: str
    family: Family
    outcome: CallOutcome
    seconds: float
    pause_s: float = 0.0
    cause: str | None = None
    ticker: str = ""
    dropped: int = 0

    @property
    def refused(self) -> bool:
        """Whether the plan refused the family, and not only a range of time."""
        return self.outcome is CallOutcome.NOT_ENTITLED and not self.family.refused_by_range


class Call(Protocol):
    """The right to call the upstream for one fetch."""

    @property
    def deadline(self) -> Deadline:
        """The moment by which the answer must be there."""
        ...

    def spend(self, family: Family) -> None:
        """Take one call from the budget, before every attempt and every page. Raises BudgetSpent, UpstreamDown."""
        ...

    def observe(self, attempt: Attempt) -> None:
        """Note how an attempt ended."""
        ...
